//! Runner for native CPython: an extension module that the interpreter under
//! test imports, so that it is the user's real interpreter, in the user's own
//! environment, that is measured. See `launch.py` for how it is started.

mod door;

use pyo3::prelude::*;
use wasmfit_kit::protocol::{Artifact, Failure, FailureKind, Job, Tier};
use wasmfit_kit::{Ended, Runtime, Session, limit_allocation};

struct Native<'py> {
    python: Python<'py>,
}

impl Runtime for Native<'_> {
    fn name(&self) -> &'static str {
        "native"
    }

    fn version(&self) -> String {
        let version = Python::version_str();
        version.split_whitespace().next().unwrap_or(version).to_owned()
    }

    fn tiers(&self) -> Vec<Tier> {
        Vec::new()
    }

    fn compile(&self, _tier: &str, _module: &[u8]) -> Result<(), String> {
        Err("native CPython takes no modules".into())
    }

    fn prepare(&self, _job: &Job) -> Result<Option<Artifact>, Failure> {
        Err(Failure::new(FailureKind::Runner, "compile", "native CPython has nothing to compile"))
    }

    fn serve(&self, job: &Job, mut session: Session) -> Result<Ended, Failure> {
        // The interpreter came up before this code could run: the time since
        // the program was loaded is its initialization.
        session.began_with_the_process(job.executed_at_ns);
        limit_allocation(job.limits.memory_bytes).map_err(|error| {
            let message = format!("cannot limit memory: {error}");
            Failure::new(FailureKind::Runner, "initialize", message)
        })?;
        let (session, trouble) = door::serve(self.python, session)
            .map_err(|error| Failure::new(FailureKind::Runner, "initialize", error.to_string()))?;
        Ok(Ended { session, code: None, linear_memory_bytes: None, elsewhere: None, trouble })
    }
}

/// Runs the job on standard input; returns the exit code.
#[pyfunction]
fn main(python: Python<'_>) -> u8 {
    wasmfit_kit::run(&Native { python })
}

/// The extension module.
#[pymodule]
fn wasmfit_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(main, module)?)
}
