//! Runner for CPython compiled to WASI under Wasmtime.

mod code;
mod command;
mod component;
mod coverage;
mod guest;
mod lab;
mod limit;
mod reactor;
mod snapshot;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use wasmfit_kit::protocol::{
    Artifact, Boundary, ColdPhase, Failure, FailureKind, GuestFiles, Job, Limits, Task, Tier,
};
use wasmfit_kit::{ArtifactFile, Ended, Runtime, Session, guest_of, no_tier, read_module, refusal};
use wasmtime::{Config, Engine, Module, Strategy};

use crate::limit::Limit;

/// Stack for guest code. CPython guards its own recursion by depth, on the
/// assumption of about this much.
const WASM_STACK_BYTES: usize = 8 << 20;

/// Stack of the thread that runs the guest: the guest's and the host calls'.
const THREAD_STACK_BYTES: usize = WASM_STACK_BYTES + (8 << 20);

fn main() -> ExitCode {
    let job = thread::Builder::new().stack_size(THREAD_STACK_BYTES);
    // A thread of a chosen stack size: the main thread's belongs to the user.
    match job.spawn(|| wasmfit_kit::run(&Wasmtime)).map(thread::JoinHandle::join) {
        Ok(Ok(code)) => code.into(),
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

struct Wasmtime;

impl Runtime for Wasmtime {
    fn name(&self) -> &'static str {
        "wasmtime"
    }

    fn version(&self) -> String {
        env!("WASMTIME_VERSION").into()
    }

    fn tiers(&self) -> Vec<Tier> {
        let mut tiers =
            vec![Tier::new(limit::BASE), Tier::new("winch"), Tier::interpreter("pulley")];
        tiers.extend(Limit::ALL.map(Limit::tier));
        tiers
    }

    fn compile(&self, tier: &str, module: &[u8]) -> Result<(), String> {
        let engine = engine(tier).map_err(|failure| failure.message)?;
        let compiled = if is_component(module) {
            engine.precompile_component(module)
        } else {
            engine.precompile_module(module)
        };
        compiled.map(|_| ()).map_err(|error| error.root_cause().to_string())
    }

    fn prepare(&self, job: &Job) -> Result<Option<Artifact>, Failure> {
        let (files, engine) = (guest_of(job)?, engine(&job.tier)?);
        let artifact = artifact(job, files, &engine);
        let prepared = artifact.prepare(|draft| {
            let compiled = if files.boundary == Boundary::Component {
                component::compile(&engine, files)?
            } else {
                let module = read_module(files)?;
                engine
                    .precompile_module(&module)
                    .map_err(|error| refusal(&module, "compile", error.root_cause()))?
            };
            fs::write(draft, compiled).map_err(|error| artifact.storage(&error))
        });
        prepared.map(Some)
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        let files = guest_of(job)?;
        let at_launch = files.compiled_at_launch;
        session.begin(if at_launch { ColdPhase::Compile } else { ColdPhase::LoadArtifact });
        let engine = engine(&job.tier)?;
        let Limits { memory_bytes, .. } = job.limits;
        let limit = Limit::of(&job.tier);
        let memory_bytes = (limit != Some(Limit::NoMemory)).then_some(memory_bytes);
        let _ticking = limit.and_then(|it| it.clock(&engine));
        if let Task::Cover { .. } = job.task {
            let module = load(&artifact(job, files, &engine), &engine)?;
            let profile = job.scratch.join("reached.profile");
            let write = |store: &mut _, instance| coverage::write(store, instance, &profile);
            return guest::serve_and_then(&engine, &module, files, memory_bytes, session, write);
        }
        if limit == Some(Limit::Fresh) {
            session = session.in_lives();
        }
        if files.boundary == Boundary::Component {
            let component = component::load(&artifact(job, files, &engine), &engine)?;
            return component::serve(&engine, &component, files, memory_bytes, session);
        }
        let module = if at_launch {
            let module = read_module(files)?;
            Module::from_binary(&engine, &module)
                .map_err(|error| refusal(&module, "compile", error.root_cause()))?
        } else {
            load(&artifact(job, files, &engine), &engine)?
        };
        guest::serve(&engine, &module, files, memory_bytes, session)
    }

    fn snapshot(&self, job: &Job, session: Session, snapshot: &Path) -> Result<Ended, Failure> {
        let engine = engine(&job.tier)?;
        snapshot::take(job, guest_of(job)?, &engine, session, snapshot)
    }
}

/// Whether a file is a component: its header has another layer than a module's
/// (the component model's Binary.md).
fn is_component(file: &[u8]) -> bool {
    file.get(6..8) == Some(&[1, 0])
}

/// An engine that takes every proposal that its compiler does.
fn engine(tier: &str) -> Result<Engine, Failure> {
    let failure = |message| Failure::new(FailureKind::Runner, "spawn", message);
    let explain = |error: wasmtime::Error| {
        failure(format!("Wasmtime does not start here: {}", error.root_cause()))
    };
    let mut config = Config::new();
    let limit = Limit::of(tier);
    match limit.map_or(tier, |_| limit::BASE) {
        limit::BASE => config.strategy(Strategy::Cranelift),
        "winch" => config.strategy(Strategy::Winch),
        // Cranelift compiles to byte code, which an interpreter executes.
        "pulley" => config.target("pulley64").map_err(explain)?,
        _ => return Err(no_tier(tier)),
    };
    if let Some(limit) = limit {
        limit.configure(&mut config);
    }
    config.max_wasm_stack(WASM_STACK_BYTES);
    // For the counters of an instrumented guest; nothing else has one.
    config.shared_memory(true);
    // One request at a time: nothing here is asynchronous,
    config.concurrency_support(false);
    // but Wasmtime checks one against the other.
    config.async_stack_size(THREAD_STACK_BYTES);
    Engine::new(&config).map_err(explain)
}

/// The artifact of a guest, told apart by Wasmtime's own hash of all that
/// compiled code depends on.
fn artifact(job: &Job, files: &GuestFiles, engine: &Engine) -> ArtifactFile {
    let hash = engine.precompile_compatibility_hash();
    ArtifactFile::new(&Wasmtime, job, files, hash)
}

fn load(artifact: &ArtifactFile, engine: &Engine) -> Result<Module, Failure> {
    artifact.check()?;
    // SAFETY: the file was written by this runner's `prepare`, which compared
    // its hash at the beginning of this run, and `check` has found it in full
    // length.
    let module = unsafe { Module::deserialize_file(engine, artifact.path()) };
    module.map_err(|error| {
        let message = format!("{}: {}", artifact.path().display(), error.root_cause());
        Failure::new(FailureKind::Guest, "load-artifact", message)
    })
}
