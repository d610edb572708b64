//! Runner for CPython compiled to WASI under Wasmer.

mod code;
mod command;
mod descriptor;
mod guest;
mod limit;
mod metering;
mod poll;
mod reactor;

use std::fs;
use std::process::ExitCode;

use wasmer::sys::{CpuFeature, Cranelift, CraneliftOptLevel, EngineBuilder, Features, Singlepass};
use wasmer::{CompileError, Engine, Module, Store};
use wasmfit_kit::protocol::{
    Artifact, ColdPhase, Failure, FailureKind, GuestFiles, Job, Limits, Tier,
};
use wasmfit_kit::{ArtifactFile, Ended, Runtime, Session, guest_of, no_tier, read_module, refusal};

/// Stack for guest code. CPython guards its own recursion by depth, on the
/// assumption of about this much.
const WASM_STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    wasmer::sys::vm::set_stack_size(WASM_STACK_BYTES);
    wasmfit_kit::run(&Wasmer).into()
}

struct Wasmer;

impl Runtime for Wasmer {
    fn name(&self) -> &'static str {
        "wasmer"
    }

    fn version(&self) -> String {
        env!("WASMER_VERSION").into()
    }

    fn tiers(&self) -> Vec<Tier> {
        let mut tiers = vec![Tier::new(metering::BASE), Tier::new("singlepass")];
        if cfg!(feature = "llvm") {
            tiers.push(Tier::new("llvm"));
        }
        tiers.push(metering::tier());
        tiers
    }

    fn compile(&self, tier: &str, module: &[u8]) -> Result<(), String> {
        let engine = engine(tier).map_err(|failure| failure.message)?;
        Module::new(&engine, module).map(|_| ()).map_err(|error| reason(&error))
    }

    fn prepare(&self, job: &Job) -> Result<Option<Artifact>, Failure> {
        let (files, engine) = (guest_of(job)?, engine(&job.tier)?);
        let artifact = artifact(job, files, &engine);
        let prepared = artifact.prepare(|draft| {
            let module = read_module(files)?;
            let compiled = Module::new(&engine, &module)
                .map_err(|error| refusal(&module, "compile", reason(&error)))?;
            let compiled = compiled
                .serialize()
                .map_err(|error| Failure::new(FailureKind::Runner, "compile", error.to_string()))?;
            fs::write(draft, compiled).map_err(|error| artifact.storage(&error))
        });
        prepared.map(Some)
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        let files = guest_of(job)?;
        let at_launch = files.compiled_at_launch;
        session.begin(if at_launch { ColdPhase::Compile } else { ColdPhase::LoadArtifact });
        let mut engine = engine(&job.tier)?;
        let module = if at_launch {
            let module = read_module(files)?;
            Module::new(&engine, &module)
                .map_err(|error| refusal(&module, "compile", reason(&error)))?
        } else {
            load(&artifact(job, files, &engine), &engine)?
        };
        let Limits { memory_bytes, .. } = job.limits;
        limit::limit_memory(&mut engine, memory_bytes);
        guest::serve(Store::new(engine), &module, files, session)
    }
}

fn engine(tier: &str) -> Result<Engine, Failure> {
    let mut features = Features::default();
    // Off unless asked for. The guests say what they need, and a compiler
    // that lacks it says so.
    features.exceptions(true).simd(true).tail_call(true);
    let builder = match tier {
        metering::BASE | metering::TIER => {
            let mut compiler = Cranelift::default();
            compiler.opt_level(CraneliftOptLevel::Speed);
            if tier == metering::TIER {
                metering::meter(&mut compiler, metering::PLENTY);
            }
            EngineBuilder::new(compiler)
        }
        "singlepass" => EngineBuilder::new(Singlepass::default()),
        #[cfg(feature = "llvm")]
        "llvm" => EngineBuilder::new(wasmer::sys::LLVM::default()),
        _ => return Err(no_tier(tier)),
    };
    Ok(builder.set_features(Some(features)).into())
}

/// A compiler's own reason, without what the error type says before it.
fn reason(error: &CompileError) -> String {
    match error {
        CompileError::Validate(reason)
        | CompileError::Codegen(reason)
        | CompileError::UnsupportedFeature(reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// The artifact of a guest, told apart by what else compiled code depends on:
/// the compiler with its settings, and the processor.
fn artifact(job: &Job, files: &GuestFiles, engine: &Engine) -> ArtifactFile {
    let rest = (engine.deterministic_id(), CpuFeature::for_host().as_u64());
    ArtifactFile::new(&Wasmer, job, files, rest)
}

fn load(artifact: &ArtifactFile, engine: &Engine) -> Result<Module, Failure> {
    artifact.check()?;
    // SAFETY: the file was written by this runner's `prepare`, which compared
    // its hash at the beginning of this run, and `check` has found it in full
    // length.
    let module = unsafe { Module::deserialize_from_file_unchecked(engine, artifact.path()) };
    module.map_err(|error| {
        let message = format!("{}: {error}", artifact.path().display());
        Failure::new(FailureKind::Guest, "load-artifact", message)
    })
}
