//! The plainest embedding of the runtime that has a guest run a Python script,
//! as its documentation shows one. `benches/embedding` compares the runner
//! with it: no limits, no session, none of the kit.

use std::error::Error;
use std::{env, fs};

use wasmedge_sys::{
    AsInstance, CallingFrame, Config, Executor, Function, ImportModule, Instance, Loader, Store,
    Validator, WasiModule, WasmValue,
};
use wasmedge_types::error::{CoreCommonError, CoreError, WasmEdgeError};
use wasmedge_types::{FuncType, RunMode, ValType, WasmEdgeResult};

const USAGE: &str =
    "usage: plain-wasmedge ARTIFACT stdio|host-call LIBRARY_FOLDER|- WORKLOAD_FOLDER SCRIPT.py";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [artifact, boundary, library, workload, script] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let script = fs::read_to_string(script)?;

    let mut config = Config::create()?;
    // Unless told, it interprets what has been compiled.
    config.set_run_mode(RunMode::Aot);
    let module = Loader::create(Some(&config))?.from_file(artifact)?;
    Validator::create(Some(&config))?.validate(&module)?;

    let mut program = vec!["/usr/local/bin/python.wasm"];
    if boundary == "stdio" {
        program.extend(["-c", &script]);
    }
    let environment: Vec<String> =
        env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    let mut folders = vec![format!("/workload:{workload}")];
    if library != "-" {
        folders.push(format!("/usr/local/lib:{library}"));
    }
    let [environment, folders] =
        [&environment, &folders].map(|texts| Some(texts.iter().map(String::as_str).collect()));
    let wasi = WasiModule::create(Some(program), environment, folders)?;
    let mut host = ImportModule::create("host", Box::new(()))?;
    let kind = FuncType::new(vec![ValType::I32; 4], vec![ValType::I32]);
    // SAFETY: the data lives in `host`, to which the function is added.
    let refuse = unsafe { Function::create_sync_func(&kind, refuse, host.get_host_data_mut(), 0) };
    host.add_func("call", refuse?);
    let mut executor = Executor::create(Some(&config), None)?;
    let mut store = Store::create()?;
    executor.register_import_module(&mut store, wasi.as_ref())?;
    executor.register_import_module(&mut store, &host)?;
    let mut guest = executor.register_active_module(&mut store, &module)?;

    if boundary == "stdio" {
        return match call(&mut executor, &mut guest, "_start", &[]).map_err(|error| *error) {
            Err(WasmEdgeError::Core(CoreError::Common(CoreCommonError::Terminated)))
                if wasi.exit_code() == 0 =>
            {
                Ok(())
            }
            ended => Ok(ended.map(|_| ())?),
        };
    }
    call(&mut executor, &mut guest, "_initialize", &[])?;
    let length = WasmValue::from_i32(i32::try_from(script.len())?);
    let placed = call(&mut executor, &mut guest, "host_alloc", &[length])?;
    let [place] = placed.as_slice() else { return Err("host_alloc returned nothing".into()) };
    guest.get_memory_mut("memory")?.set_data(&script, place.to_i32().cast_unsigned())?;
    let returned = call(&mut executor, &mut guest, "turn", &[*place, length])?;
    match returned.first().map(WasmValue::to_i32) {
        Some(0) => Ok(()),
        code => Err(format!("turn returned {code:?}").into()),
    }
}

fn call(
    executor: &mut Executor,
    guest: &mut Instance,
    name: &str,
    arguments: &[WasmValue],
) -> WasmEdgeResult<Vec<WasmValue>> {
    let mut function = guest.get_func_mut(name)?;
    executor.call_func(&mut function, arguments.iter().copied())
}

/// `host.call` for scripts that never call it.
#[allow(clippy::unnecessary_wraps, reason = "WasmEdge asks for this signature")]
fn refuse(
    (): &mut (),
    _: &mut Instance,
    _: &mut CallingFrame,
    _: Vec<WasmValue>,
) -> Result<Vec<WasmValue>, CoreError> {
    Ok(vec![WasmValue::from_i32(-1)])
}
