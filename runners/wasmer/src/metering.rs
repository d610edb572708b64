//! The tier that is `cranelift` with Wasmer's own metering: what counting
//! costs is how much slower it is.

use std::sync::Arc;

use wasmer::sys::{CompilerConfig, Cranelift};
use wasmer_middlewares::Metering;
use wasmfit_kit::protocol::{LimitKind, Tier};

/// Its name.
pub(crate) const TIER: &str = "cranelift-metering";

/// The tier that it is otherwise the same as.
pub(crate) const BASE: &str = "cranelift";

/// More than any guest comes to the end of: what is asked is what the counting
/// costs.
pub(crate) const PLENTY: u64 = u64::MAX / 2;

pub(crate) fn tier() -> Tier {
    Tier::limited(TIER, BASE, LimitKind::Budget)
}

/// Has `compiler` count instructions, each as one point of `points`. It is for
/// one module, and code that it compiles begins with so many points.
pub(crate) fn meter(compiler: &mut Cranelift, points: u64) {
    compiler.push_middleware(Arc::new(Metering::new(points, |_| 1)));
}

#[cfg(test)]
mod tests {
    use wasmer::sys::EngineBuilder;
    use wasmer::{Instance, Module, RuntimeError, Store, imports};
    use wasmer_middlewares::metering::{MeteringPoints, get_remaining_points};

    use super::*;

    /// Counts to a million.
    const LONG: &str = r#"(module (func (export "run") (local $count i32)
        (loop $again
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $count) (i32.const 1000000))))))"#;

    /// How it ended, and what is left of its points.
    fn run(points: u64) -> (Result<(), RuntimeError>, MeteringPoints) {
        let mut compiler = Cranelift::default();
        meter(&mut compiler, points);
        let mut store = Store::new(EngineBuilder::new(compiler));
        let module = wat::parse_str(LONG).expect("a module");
        let module = Module::new(&store, module).expect("compiled");
        let instance = Instance::new(&mut store, &module, &imports! {}).expect("an instance");
        let run = instance.exports.get_typed_function::<(), ()>(&store, "run").expect("run");
        let ended = run.call(&mut store);
        (ended, get_remaining_points(&mut store, &instance))
    }

    #[test]
    fn points_that_are_spent_end_the_guest() {
        let (ended, left) = run(100_000);
        assert!(ended.is_err());
        assert_eq!(left, MeteringPoints::Exhausted);
    }

    #[test]
    fn plenty_ends_nothing_and_is_counted() {
        let (ended, left) = run(PLENTY);
        assert!(ended.is_ok());
        let MeteringPoints::Remaining(left) = left else { panic!("spent") };
        assert!(PLENTY - left > 1_000_000);
    }
}
