//! The reactor guest: an instance whose interpreter calls the host for its
//! next request.
//!
//! The guest exports `memory`, `_initialize` (unless it is a snapshot),
//! `host_alloc(len) -> ptr` and `turn(ptr, len) -> i32`, which runs Python
//! source, and imports `host.call(ptr, len, out_ptr_ptr, out_len_ptr) -> i32`
//! next to WASI preview 1.

use std::sync::Arc;

use wasmedge_sys::{
    AsInstance, CallingFrame, Executor, Function, ImportModule, Instance, Module, WasmValue,
};
use wasmedge_types::error::CoreError;
use wasmedge_types::{FuncType, ValType};
use wasmfit_kit::protocol::{ColdPhase, Failure};
use wasmfit_kit::{Ended, HOST_CALL_FAULT as FAULT, HOST_CALL_OK as OK, Session, Trouble};

use crate::code;
use crate::guest::{Host, broken, memory_bytes};

/// The host's state behind `host.call`.
struct Door {
    /// Taken out when the guest has ended.
    session: Option<Session>,
    /// Lives as long as the guest runs, in a [`Host`].
    executor: *mut Executor,
}

/// Instantiates the guest and serves until its loop ends.
pub(crate) fn serve(
    mut host: Host,
    module: &Arc<Module>,
    session: Session,
) -> Result<Ended, Failure> {
    let executor: *mut Executor = &raw mut *host.executor;
    let door = Box::new(Door { session: Some(session), executor });
    let mut imports = ImportModule::create("host", door).map_err(broken)?;
    let kind = FuncType::new(vec![ValType::I32; 4], vec![ValType::I32]);
    // SAFETY: the data lives in `imports`, which outlives the function: that
    // is added to it and goes with it.
    let call =
        unsafe { Function::create_sync_func(&kind, host_call, imports.get_host_data_mut(), 0) };
    imports.add_func("call", call.map_err(broken)?);
    host.executor.register_import_module(&mut host.store, &imports).map_err(broken)?;

    let mut guest = host.instantiate(module)?;
    let Some(session) = &mut imports.get_host_data_mut().session else {
        return Err(broken("the session was lost"));
    };
    session.begin(ColdPhase::Initialize);
    let program = session.program().to_owned();
    let trouble = run(&mut host, &mut guest, &program).err().map(Failure::from);
    let linear_memory_bytes = memory_bytes(&guest);
    let session = imports.get_host_data_mut().session.take();
    let session = session.ok_or_else(|| broken("the session was lost"))?;
    Ok(Ended {
        session,
        code: Some(code::of(module)),
        linear_memory_bytes,
        elsewhere: None,
        trouble,
    })
}

fn run(host: &mut Host, guest: &mut Instance, program: &str) -> Result<(), Trouble> {
    // A snapshot has been initialized when it was made, and has no such
    // export.
    if guest.get_func_mut("_initialize").is_ok() {
        host.call(guest, "_initialize", [])?;
    }
    let length = i32::try_from(program.len()).map_err(Trouble::not_run)?;
    let length = WasmValue::from_i32(length);
    let placed = host.call(guest, "host_alloc", [length])?;
    let place = placed.first().map_or(0, WasmValue::to_i32);
    guest
        .get_memory_mut("memory")
        .and_then(|mut memory| memory.set_data(program.as_bytes(), place.cast_unsigned()))
        .map_err(Trouble::not_run)?;
    // The driver reports its own failures, so what `turn` returns adds
    // nothing to what the session knows.
    host.call(guest, "turn", [WasmValue::from_i32(place), length]).map(|_| ())
}

/// `host.call`: hands the guest's message to the session, and its answer to
/// the guest.
#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the shape of a host function"
)]
fn host_call(
    door: &mut Door,
    guest: &mut Instance,
    frame: &mut CallingFrame,
    arguments: Vec<WasmValue>,
) -> Result<Vec<WasmValue>, CoreError> {
    let served = serve_call(door, guest, frame, &arguments);
    Ok(vec![WasmValue::from_i32(if served.is_some() { OK } else { FAULT })])
}

fn serve_call(
    door: &mut Door,
    guest: &mut Instance,
    frame: &mut CallingFrame,
    arguments: &[WasmValue],
) -> Option<()> {
    let &[pointer, length, answer_pointer, answer_length] = arguments else { return None };
    let [pointer, length, answer_pointer, answer_length] =
        [pointer, length, answer_pointer, answer_length].map(|it| it.to_i32().cast_unsigned());
    let answer = {
        let memory = frame.memory_ref(0)?;
        let message = memory.slice::<u8>(pointer as usize, length as usize)?;
        door.session.as_mut()?.answer(message).ok()?
    };
    let length = u32::try_from(answer.len()).ok()?;
    let mut place = 0;
    if length > 0 {
        let mut host_alloc = guest.get_func_mut("host_alloc").ok()?;
        // SAFETY: the executor is alive, since it is what called this, and is
        // made to be called again from host functions. `Host::call`, which
        // borrowed it, only waits for this to return.
        let executor = unsafe { &mut *door.executor };
        let length = WasmValue::from_i32(length.cast_signed());
        let placed = executor.call_func(&mut host_alloc, [length]).ok()?;
        place = placed.first()?.to_i32().cast_unsigned();
    }
    let mut memory = frame.memory_mut(0)?;
    if length > 0 {
        if place == 0 {
            return None;
        }
        memory.set_data(&answer, place).ok()?;
    }
    memory.set_data(place.to_le_bytes(), answer_pointer).ok()?;
    memory.set_data(length.to_le_bytes(), answer_length).ok()
}
