//! The primitives under Wasmtime.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use criterion::{criterion_group, criterion_main};
use wasmfit_primitives::{Door, ENVIRONMENT, Folders, Host, PROGRAM, STACK_BYTES, measure};
use wasmtime::{
    Caller, Config, Engine, Instance, Linker, Memory, Module, Store, Strategy, TypedFunc,
};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    config.max_wasm_stack(STACK_BYTES);
    // Nothing here is asynchronous,
    config.concurrency_support(false);
    // but this has to be larger.
    config.async_stack_size(2 * STACK_BYTES);
    Engine::new(&config).expect("an engine")
});

struct Wasmtime;

struct Small {
    store: Store<()>,
    memory: Memory,
    empty: TypedFunc<(), ()>,
    echo: TypedFunc<(u32, u32), u32>,
}

struct State {
    wasi: WasiP1Ctx,
    door: Door,
    exports: Option<(Memory, TypedFunc<u32, u32>)>,
}

struct Python {
    store: Store<State>,
    instance: Instance,
}

impl Host for Wasmtime {
    const NAME: &'static str = "wasmtime";
    type Module = Module;
    type Small = Small;
    type Python = Python;

    fn compile(module: &Path, artifact: &Path) {
        let module = fs::read(module).expect("a module");
        let compiled = ENGINE.precompile_module(&module).expect("it compiles");
        fs::write(artifact, compiled).expect("it can be written");
    }

    fn load(artifact: &Path) -> Module {
        // SAFETY: `compile` made it.
        unsafe { Module::deserialize_file(&ENGINE, artifact) }.expect("it loads")
    }

    fn small(module: &Module) -> Small {
        let mut store = Store::new(&ENGINE, ());
        let instance = Instance::new(&mut store, module, &[]).expect("an instance");
        let memory = instance.get_memory(&mut store, "memory").expect("memory");
        let empty = instance.get_typed_func(&mut store, "empty").expect("empty");
        let echo = instance.get_typed_func(&mut store, "echo").expect("echo");
        Small { store, memory, empty, echo }
    }

    fn empty(small: &mut Small) {
        small.empty.call(&mut small.store, ()).expect("it returns");
    }

    fn echo(Small { store, memory, echo, .. }: &mut Small, bytes: &[u8], back: &mut [u8]) {
        memory.write(&mut *store, 0, bytes).expect("it fits");
        let length = u32::try_from(bytes.len()).expect("32 bits");
        let at = echo.call(&mut *store, (0, length)).expect("it returns");
        memory.read(&*store, at as usize, back).expect("it is there");
    }

    fn python(module: &Module, folders: &Folders, door: Door) -> Python {
        let mut wasi = WasiCtxBuilder::new();
        wasi.arg(PROGRAM).envs(&ENVIRONMENT);
        for (host, guest) in folders {
            wasi.preopened_dir(host, guest, FsPerms::ReadOnly).expect("a folder");
        }
        let mut linker: Linker<State> = Linker::new(&ENGINE);
        p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi).expect("WASI");
        linker.func_wrap("host", "call", host_call).expect("host.call");
        let mut store = Store::new(&ENGINE, State { wasi: wasi.build_p1(), door, exports: None });
        let instance = linker.instantiate(&mut store, module).expect("an instance");
        let memory = instance.get_memory(&mut store, "memory").expect("memory");
        let host_alloc = instance.get_typed_func(&mut store, "host_alloc").expect("host_alloc");
        store.data_mut().exports = Some((memory, host_alloc));
        Python { store, instance }
    }

    fn initialize(Python { store, instance }: &mut Python) {
        let initialize = instance.get_typed_func::<(), ()>(&mut *store, "_initialize");
        initialize.expect("_initialize").call(store, ()).expect("it comes up");
    }

    fn turn(Python { store, instance }: &mut Python, source: &str) {
        let (memory, host_alloc) = store.data().exports.clone().expect("exports");
        let length = u32::try_from(source.len()).expect("32 bits");
        let at = host_alloc.call(&mut *store, length).expect("memory for it");
        memory.write(&mut *store, at as usize, source.as_bytes()).expect("it fits");
        let turn = instance.get_typed_func::<(u32, u32), i32>(&mut *store, "turn");
        let code = turn.expect("turn").call(store, (at, length)).expect("it returns");
        assert_eq!(code, 0, "{source}");
    }

    fn door(python: &mut Python) -> &mut Door {
        &mut python.store.data_mut().door
    }
}

fn host_call(
    mut caller: Caller<'_, State>,
    at: u32,
    length: u32,
    answer_at: u32,
    answer_length: u32,
) -> wasmtime::Result<i32> {
    let (memory, host_alloc) = caller.data().exports.clone().expect("exports");
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let answer = state.door.answer(&bytes[at as usize..][..length as usize]);
    let length = u32::try_from(answer.len())?;
    let at = host_alloc.call(&mut caller, length)?;
    memory.write(&mut caller, at as usize, &answer)?;
    memory.write(&mut caller, answer_at as usize, &at.to_le_bytes())?;
    memory.write(&mut caller, answer_length as usize, &length.to_le_bytes())?;
    Ok(0)
}

criterion_group!(primitives, measure::<Wasmtime>);
criterion_main!(primitives);
