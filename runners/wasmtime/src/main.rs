//! Runner for CPython compiled to WASI under Wasmtime.

mod guest;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;
use std::thread;

use wasmfit_kit::protocol::{Artifact, ColdPhase, Failure, FailureKind, GuestFiles, Job, Limits};
use wasmfit_kit::{ArtifactFile, Ended, Runtime, Session};
use wasmtime::{Config, Engine, Module};

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

    fn tiers(&self) -> Vec<String> {
        vec!["cranelift".into()]
    }

    fn prepare(&self, job: &Job) -> Result<Artifact, Failure> {
        let (files, engine) = (guest_files(job)?, engine(job)?);
        artifact(job, files, &engine).prepare(|| {
            let module = std::fs::read(&files.module).map_err(|error| {
                let message = format!("{}: {error}", files.module.display());
                Failure::new(FailureKind::Guest, "compile", message)
            })?;
            engine.precompile_module(&module).map_err(|error| {
                let message = format!(
                    "Wasmtime does not take {}: {}",
                    files.module.display(),
                    error.root_cause()
                );
                Failure::new(FailureKind::Guest, "compile", message)
            })
        })
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        session.begin(ColdPhase::LoadArtifact);
        let (files, engine) = (guest_files(job)?, engine(job)?);
        let module = load(&artifact(job, files, &engine), &engine)?;
        let Limits { memory_bytes, .. } = job.limits;
        guest::serve(&engine, &module, &files.library, memory_bytes, session)
    }
}

fn guest_files(job: &Job) -> Result<&GuestFiles, Failure> {
    job.guest.as_ref().ok_or_else(|| {
        Failure::new(
            FailureKind::Runner,
            "spawn",
            "the job names no guest, and Wasmtime runs nothing else",
        )
    })
}

fn engine(job: &Job) -> Result<Engine, Failure> {
    if job.tier != "cranelift" {
        let message = format!("this runner has no tier {:?}", job.tier);
        return Err(Failure::new(FailureKind::Runner, "spawn", message));
    }
    let mut config = Config::new();
    config.wasm_exceptions(true).max_wasm_stack(WASM_STACK_BYTES);
    // Nothing here is asynchronous, but Wasmtime checks one against the other.
    config.async_stack_size(THREAD_STACK_BYTES);
    Engine::new(&config).map_err(|error| {
        let message = format!("Wasmtime does not start here: {}", error.root_cause());
        Failure::new(FailureKind::Runner, "spawn", message)
    })
}

/// The artifact of a guest. Its name holds Wasmtime's own hash of all that
/// compiled code depends on: version, settings, processor.
fn artifact(job: &Job, files: &GuestFiles, engine: &Engine) -> ArtifactFile {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    files.module_sha256.hash(&mut hasher);
    let GuestFiles { name, start, .. } = files;
    let name = format!(
        "wasmtime-{}-{}-{name}-{}-{:016x}.cwasm",
        env!("WASMTIME_VERSION"),
        job.tier,
        start.name(),
        hasher.finish()
    );
    ArtifactFile::new(&job.artifacts, &name)
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
