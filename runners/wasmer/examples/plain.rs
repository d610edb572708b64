//! The plainest embedding of Wasmer that has a guest run a Python script, as
//! its documentation shows one. `benches/embedding` compares the runner with
//! it: no limits, no session, none of the kit.

use std::error::Error;
use std::sync::Arc;
use std::{env, fs};

use wasmer::sys::{Cranelift, EngineBuilder, Features};
use wasmer::{Engine, Function, Instance, Module, Store};
use wasmer_wasix::virtual_fs::{FileSystem, host_fs};
use wasmer_wasix::{WasiEnv, WasiError};

const USAGE: &str =
    "usage: plain-wasmer ARTIFACT stdio|host-call LIBRARY_FOLDER|- WORKLOAD_FOLDER SCRIPT.py";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [artifact, boundary, library, workload, script] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let script = fs::read_to_string(script)?;

    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _entered = tokio.enter();
    // CPython needs more than the default.
    wasmer::sys::vm::set_stack_size(8 << 20);
    let mut features = Features::default();
    features.exceptions(true).simd(true).tail_call(true);
    let builder = EngineBuilder::new(Cranelift::default()).set_features(Some(features));
    let engine = Engine::from(builder);
    let mut store = Store::new(engine.clone());
    // SAFETY: the user vouches that Wasmer made it.
    let module = unsafe { Module::deserialize_from_file(&store, artifact) }?;

    let host = host_fs::FileSystem::new(tokio.handle().clone(), "/")?;
    let mut wasi = WasiEnv::builder("/usr/local/bin/python.wasm")
        .engine(engine)
        .envs(env::vars())
        .fs(Arc::new(host) as Arc<dyn FileSystem + Send + Sync>)
        .map_dir("/workload", workload)?;
    if library != "-" {
        wasi = wasi.map_dir("/usr/local/lib", library)?;
    }
    if boundary == "stdio" {
        wasi = wasi.args(["-c", &script]);
    }
    let mut wasi = wasi.finalize(&mut store)?;
    let mut imports = wasi.import_object(&mut store, &module)?;
    let call = |_: u32, _: u32, _: u32, _: u32| -1_i32;
    imports.define("host", "call", Function::new_typed(&mut store, call));
    let instance = Instance::new(&mut store, &module, &imports)?;
    wasi.initialize(&mut store, instance.clone())?;

    let exports = &instance.exports;
    if boundary == "stdio" {
        let start = exports.get_typed_function::<(), ()>(&store, "_start")?;
        return start.call(&mut store).or_else(|error| match error.downcast::<WasiError>() {
            Ok(WasiError::Exit(code)) if code.is_success() => Ok(()),
            Ok(error) => Err(error.into()),
            Err(error) => Err(error.into()),
        });
    }
    exports.get_typed_function::<(), ()>(&store, "_initialize")?.call(&mut store)?;
    let length = u32::try_from(script.len())?;
    let host_alloc = exports.get_typed_function::<u32, u32>(&store, "host_alloc")?;
    let place = host_alloc.call(&mut store, length)?;
    exports.get_memory("memory")?.view(&store).write(place.into(), script.as_bytes())?;
    let turn = exports.get_typed_function::<(u32, u32), i32>(&store, "turn")?;
    match turn.call(&mut store, place, length)? {
        0 => Ok(()),
        code => Err(format!("turn returned {code}").into()),
    }
}
