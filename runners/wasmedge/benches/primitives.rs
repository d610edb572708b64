//! The primitives under `WasmEdge`, its compiler at O2.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::path::Path;
use std::sync::Arc;
use std::thread;

use criterion::Criterion;
use wasmedge_sys::{
    AsInstance, CallingFrame, Compiler, Config, Executor, Function, ImportModule, Instance, Loader,
    Module, Store, Validator, WasiModule, WasmValue,
};
use wasmedge_types::error::CoreError;
use wasmedge_types::{CompilerOptimizationLevel, CompilerOutputFormat, FuncType, RunMode, ValType};
use wasmfit_primitives::{Door, ENVIRONMENT, Folders, Host, PROGRAM, STACK_BYTES, measure};

struct WasmEdge;

struct Small {
    executor: Executor,
    guest: Instance,
    _store: Store,
}

struct State {
    door: Door,
    /// Lives as long as the guest does, in a [`Python`].
    executor: *mut Executor,
}

/// Dropped from the first to the last: what runs before what it runs on.
struct Python {
    guest: Instance,
    executor: Box<Executor>,
    imports: ImportModule<State>,
    _store: Store,
    _wasi: WasiModule,
}

impl Host for WasmEdge {
    const NAME: &'static str = "wasmedge";
    type Module = Arc<Module>;
    type Small = Small;
    type Python = Python;

    fn compile(module: &Path, artifact: &Path) {
        let mut config = config();
        config.set_aot_compiler_output_format(CompilerOutputFormat::Native);
        config.set_aot_optimization_level(CompilerOptimizationLevel::O2);
        let compiler = Compiler::create(Some(&config)).expect("a compiler");
        compiler.compile_from_file(module, artifact).expect("it compiles");
    }

    fn load(artifact: &Path) -> Arc<Module> {
        let config = config();
        let module = Loader::create(Some(&config)).and_then(|it| it.from_file(artifact));
        let module = module.expect("it loads");
        let validated = Validator::create(Some(&config)).and_then(|it| it.validate(&module));
        validated.expect("it is valid");
        module
    }

    fn small(module: &Arc<Module>) -> Small {
        let mut executor = Executor::create(Some(&config()), None).expect("an executor");
        let mut store = Store::create().expect("a store");
        let guest = executor.register_active_module(&mut store, module).expect("an instance");
        Small { executor, guest, _store: store }
    }

    fn empty(small: &mut Small) {
        // Its crate has no function that outlives the look-up.
        call(&mut small.executor, &mut small.guest, "empty", &[]);
    }

    fn echo(small: &mut Small, bytes: &[u8], back: &mut [u8]) {
        let mut memory = small.guest.get_memory_mut("memory").expect("memory");
        memory.set_data(bytes, 0).expect("it fits");
        let arguments = [WasmValue::from_i32(0), of(bytes.len())];
        let at = call(&mut small.executor, &mut small.guest, "echo", &arguments);
        let memory = small.guest.get_memory_ref("memory").expect("memory");
        let there = memory
            .slice::<u8>(at[0].to_i32().cast_unsigned() as usize, back.len())
            .expect("it is there");
        back.copy_from_slice(there);
    }

    fn python(module: &Arc<Module>, folders: &Folders, door: Door) -> Python {
        let environment = ENVIRONMENT.map(|(name, value)| format!("{name}={value}"));
        let folders: Vec<String> = folders
            .iter()
            .map(|(host, guest)| format!("{guest}:{}:readonly", host.display()))
            .collect();
        let [environment, folders] =
            [&environment[..], &folders].map(|it| Some(it.iter().map(String::as_str).collect()));
        let wasi = WasiModule::create(Some(vec![PROGRAM]), environment, folders);
        let wasi = wasi.expect("WASI");
        let mut executor = Box::new(Executor::create(Some(&config()), None).expect("an executor"));
        let mut store = Store::create().expect("a store");
        executor.register_import_module(&mut store, wasi.as_ref()).expect("WASI");
        let state = Box::new(State { door, executor: &raw mut *executor });
        let mut imports = ImportModule::create("host", state).expect("a module");
        let kind = FuncType::new(vec![ValType::I32; 4], vec![ValType::I32]);
        // SAFETY: the data lives in `imports`, to which the function is added.
        let call =
            unsafe { Function::create_sync_func(&kind, host_call, imports.get_host_data_mut(), 0) };
        imports.add_func("call", call.expect("host.call"));
        executor.register_import_module(&mut store, &imports).expect("host.call");
        let guest = executor.register_active_module(&mut store, module).expect("an instance");
        Python { guest, executor, imports, _store: store, _wasi: wasi }
    }

    fn initialize(python: &mut Python) {
        call(&mut python.executor, &mut python.guest, "_initialize", &[]);
    }

    fn turn(Python { guest, executor, .. }: &mut Python, source: &str) {
        let placed = call(executor, guest, "host_alloc", &[of(source.len())]);
        let mut memory = guest.get_memory_mut("memory").expect("memory");
        memory.set_data(source.as_bytes(), placed[0].to_i32().cast_unsigned()).expect("it fits");
        let code = call(executor, guest, "turn", &[placed[0], of(source.len())]);
        assert_eq!(code[0].to_i32(), 0, "{source}");
    }

    fn door(python: &mut Python) -> &mut Door {
        &mut python.imports.get_host_data_mut().door
    }
}

fn config() -> Config {
    let mut config = Config::create().expect("settings");
    // On it would only be warned of: the compiler has not learned it before
    // 0.18.
    config.exception_handling(false);
    config.tail_call(true);
    // Unless told, it interprets what has been compiled.
    config.set_run_mode(RunMode::Aot);
    config
}

fn of(length: usize) -> WasmValue {
    WasmValue::from_i32(i32::try_from(length).expect("31 bits"))
}

fn call(
    executor: &mut Executor,
    guest: &mut Instance,
    name: &str,
    arguments: &[WasmValue],
) -> Vec<WasmValue> {
    let mut function = guest.get_func_mut(name).expect("an export");
    executor.call_func(&mut function, arguments.iter().copied()).expect("it returns")
}

#[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "its signature")]
fn host_call(
    state: &mut State,
    guest: &mut Instance,
    frame: &mut CallingFrame,
    arguments: Vec<WasmValue>,
) -> Result<Vec<WasmValue>, CoreError> {
    let arguments: Vec<u32> = arguments.iter().map(|it| it.to_i32().cast_unsigned()).collect();
    let [at, length, answer_at, answer_length] = arguments[..] else { unreachable!() };
    let answer = {
        let memory = frame.memory_ref(0).expect("memory");
        state.door.answer(memory.slice::<u8>(at as usize, length as usize).expect("a message"))
    };
    let mut host_alloc = guest.get_func_mut("host_alloc").expect("host_alloc");
    // SAFETY: it is what called this, and is made to be called again.
    let executor = unsafe { &mut *state.executor };
    let placed = executor.call_func(&mut host_alloc, [of(answer.len())]).expect("memory for it");
    let at = placed[0].to_i32().cast_unsigned();
    let mut memory = frame.memory_mut(0).expect("memory");
    let length = u32::try_from(answer.len()).expect("32 bits");
    memory.set_data(&answer[..], at).expect("it fits");
    memory.set_data(at.to_le_bytes(), answer_at).expect("it fits");
    memory.set_data(length.to_le_bytes(), answer_length).expect("it fits");
    Ok(vec![WasmValue::from_i32(0)])
}

fn main() {
    wasmedge_sys::utils::log_off();
    // Compiled code runs on the thread's own stack.
    let job = thread::Builder::new().stack_size(2 * STACK_BYTES);
    let job = job.spawn(|| {
        let mut criterion = Criterion::default().configure_from_args();
        measure::<WasmEdge>(&mut criterion);
        criterion.final_summary();
    });
    job.expect("a thread").join().expect("it ends");
}
