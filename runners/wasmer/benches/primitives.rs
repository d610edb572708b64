//! The primitives under Wasmer.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use criterion::{criterion_group, criterion_main};
use tokio::runtime::Runtime as Tokio;
use wasmer::sys::{Cranelift, EngineBuilder, Features};
use wasmer::{
    Engine, Function, FunctionEnv, FunctionEnvMut, Instance, Memory, Module, Store, TypedFunction,
};
use wasmer_wasix::virtual_fs::{FileSystem, host_fs};
use wasmer_wasix::{WasiEnv, WasiFunctionEnv};
use wasmfit_primitives::{Door, ENVIRONMENT, Folders, Host, PROGRAM, STACK_BYTES, measure};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    wasmer::sys::vm::set_stack_size(STACK_BYTES);
    let mut features = Features::default();
    features.exceptions(true).simd(true).tail_call(true);
    EngineBuilder::new(Cranelift::default()).set_features(Some(features)).into()
});

/// WASIX keeps files on an asynchronous runtime.
static TOKIO: LazyLock<Tokio> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_time().build().expect("a runtime")
});

struct Wasmer;

struct Small {
    store: Store,
    memory: Memory,
    empty: TypedFunction<(), ()>,
    echo: TypedFunction<(u32, u32), u32>,
}

struct State {
    door: Door,
    exports: Option<(Memory, TypedFunction<u32, u32>)>,
}

struct Python {
    store: Store,
    instance: Instance,
    state: FunctionEnv<State>,
    /// Closes what WASI has open.
    _wasi: WasiFunctionEnv,
}

impl Host for Wasmer {
    const NAME: &'static str = "wasmer";
    type Module = Module;
    type Small = Small;
    type Python = Python;

    fn compile(module: &Path, artifact: &Path) {
        let compiled = Module::from_file(&*ENGINE, module).expect("it compiles");
        compiled.serialize_to_file(artifact).expect("it can be written");
    }

    fn load(artifact: &Path) -> Module {
        // SAFETY: `compile` made it.
        unsafe { Module::deserialize_from_file_unchecked(&*ENGINE, artifact) }.expect("it loads")
    }

    fn small(module: &Module) -> Small {
        let mut store = Store::new(ENGINE.clone());
        let instance =
            Instance::new(&mut store, module, &wasmer::imports! {}).expect("an instance");
        let exports = &instance.exports;
        let memory = exports.get_memory("memory").expect("memory").clone();
        let empty = exports.get_typed_function(&store, "empty").expect("empty");
        let echo = exports.get_typed_function(&store, "echo").expect("echo");
        Small { store, memory, empty, echo }
    }

    fn empty(small: &mut Small) {
        small.empty.call(&mut small.store).expect("it returns");
    }

    fn echo(Small { store, memory, echo, .. }: &mut Small, bytes: &[u8], back: &mut [u8]) {
        memory.view(store).write(0, bytes).expect("it fits");
        let length = u32::try_from(bytes.len()).expect("32 bits");
        let at = echo.call(store, 0, length).expect("it returns");
        memory.view(store).read(at.into(), back).expect("it is there");
    }

    fn python(module: &Module, folders: &Folders, door: Door) -> Python {
        let _entered = TOKIO.enter();
        let mut store = Store::new(ENGINE.clone());
        let host = host_fs::FileSystem::new(TOKIO.handle().clone(), "/").expect("a file system");
        let mut wasi = WasiEnv::builder(PROGRAM)
            .engine(ENGINE.clone())
            .envs(ENVIRONMENT)
            .fs(Arc::new(host) as Arc<dyn FileSystem + Send + Sync>);
        for (host, guest) in folders {
            let preopened = wasi.add_preopen_build(|it| it.directory(host).alias(guest).read(true));
            preopened.expect("a folder");
        }
        let mut wasi = wasi.finalize(&mut store).expect("WASI");
        let mut imports = wasi.import_object(&mut store, module).expect("imports");
        let state = FunctionEnv::new(&mut store, State { door, exports: None });
        imports.define("host", "call", Function::new_typed_with_env(&mut store, &state, host_call));
        let instance = Instance::new(&mut store, module, &imports).expect("an instance");
        wasi.initialize(&mut store, instance.clone()).expect("WASI");
        let memory = instance.exports.get_memory("memory").expect("memory").clone();
        let host_alloc = instance.exports.get_typed_function(&store, "host_alloc");
        state.as_mut(&mut store).exports = Some((memory, host_alloc.expect("host_alloc")));
        Python { store, instance, state, _wasi: wasi }
    }

    fn initialize(Python { store, instance, .. }: &mut Python) {
        let _entered = TOKIO.enter();
        let initialize = instance.exports.get_typed_function::<(), ()>(store, "_initialize");
        initialize.expect("_initialize").call(store).expect("it comes up");
    }

    fn turn(Python { store, instance, state, .. }: &mut Python, source: &str) {
        let _entered = TOKIO.enter();
        let (memory, host_alloc) = state.as_ref(store).exports.clone().expect("exports");
        let length = u32::try_from(source.len()).expect("32 bits");
        let at = host_alloc.call(store, length).expect("memory for it");
        memory.view(store).write(at.into(), source.as_bytes()).expect("it fits");
        let turn = instance.exports.get_typed_function::<(u32, u32), i32>(store, "turn");
        let code = turn.expect("turn").call(store, at, length).expect("it returns");
        assert_eq!(code, 0, "{source}");
    }

    fn door(python: &mut Python) -> &mut Door {
        &mut python.state.as_mut(&mut python.store).door
    }
}

fn host_call(
    mut caller: FunctionEnvMut<'_, State>,
    at: u32,
    length: u32,
    answer_at: u32,
    answer_length: u32,
) -> i32 {
    let (state, mut store) = caller.data_and_store_mut();
    let (memory, host_alloc) = state.exports.clone().expect("exports");
    let view = memory.view(&store);
    // SAFETY: the guest has one thread, which is in this call.
    let message = unsafe { &view.data_unchecked()[at as usize..][..length as usize] };
    let answer = state.door.answer(message);
    let length = u32::try_from(answer.len()).expect("32 bits");
    let at = host_alloc.call(&mut store, length).expect("memory for it");
    let view = memory.view(&store);
    view.write(at.into(), &answer).expect("it fits");
    view.write(answer_at.into(), &at.to_le_bytes()).expect("it fits");
    view.write(answer_length.into(), &length.to_le_bytes()).expect("it fits");
    0
}

criterion_group!(primitives, measure::<Wasmer>);
criterion_main!(primitives);
