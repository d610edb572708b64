//! The tier that is `aot` with the cost of instructions measured and limited:
//! what counting costs is how much slower it is.

use wasmedge_sys::{Config, Executor, Statistics, ffi};
use wasmedge_types::error::WasmEdgeError;
use wasmfit_kit::protocol::{LimitKind, Tier};

/// Its name.
pub(crate) const TIER: &str = "aot-gas";

/// More than any guest comes to the end of: what is asked is what the counting
/// costs.
pub(crate) const PLENTY: u64 = u64::MAX / 2;

/// WasmEdge's cost table has a place for each code of an instruction.
const CODES: usize = 1 << 16;

pub(crate) fn tier() -> Tier {
    Tier::limited(TIER, "aot", LimitKind::Budget)
}

/// What a guest has spent, and what it may spend.
pub(crate) struct Gas {
    statistics: Statistics,
    limit: u64,
}

impl Gas {
    /// Of which each instruction costs one.
    pub(crate) fn new(limit: u64) -> Result<Self, Box<WasmEdgeError>> {
        let mut statistics = Statistics::create()?;
        statistics.set_cost_table(vec![1; CODES]);
        Ok(Self { statistics, limit })
    }

    /// An executor that counts in it, and must not outlive it.
    pub(crate) fn executor(&mut self, config: &Config) -> Result<Executor, Box<WasmEdgeError>> {
        // `Executor::create` of wasmedge-sys 0.21.1 frees the statistics that
        // it is given before it hands them on.
        let (config, statistics) = (config.as_ptr(), self.statistics.as_ptr().cast_mut());
        // SAFETY: both are alive, and the executor copies the settings.
        let executor = unsafe { ffi::WasmEdge_ExecutorCreate(config, statistics) };
        if executor.is_null() {
            return Err(Box::new(WasmEdgeError::ExecutorCreate));
        }
        // A new executor takes the limit of the settings, which is none.
        self.statistics.set_cost_limit(self.limit);
        // SAFETY: an `Executor` is this pointer and nothing else, which it
        // frees when it is dropped; their sizes are compared by the compiler.
        Ok(unsafe { std::mem::transmute::<*mut ffi::WasmEdge_ExecutorContext, Executor>(executor) })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use wasmedge_sys::{AsInstance, Store};
    use wasmedge_types::error::{CoreCommonError, CoreError};

    use super::*;
    use crate::engine::{self, Mode};

    /// Counts to a million.
    const LONG: &str = r#"(module (func (export "run") (local $count i32)
        (loop $again
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $count) (i32.const 1000000))))))"#;

    /// How it ended, and what it cost.
    fn run(limit: u64) -> (Result<(), Box<WasmEdgeError>>, u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let [module, library] = ["long.wasm", "long.so"].map(|name| folder.path().join(name));
        fs::write(&module, wat::parse_str(LONG).expect("a module")).expect("written");
        engine::compile(Mode::AotGas, false, &module, &library).expect("compiled");
        let config = engine::config(Mode::AotGas, false).expect("settings");
        let module = engine::load(&config, &library).expect("loaded");
        let mut gas = Gas::new(limit).expect("gas");
        let mut executor = gas.executor(&config).expect("an executor");
        let mut store = Store::create().expect("a store");
        let mut guest = executor.register_active_module(&mut store, &module).expect("a guest");
        let mut function = guest.get_func_mut("run").expect("run");
        let ended = executor.call_func(&mut function, []).map(|_| ());
        (ended, gas.statistics.cost_in_total())
    }

    #[test]
    fn gas_that_is_spent_ends_the_guest() {
        let (ended, spent) = run(100_000);
        let reason = *ended.expect_err("out of gas");
        let expected = CoreCommonError::CostLimitExceeded;
        assert_eq!(reason, WasmEdgeError::Core(CoreError::Common(expected)));
        assert!(spent < 200_000, "{spent}");
    }

    #[test]
    fn plenty_ends_nothing_and_is_counted() {
        let (ended, spent) = run(PLENTY);
        ended.expect("it ends");
        assert!(spent > 1_000_000, "{spent}");
    }
}
