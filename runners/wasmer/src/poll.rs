//! A `poll_oneoff` that returns.
//!
//! WASIX (`wasmer-wasix` 0.704.2, `syscalls/wasi/poll_oneoff.rs`) takes a clock's timeout of zero,
//! "at once", for none at all, and waits forever. CPython asks for it where it is imported:
//! `selectors`, and with it `subprocess`, `asyncio` and scikit-learn's ensembles.

use wasmer::{AsStoreMut, Extern, Function, FunctionEnvMut, Imports, RuntimeError, Store, Value};
use wasmer_wasix::{WasiEnv, WasiFunctionEnv};

/// Module and name of the import.
const IMPORT: (&str, &str) = ("wasi_snapshot_preview1", "poll_oneoff");

/// Layout of a `subscription` in WASI preview 1, in bytes: its size, and where
/// the kind of event and a clock's timeout lie.
const SUBSCRIPTION: u64 = 48;
const KIND: u64 = 8;
const TIMEOUT: u64 = 24;

/// The kind of a subscription to a clock.
const CLOCK: u8 = 0;

/// A timeout in nanoseconds that WASIX takes for "at once".
const AT_ONCE: u64 = 1;

/// Puts a function before WASIX's own that makes timeouts of zero ones of a
/// nanosecond.
pub(crate) fn mend(store: &mut Store, env: &WasiFunctionEnv, imports: &mut Imports) {
    let (module, name) = IMPORT;
    let Some(Extern::Function(of_wasix)) = imports.get_export(module, name) else { return };
    let poll = move |mut caller: FunctionEnvMut<'_, WasiEnv>,
                     subscriptions: u32,
                     events: u32,
                     count: u32,
                     event_count: u32| {
        raise_zero_timeouts(&mut caller, subscriptions, count)?;
        let arguments = [subscriptions, events, count, event_count];
        let arguments = arguments.map(|it| Value::I32(it.cast_signed()));
        let results = of_wasix.call(&mut caller.as_store_mut(), &arguments)?;
        results.first().and_then(Value::i32).ok_or_else(|| RuntimeError::new("no error number"))
    };
    imports.define(module, name, Function::new_typed_with_env(store, &env.env, poll));
}

/// Writes to the guest's own list of subscriptions, which C libraries make
/// anew for each call.
fn raise_zero_timeouts(
    caller: &mut FunctionEnvMut<'_, WasiEnv>,
    subscriptions: u32,
    count: u32,
) -> Result<(), RuntimeError> {
    let Some(memory) = caller.data().try_memory_view(caller) else { return Ok(()) };
    for index in 0..u64::from(count) {
        let at = u64::from(subscriptions) + index * SUBSCRIPTION;
        let mut timeout = [0; 8];
        memory.read(at + TIMEOUT, &mut timeout)?;
        if memory.read_u8(at + KIND)? == CLOCK && u64::from_le_bytes(timeout) == 0 {
            memory.write(at + TIMEOUT, &AT_ONCE.to_le_bytes())?;
        }
    }
    Ok(())
}
