//! Runner for workloads that were rewritten in a compiled language: a shared
//! object with the four functions of `rewrites/kernel.h`, `kernel.so` in the
//! workload's folder. No Python is in the process.

mod kernel;
mod serving;

use std::process::ExitCode;

use wasmfit_kit::protocol::{Artifact, ColdPhase, Failure, FailureKind, Job, Tier};
use wasmfit_kit::{Ended, Runtime, Session, limit_allocation};

use crate::kernel::Kernel;
use crate::serving::Stopped;

/// What the shared object is called.
const FILE: &str = "kernel.so";

/// What it was made of; each is a tier.
const LANGUAGES: [(&str, &str); 3] = [
    ("c", "the workload's C, where it was rewritten in it"),
    ("rust", "the workload's Rust, where it was rewritten in it"),
    ("tract", "the workload's ONNX model by tract, where it was exported"),
];

fn main() -> ExitCode {
    wasmfit_kit::run(&Machine).into()
}

struct Machine;

impl Runtime for Machine {
    fn name(&self) -> &'static str {
        "machine"
    }

    /// What the code is compiled for.
    fn version(&self) -> String {
        std::env::consts::ARCH.into()
    }

    fn tiers(&self) -> Vec<Tier> {
        let tier = |(name, why): (&str, &str)| Tier { opt_in: Some(why.into()), ..Tier::new(name) };
        LANGUAGES.map(tier).into()
    }

    fn compile(&self, _tier: &str, _module: &[u8]) -> Result<(), String> {
        Err("machine code takes no modules".into())
    }

    fn prepare(&self, _job: &Job) -> Result<Option<Artifact>, Failure> {
        Err(Failure::new(FailureKind::Runner, "compile", "machine code is compiled already"))
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        session.begin(ColdPhase::LoadArtifact);
        let path = session.workload_folder().join(FILE);
        let kernel = Kernel::open(&path).map_err(|error| {
            Failure::new(FailureKind::Guest, "load-artifact", error.to_string())
        })?;
        limit_allocation(job.limits.memory_bytes).map_err(|error| {
            let message = format!("cannot limit memory: {error}");
            Failure::new(FailureKind::Runner, "initialize", message)
        })?;
        let trouble = match serving::serve(&mut session, &kernel) {
            Stopped::Over => None,
            Stopped::NoModel => {
                Some("kernel_load gave no model: an asset is missing or malformed".into())
            }
            Stopped::Nothing(function) => Some(format!("{function} gave nothing")),
            Stopped::Unasked => Some("it was asked for what compiled code does not do".into()),
        };
        let trouble = trouble.map(|it: String| Failure::new(FailureKind::Raised, "kernel", it));
        Ok(Ended { session, code: None, linear_memory_bytes: None, elsewhere: None, trouble })
    }
}
