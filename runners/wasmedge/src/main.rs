//! Runner for CPython compiled to WASI under WasmEdge.

mod code;
mod command;
mod engine;
mod gas;
mod guest;
mod reactor;
mod strip;

use std::process::ExitCode;
use std::{fs, thread};

use wasmfit_kit::protocol::{Artifact, ColdPhase, Failure, FailureKind, GuestFiles, Job, Tier};
use wasmfit_kit::{ArtifactFile, Ended, Runtime, Session, guest_of, read_module, refusal};

use crate::engine::Mode;

/// Stack of the thread that runs the guest. Compiled code runs on it, and
/// CPython guards its own recursion by depth, on the assumption of some 8 MiB.
const THREAD_STACK_BYTES: usize = 16 << 20;

/// What compiling `cpython-3.15` took at most: 13.7 GB resident.
const NOEH_BYTES: u64 = 15 << 30;

fn main() -> ExitCode {
    // Reasons come as errors, and what is logged would count as printed.
    wasmedge_sys::utils::log_off();
    let job = thread::Builder::new().stack_size(THREAD_STACK_BYTES);
    // A thread of a chosen stack size: the main thread's belongs to the user.
    match job.spawn(|| wasmfit_kit::run(&WasmEdge)).map(thread::JoinHandle::join) {
        Ok(Ok(code)) => code.into(),
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

struct WasmEdge;

impl Runtime for WasmEdge {
    fn name(&self) -> &'static str {
        "wasmedge"
    }

    fn version(&self) -> String {
        wasmedge_sys::utils::version_string()
    }

    fn tiers(&self) -> Vec<Tier> {
        let reason = "compiling cpython-3.15 takes 14 GB of memory and minutes, and an exception in the guest becomes a trap";
        let opt_in = Some(reason.to_owned());
        vec![
            Tier::new("aot"),
            Tier::interpreter("interpreter"),
            Tier { opt_in, ..Tier::new("aot-noeh") },
            gas::tier(),
        ]
    }

    fn compile(&self, tier: &str, module: &[u8]) -> Result<(), String> {
        let mode = Mode::of(tier).map_err(|failure| failure.message)?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let [source, stripped, library] =
            ["probe.wasm", "stripped.wasm", "probe.so"].map(|name| folder.path().join(name));
        fs::write(&source, module).map_err(|error| error.to_string())?;
        match mode {
            Mode::Interpreter => engine::load(&engine::config(mode, true)?, &source).map(|_| ()),
            // Exception handling off first: see `engine::config`.
            Mode::Aot | Mode::AotGas => engine::compile(mode, false, &source, &library)
                .or_else(|_| engine::compile(mode, true, &source, &library)),
            Mode::AotNoeh => strip::strip(&source, &stripped)
                .and_then(|()| engine::compile(mode, true, &stripped, &library)),
        }
    }

    fn prepare(&self, job: &Job) -> Result<Option<Artifact>, Failure> {
        let (files, mode) = (guest_of(job)?, Mode::of(&job.tier)?);
        if files.compiled_at_launch && mode != Mode::Interpreter {
            let message = format!("{} compiles ahead of time only", job.tier);
            return Err(Failure::new(FailureKind::Unsupported, "compile", message));
        }
        let exceptions = engine::needs_exceptions(files);
        let refused = |reason: String| match read_module(files) {
            Ok(module) => refusal(&module, "compile", reason),
            Err(failure) => failure,
        };
        match mode {
            Mode::Interpreter => {
                engine::config(mode, exceptions)
                    .and_then(|config| engine::load(&config, &files.module))
                    .map_err(refused)?;
                Ok(None)
            }
            Mode::Aot | Mode::AotGas => {
                let prepared = self.artifact(job, files).prepare(|draft| {
                    engine::compile(mode, exceptions, &files.module, draft).map_err(refused)
                });
                prepared.map(Some)
            }
            Mode::AotNoeh => {
                let prepared = self.artifact(job, files).prepare(|draft| {
                    require_memory()?;
                    let stripped = job.scratch.join("stripped.wasm");
                    strip::strip(&files.module, &stripped)
                        .and_then(|()| engine::compile(mode, exceptions, &stripped, draft))
                        .map_err(refused)
                });
                prepared.map(Some)
            }
        }
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        session.begin(ColdPhase::LoadArtifact);
        let (files, mode) = (guest_of(job)?, Mode::of(&job.tier)?);
        let program = match mode {
            Mode::Interpreter => files.module.clone(),
            Mode::Aot | Mode::AotNoeh | Mode::AotGas => {
                let artifact = self.artifact(job, files);
                artifact.check()?;
                artifact.path().to_owned()
            }
        };
        guest::serve(mode, &program, files, job.limits, session)
    }
}

impl WasmEdge {
    /// The artifact of a guest, told apart by the processor too: code is
    /// compiled for this one.
    fn artifact(&self, job: &Job, files: &GuestFiles) -> ArtifactFile {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let told = |line: &&str| line.starts_with("model name") || line.starts_with("flags");
        let processor: Vec<&str> = processors.lines().filter(told).take(2).collect();
        ArtifactFile::new(self, job, files, processor)
    }
}

/// Refuses to begin what the system would kill half-way.
fn require_memory() -> Result<(), Failure> {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = available.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
    let available: u64 = kibibytes.map_or(u64::MAX, |kibibytes: u64| kibibytes << 10);
    if available >= NOEH_BYTES {
        return Ok(());
    }
    let message = format!(
        "compiling without exception handling takes up to {} GiB of memory and {} are available: end other programs, or use wasmedge/interpreter",
        NOEH_BYTES >> 30,
        available >> 30
    );
    Err(Failure::new(FailureKind::Memory, "compile", message))
}
