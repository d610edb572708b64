//! The profile pass of a job: asked for or not, possible or not.

use std::path::{Path, PathBuf};

use wasmfit_protocol::{Boundary, Job, ProfileError, Profiled, Profiling, RequestPhase};

use super::{GuestCode, Profiler};

/// The profile pass of a job.
#[derive(Debug)]
pub(crate) enum ProfilePass {
    /// Nobody wants one, and it costs nothing.
    NotAskedFor,
    /// The sampler is ready.
    Possible {
        /// It.
        profiler: Profiler,
        /// File name of the guest's module; empty natively.
        module: String,
    },
    /// Whoever runs the guest takes it.
    Elsewhere,
    /// There is none.
    Impossible {
        /// Why.
        reason: String,
    },
}

impl ProfilePass {
    /// That of `job`, on whose serving thread this is called.
    pub(crate) fn of(job: &Job, asked: Option<Profiling>) -> Self {
        let Some(Profiling { hertz, .. }) = asked else { return Self::NotAskedFor };
        let guest = job.guest.as_ref();
        if guest.is_some_and(|guest| guest.boundary == Boundary::Stdio) {
            let reason = "over stdio the host does not see where a phase begins".into();
            return Self::Impossible { reason };
        }
        let module = guest.and_then(|guest| guest.module.file_name()).unwrap_or_default();
        let module = module.to_string_lossy().into_owned();
        match Profiler::new(hertz, &job.debug_files) {
            Ok(profiler) => Self::Possible { profiler, module },
            Err(error) => Self::Impossible { reason: format!("no timer to sample by: {error}") },
        }
    }

    fn profiler(&self) -> Option<&Profiler> {
        match self {
            Self::Possible { profiler, .. } => Some(profiler),
            Self::NotAskedFor | Self::Elsewhere | Self::Impossible { .. } => None,
        }
    }

    /// Whether requests can be sampled.
    pub(crate) const fn is_possible(&self) -> bool {
        matches!(self, Self::Possible { .. } | Self::Elsewhere)
    }

    /// Switches the sampler on or off.
    pub(crate) fn switch(&mut self, on: bool) -> std::io::Result<()> {
        match self {
            Self::Possible { profiler, .. } if on => profiler.start(),
            Self::Possible { profiler, .. } => profiler.stop(),
            Self::NotAskedFor | Self::Elsewhere | Self::Impossible { .. } => Ok(()),
        }
    }

    /// From here on the thread serves `request` and is in `phase`.
    pub(crate) fn inside(&self, request: u32, phase: RequestPhase) {
        if let Some(profiler) = self.profiler() {
            profiler.inside(request, phase);
        }
    }

    /// From here on it is in no phase.
    pub(crate) fn outside(&self) {
        if let Some(profiler) = self.profiler() {
            profiler.outside();
        }
    }

    /// Memory of this process that holds samples.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.profiler().map_or(0, Profiler::held_bytes)
    }

    /// Writes the profile into the folder `scratch`, and says what became of
    /// the pass.
    pub(crate) fn finish(
        &self,
        scratch: &Path,
        code: Option<&dyn GuestCode>,
    ) -> Result<Option<Profiled>, ProfileError> {
        let path: PathBuf = scratch.join("profile.jsonl");
        match self {
            Self::NotAskedFor | Self::Elsewhere => Ok(None),
            // Of a guest nothing but nameless addresses would be left.
            Self::Possible { module, .. } if code.is_none() && !module.is_empty() => {
                let reason = "the runtime does not name the code that it makes of a guest".into();
                Ok(Some(Profiled::Impossible { reason }))
            }
            Self::Possible { profiler, module } => profiler.write(&path, code, module).map(Some),
            Self::Impossible { reason } => {
                Ok(Some(Profiled::Impossible { reason: reason.clone() }))
            }
        }
    }
}
