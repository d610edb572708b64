//! The plainest embedding of Wasmtime that has a guest run a Python script,
//! as its documentation shows one. `benches/embedding` compares the runner
//! with it: no limits, no session, none of the kit.

use std::{env, fs};

use wasmtime::{Config, Engine, Linker, Module, Result, Store, Strategy, bail, format_err};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

const USAGE: &str =
    "usage: plain-wasmtime ARTIFACT stdio|host-call LIBRARY_FOLDER|- WORKLOAD_FOLDER SCRIPT.py";

/// CPython needs more than the default.
const STACK_BYTES: usize = 8 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [artifact, boundary, library, workload, script] = arguments.as_slice() else {
        bail!(USAGE);
    };
    let script = fs::read_to_string(script)?;

    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    config.max_wasm_stack(STACK_BYTES);
    // Nothing here is asynchronous,
    config.concurrency_support(false);
    // but this has to be larger.
    config.async_stack_size(2 * STACK_BYTES);
    let engine = Engine::new(&config)?;
    // SAFETY: the user vouches that Wasmtime made it.
    let module = unsafe { Module::deserialize_file(&engine, artifact) }?;

    let mut wasi = WasiCtxBuilder::new();
    wasi.inherit_stdio().inherit_env().arg("/usr/local/bin/python.wasm");
    wasi.preopened_dir(workload, "/workload", FsPerms::ReadOnly)?;
    if library != "-" {
        wasi.preopened_dir(library, "/usr/local/lib", FsPerms::ReadOnly)?;
    }
    if boundary == "stdio" {
        wasi.arg("-c").arg(&script);
    }
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |wasi| wasi)?;
    linker.func_wrap("host", "call", |_: u32, _: u32, _: u32, _: u32| -1_i32)?;
    let mut store = Store::new(&engine, wasi.build_p1());
    let instance = linker.instantiate(&mut store, &module)?;

    if boundary == "stdio" {
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
        return start.call(&mut store, ()).or_else(|error| match error.downcast_ref() {
            Some(I32Exit(0)) => Ok(()),
            _ => Err(error),
        });
    }
    instance.get_typed_func::<(), ()>(&mut store, "_initialize")?.call(&mut store, ())?;
    let length = u32::try_from(script.len())?;
    let host_alloc = instance.get_typed_func::<u32, u32>(&mut store, "host_alloc")?;
    let place = host_alloc.call(&mut store, length)?;
    let memory = instance
        .get_memory(&mut store, "memory")
        .ok_or_else(|| format_err!("the guest exports no memory"))?;
    memory.write(&mut store, place as usize, script.as_bytes())?;
    let turn = instance.get_typed_func::<(u32, u32), i32>(&mut store, "turn")?;
    match turn.call(&mut store, (place, length))? {
        0 => Ok(()),
        code => bail!("turn returned {code}"),
    }
}
