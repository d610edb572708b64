//! The reactor guest: an instance whose interpreter calls the host for its
//! next request.
//!
//! The guest exports `memory`, `_initialize` (unless it is a snapshot),
//! `host_alloc(len) -> ptr` and `turn(ptr, len) -> i32`, which runs Python
//! source, and imports `host.call(ptr, len, out_ptr_ptr, out_len_ptr) -> i32`
//! next to WASI preview 1.

use wasmfit_kit::protocol::ColdPhase;
use wasmfit_kit::{HOST_CALL_FAULT as FAULT, HOST_CALL_OK as OK, Session};
use wasmtime::{Caller, Instance, Linker, Memory, Module, Store, TypedFunc};

use crate::coverage;
use crate::guest::Host;

/// The host's state while a reactor runs.
pub(crate) struct Door {
    pub(crate) session: Session,
    exports: Option<Exports>,
}

impl Door {
    pub(crate) const fn new(session: Session) -> Self {
        Self { session, exports: None }
    }
}

#[derive(Clone)]
struct Exports {
    memory: Memory,
    host_alloc: TypedFunc<u32, u32>,
}

/// Instantiates the guest and serves until its loop ends.
pub(crate) fn run(
    mut linker: Linker<Host<Door>>,
    module: &Module,
    store: &mut Store<Host<Door>>,
) -> wasmtime::Result<Instance> {
    linker.func_wrap("host", "call", host_call)?;
    coverage::define_memory(&mut linker, module, store)?;
    let instance = linker.instantiate(&mut *store, module)?;
    let memory = instance
        .get_memory(&mut *store, "memory")
        .ok_or_else(|| wasmtime::Error::msg("the guest exports no memory"))?;
    let host_alloc = instance.get_typed_func(&mut *store, "host_alloc")?;
    let turn = instance.get_typed_func::<(u32, u32), i32>(&mut *store, "turn")?;
    store.data_mut().own.exports = Some(Exports { memory, host_alloc });

    store.data_mut().own.session.begin(ColdPhase::Initialize);
    initialize(&instance, store)?;
    let program = store.data().own.session.program().to_owned();
    let code = put(&mut *store, program.as_bytes())?;
    // The driver reports its own failures, so what `turn` returns adds
    // nothing to what the session knows.
    turn.call(&mut *store, code)?;
    Ok(instance)
}

/// A snapshot has been initialized when it was made, and has no such export.
fn initialize(instance: &Instance, store: &mut Store<Host<Door>>) -> wasmtime::Result<()> {
    match instance.get_func(&mut *store, "_initialize") {
        None => Ok(()),
        Some(function) => function.typed::<(), ()>(&*store)?.call(store, ()),
    }
}

/// Copies bytes into memory that the guest has allocated for them, and
/// returns where they are.
fn put(
    mut store: impl wasmtime::AsContextMut<Data = Host<Door>>,
    bytes: &[u8],
) -> wasmtime::Result<(u32, u32)> {
    let Some(Exports { memory, host_alloc }) = store.as_context().data().own.exports.clone() else {
        return Err(wasmtime::Error::msg("the guest called before it was up"));
    };
    let length = u32::try_from(bytes.len())?;
    let pointer = host_alloc.call(&mut store, length)?;
    if pointer == 0 && length > 0 {
        return Err(wasmtime::Error::msg("the guest has no memory left for the request"));
    }
    memory.write(&mut store, pointer as usize, bytes)?;
    Ok((pointer, length))
}

/// `host.call`: hands the guest's message to the session, and its answer to
/// the guest.
fn host_call(
    mut caller: Caller<'_, Host<Door>>,
    pointer: u32,
    length: u32,
    answer_pointer: u32,
    answer_length: u32,
) -> wasmtime::Result<i32> {
    let Some(memory) = caller.data().own.exports.as_ref().map(|exports| exports.memory) else {
        return Ok(FAULT);
    };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let end = pointer as usize + length as usize;
    let Some(message) = bytes.get(pointer as usize..end) else {
        return Ok(FAULT);
    };
    let Ok(answer) = state.own.session.answer(message) else {
        return Ok(FAULT);
    };
    let (at, length) = if answer.is_empty() { (0, 0) } else { put(&mut caller, &answer)? };
    memory.write(&mut caller, answer_pointer as usize, &at.to_le_bytes())?;
    memory.write(&mut caller, answer_length as usize, &length.to_le_bytes())?;
    Ok(OK)
}
