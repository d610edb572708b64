//! Bringing a guest up: WASI, and why a guest ended.

use std::sync::Arc;

use tokio::runtime::Runtime as Tokio;
use wasmer::{FrameInfo, Imports, Instance, Module, RuntimeError, Store};
use wasmer_wasix::runtime::task_manager::tokio::TokioTaskManager;
use wasmer_wasix::virtual_fs::{FileSystem, host_fs};
use wasmer_wasix::{PluggableRuntime, WasiEnv, WasiError, WasiFunctionEnv};
use wasmfit_kit::protocol::{Boundary, ColdPhase, Failure, FailureKind, GuestFiles};
use wasmfit_kit::{Ended, Invocation, Session, Stdio, Trouble, needs_components, needs_javascript};

use crate::descriptor::Descriptor;
use crate::{command, poll, reactor};

/// Brings the guest up and serves until it ends.
pub(crate) fn serve(
    mut store: Store,
    module: &Module,
    files: &GuestFiles,
    mut session: Session,
) -> Result<Ended, Failure> {
    session.begin(ColdPhase::Instantiate);
    let invocation = Invocation::new(files, &mut session);
    // WASIX keeps files on an asynchronous runtime, which must be entered.
    // It also keeps the time of a guest that sleeps.
    let mut tokio = tokio::runtime::Builder::new_multi_thread();
    let tokio = tokio.worker_threads(1).enable_time().build().map_err(broken)?;
    let _entered = tokio.enter();
    match files.boundary {
        Boundary::HostCall => {
            let mut env = wasi(&mut store, &invocation, &tokio)?;
            let imports = imports(&mut store, &env, module)?;
            reactor::serve(&mut store, module, imports, session, |store, instance| {
                env.initialize(store, instance).map_err(Trouble::not_run)
            })
        }
        Boundary::NamedCall => {
            let mut env = wasi(&mut store, &invocation, &tokio)?;
            let imports = imports(&mut store, &env, module)?;
            command::serve(&mut store, module, imports, session, |store, instance| {
                env.initialize(store, instance).map_err(Trouble::not_run)
            })
        }
        Boundary::Component => Err(needs_components(files)),
        Boundary::JavaScript => Err(needs_javascript(files)),
        Boundary::Stdio => {
            let stdio = Stdio::redirect().map_err(broken)?;
            let mut env = wasi(&mut store, &invocation, &tokio)?;
            let imports = imports(&mut store, &env, module)?;
            let instance = instantiate(&mut store, module, &imports)?;
            env.initialize(&mut store, instance.clone()).map_err(Trouble::not_run)?;
            session.begin(ColdPhase::Initialize);
            let run = move || {
                let ended = instance
                    .exports
                    .get_typed_function::<(), ()>(&store, "_start")
                    .map_err(Trouble::not_run)
                    .and_then(|start| start.call(&mut store).or_else(explain));
                let linear_memory_bytes = memory_bytes(&store, &instance);
                // Closes what WASI has open.
                drop((env, store));
                (ended, linear_memory_bytes)
            };
            let (session, (ended, linear_memory_bytes)) =
                stdio.serve(session, run).map_err(broken)?;
            let trouble = ended.err().map(Failure::from);
            Ok(Ended { session, code: None, linear_memory_bytes, elsewhere: None, trouble })
        }
    }
}

pub(crate) fn instantiate(
    store: &mut Store,
    module: &Module,
    imports: &Imports,
) -> Result<Instance, Trouble> {
    Instance::new(store, module, imports).map_err(Trouble::not_run)
}

/// Linear memory of a guest that exports it.
pub(crate) fn memory_bytes(store: &Store, instance: &Instance) -> Option<u64> {
    let memory = instance.exports.get_memory("memory").ok()?;
    Some(memory.view(store).data_size())
}

/// A fault of the runner's own.
#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn broken(error: impl ToString) -> Failure {
    Failure::new(FailureKind::Runner, "instantiate", error.to_string())
}

fn wasi(
    store: &mut Store,
    invocation: &Invocation,
    tokio: &Tokio,
) -> Result<WasiFunctionEnv, Failure> {
    let handle = tokio.handle();
    let mut runtime = PluggableRuntime::new(Arc::new(TokioTaskManager::new(handle.clone())));
    runtime.set_engine(store.engine().clone());
    let host = host_fs::FileSystem::new(handle.clone(), "/").map_err(broken)?;
    let (program, arguments) = invocation.arguments.split_first().ok_or_else(|| broken(""))?;
    let mut builder = WasiEnv::builder(program)
        .args(arguments)
        .envs(invocation.environment.iter().copied())
        .fs(Arc::new(host) as Arc<dyn FileSystem + Send + Sync>)
        .runtime(Arc::new(runtime))
        .stdin(Descriptor::standard_input().map_err(broken)?)
        .stdout(Descriptor::standard_output().map_err(broken)?)
        .stderr(Descriptor::standard_error().map_err(broken)?);
    for (host, guest) in &invocation.folders {
        let preopened = builder.add_preopen_build(|it| it.directory(host).alias(guest).read(true));
        preopened.map_err(|error| {
            let message = format!("{}: {error}", host.display());
            Failure::new(FailureKind::Guest, "instantiate", message)
        })?;
    }
    builder.finalize(store).map_err(broken)
}

fn imports(store: &mut Store, env: &WasiFunctionEnv, module: &Module) -> Result<Imports, Trouble> {
    let mut imports = env.import_object(store, module).map_err(Trouble::not_run)?;
    poll::mend(store, env, &mut imports);
    Ok(imports)
}

fn backtrace(frames: &[FrameInfo]) -> String {
    let named = |frame: &FrameInfo| {
        let name = frame.function_name().map(str::to_owned);
        name.unwrap_or_else(|| format!("function {}", frame.func_index()))
    };
    frames.iter().map(named).collect::<Vec<_>>().join("\n")
}

/// Why a call into the guest did not return; `Ok` for a program that ended
/// itself as it should.
pub(crate) fn explain(error: RuntimeError) -> Result<(), Trouble> {
    match error.downcast::<WasiError>() {
        Ok(WasiError::Exit(code)) if code.is_success() => Ok(()),
        Ok(WasiError::Exit(code)) => Err(Trouble::Exited(code.raw())),
        Ok(other) => Err(Trouble::not_run(other)),
        Err(error) => Err(match error.clone().to_trap() {
            Some(trap) => Trouble::Trapped {
                reason: trap.message().to_owned(),
                backtrace: backtrace(error.trace()),
            },
            None => Trouble::NotRun(error.message()),
        }),
    }
}
