//! The reactor guest: an instance whose interpreter calls the host for its
//! next request.
//!
//! The guest exports `memory`, `_initialize` (unless it is a snapshot),
//! `host_alloc(len) -> ptr` and `turn(ptr, len) -> i32`, which runs Python
//! source, and imports `host.call(ptr, len, out_ptr_ptr, out_len_ptr) -> i32`
//! next to WASI preview 1.

use wasmer::{
    AsStoreMut, Function, FunctionEnv, FunctionEnvMut, Imports, Instance, Memory, Module, Store,
    TypedFunction,
};
use wasmfit_kit::protocol::{ColdPhase, Failure};
use wasmfit_kit::{Ended, HOST_CALL_FAULT as FAULT, HOST_CALL_OK as OK, Session, Trouble};

use crate::code;
use crate::guest::{explain, instantiate, memory_bytes};

/// The host's state behind `host.call`.
struct Door {
    /// Taken out when the guest has ended.
    session: Option<Session>,
    exports: Option<Exports>,
}

#[derive(Clone)]
struct Exports {
    memory: Memory,
    host_alloc: TypedFunction<u32, u32>,
}

/// Instantiates the guest and serves until its loop ends.
pub(crate) fn serve(
    store: &mut Store,
    module: &Module,
    mut imports: Imports,
    session: Session,
    initialize_wasi: impl FnOnce(&mut Store, Instance) -> Result<(), Trouble>,
) -> Result<Ended, Failure> {
    let door = FunctionEnv::new(store, Door { session: Some(session), exports: None });
    let call = Function::new_typed_with_env(store, &door, host_call);
    imports.define("host", "call", call);
    let instance = instantiate(store, module, &imports)?;
    initialize_wasi(store, instance.clone())?;
    let trouble = run(store, &instance, &door).err().map(Failure::from);
    let linear_memory_bytes = memory_bytes(store, &instance);
    let session = door.as_mut(store).session.take();
    let session = session.ok_or_else(|| Trouble::not_run("the session was lost"))?;
    Ok(Ended {
        session,
        code: Some(code::of(store)),
        linear_memory_bytes,
        elsewhere: None,
        trouble,
    })
}

fn run(store: &mut Store, instance: &Instance, door: &FunctionEnv<Door>) -> Result<(), Trouble> {
    let exports = &instance.exports;
    let memory = exports.get_memory("memory").map_err(Trouble::not_run)?.clone();
    let host_alloc = exports.get_typed_function(store, "host_alloc").map_err(Trouble::not_run)?;
    let turn = exports.get_typed_function::<(u32, u32), i32>(store, "turn");
    let turn = turn.map_err(Trouble::not_run)?;
    let exports = Exports { memory, host_alloc };
    let state = door.as_mut(store);
    state.exports = Some(exports.clone());
    let Some(session) = &mut state.session else {
        return Err(Trouble::not_run("the session was lost"));
    };
    session.begin(ColdPhase::Initialize);
    let program = session.program().to_owned();
    // A snapshot has been initialized when it was made, and has no such
    // export.
    if let Ok(initialize) = instance.exports.get_typed_function::<(), ()>(store, "_initialize") {
        initialize.call(store).or_else(explain)?;
    }
    let (pointer, length) = put(store, &exports, program.as_bytes())?;
    // The driver reports its own failures, so what `turn` returns adds
    // nothing to what the session knows.
    turn.call(store, pointer, length).map(|_| ()).or_else(explain)
}

/// Copies bytes into memory that the guest has allocated for them, and
/// returns where they are.
fn put(
    store: &mut impl AsStoreMut,
    exports: &Exports,
    bytes: &[u8],
) -> Result<(u32, u32), Trouble> {
    let length = u32::try_from(bytes.len()).map_err(Trouble::not_run)?;
    let pointer = match exports.host_alloc.call(store, length) {
        Ok(pointer) => pointer,
        Err(error) => explain(error).and(Err(Trouble::Exited(0)))?,
    };
    if pointer == 0 && length > 0 {
        return Err(Trouble::not_run("the guest has no memory left for the request"));
    }
    exports.memory.view(store).write(pointer.into(), bytes).map_err(Trouble::not_run)?;
    Ok((pointer, length))
}

/// `host.call`: hands the guest's message to the session, and its answer to
/// the guest.
fn host_call(
    mut caller: FunctionEnvMut<'_, Door>,
    pointer: u32,
    length: u32,
    answer_pointer: u32,
    answer_length: u32,
) -> i32 {
    let (door, mut store) = caller.data_and_store_mut();
    let (Some(session), Some(exports)) = (&mut door.session, &door.exports) else { return FAULT };
    let view = exports.memory.view(&store);
    // SAFETY: the guest has one thread, which is in this call, so nothing
    // writes to its memory and nothing grows it while the slice is in use.
    let bytes = unsafe { view.data_unchecked() };
    let end = pointer as usize + length as usize;
    let Some(message) = bytes.get(pointer as usize..end) else { return FAULT };
    let Ok(answer) = session.answer(message) else { return FAULT };
    let placed = if answer.is_empty() { Ok((0, 0)) } else { put(&mut store, exports, &answer) };
    let Ok((at, length)) = placed else { return FAULT };
    let view = exports.memory.view(&store);
    let written = view
        .write(answer_pointer.into(), &at.to_le_bytes())
        .and_then(|()| view.write(answer_length.into(), &length.to_le_bytes()));
    if written.is_ok() { OK } else { FAULT }
}
