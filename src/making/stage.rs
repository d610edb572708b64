//! A module on its way to becoming a guest.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wasmfit_protocol::{RandomState, file_sha256};
use wasmfit_record::{ClosedWorld, MakingStep};

/// A module, and what was done to it so far.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) module: PathBuf,
    pub(super) steps: Vec<MakingStep>,
    pub(super) closed_world: Option<ClosedWorld>,
    pub(super) random_state: Option<RandomState>,
}

impl Stage {
    pub(super) fn new(module: PathBuf) -> Self {
        Self { module, steps: Vec::new(), closed_world: None, random_state: None }
    }

    /// The same with another module, as a step has made it.
    pub(super) fn then(
        mut self,
        module: PathBuf,
        what: String,
        since: Instant,
    ) -> Result<Self, String> {
        self.steps.push(step(&module, what, since)?);
        self.module = module;
        Ok(self)
    }
}

/// The record of a step that made `file`.
pub(super) fn step(file: &Path, what: String, since: Instant) -> Result<MakingStep, String> {
    let module_sha256 = file_sha256(file).map_err(|error| in_words(file, &error))?;
    let wall_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Ok(MakingStep { what, wall_ns, module_sha256 })
}

/// Why a file could not be read or written.
pub(crate) fn in_words(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
