//! Targets as they are found on this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use wasmfit_protocol::{Artifact, Execution, Failure, Hello, LimitKind, Start, Tier};
use wasmfit_record::{GuestRecord, Target};

use crate::drive::Runner;
use crate::guests::Guest;
use crate::rewrites::MACHINE;
use crate::workloads::Workload;

/// A target, with all that is needed to launch it.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Its name.
    pub(crate) target: Target,
    /// The runner's process.
    pub(crate) runner: Runner,
    /// Who the runner is.
    pub(crate) hello: Hello,
    /// What the runner says of the tier; natively nothing.
    pub(crate) tier: Tier,
    /// The guest; none natively and for external runners that bring their own.
    pub(crate) guest: Option<Guest>,
    /// The guest as it was verified.
    pub(crate) guest_record: Option<GuestRecord>,
    /// The same within a container, natively, where that is asked for.
    pub(crate) in_container: Option<Runner>,
    /// Where its runner keeps compiled artifacts.
    pub(crate) artifact_folder: PathBuf,
    /// The folder that the runner takes for the workload's, where that was
    /// rewritten.
    pub(crate) workload_folder: Option<PathBuf>,
    /// Compiled artifacts, once made.
    pub(crate) artifacts: BTreeMap<Start, Artifact>,
}

impl Setup {
    /// The starts it offers; the first is the one sampled at steady state.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let in_container = self.in_container.iter().map(|_| Start::Container);
        let native = || std::iter::once(Start::Plain).chain(in_container).collect();
        let mut starts: Vec<Start> = self.guest.as_ref().map_or_else(native, Guest::starts);
        let is_fresh = self.tier.limit.as_ref().is_some_and(|it| it.kind == LimitKind::Fresh);
        if is_fresh {
            // Whoever makes a guest for each request takes the one that is up sooner.
            starts.reverse();
        }
        starts
    }

    /// What is launched for a start.
    pub(crate) fn runner_of(&self, start: Start) -> &Runner {
        let in_container = self.in_container.as_ref().filter(|_| start == Start::Container);
        in_container.unwrap_or(&self.runner)
    }

    /// How it executes code; none natively.
    pub(crate) fn execution(&self) -> Option<Execution> {
        (!self.target.is_native()).then_some(self.tier.execution)
    }

    /// Whether PC samples of it can be told apart: an interpreter tier hides
    /// the guest's functions, and a guest may not name them.
    pub(crate) fn is_profiled(&self) -> bool {
        let named = self.guest.as_ref().is_none_or(|guest| guest.manifest.function_names);
        // Of machine code that is all kernel there is nothing to tell apart.
        let is_told_apart = self.target.runtime != MACHINE;
        named && is_told_apart && self.tier.execution == Execution::Compiled
    }

    /// Whether every launch compiles the guest.
    pub(crate) fn compiles_at_launch(&self) -> bool {
        self.guest.as_ref().is_some_and(|guest| guest.manifest.compiled_at_launch)
    }

    /// Whether its runner prepares anything ahead of a launch.
    pub(crate) fn prepares(&self) -> bool {
        self.guest.is_some() && !self.compiles_at_launch()
    }

    /// Why the tier cannot run the guest, by the runtime's own word.
    pub(crate) fn lacks(&self) -> Option<String> {
        let manifest = &self.guest.as_ref()?.manifest;
        if let Some(reason) = manifest.refused_by(&self.tier) {
            return Some(format!("{}: {reason}", self.target.guest));
        }
        let (proposal, error) =
            self.tier.lacks.iter().find(|(proposal, _)| manifest.proposals.contains(*proposal))?;
        Some(format!(
            "{} needs {}, which {}/{} does not take: {error}",
            self.target.guest,
            proposal.title(),
            self.target.runtime,
            self.target.tier
        ))
    }

    /// A failure, with what the guest carries where a package was missing.
    pub(crate) fn explained(&self, mut failure: Failure) -> Failure {
        if let Some(guest) = &self.guest
            && failure.message.contains("No module named")
        {
            failure.message = format!("{}: {}", failure.message, guest.packages_in_words());
        }
        failure
    }

    /// Why the target cannot run a workload, as far as that is known before
    /// trying.
    pub(crate) fn unsupported(&self, workload: &Workload) -> Option<String> {
        let guest = self.guest.as_ref()?;
        let unavailable = guest.manifest.unavailable.clone();
        unavailable.or_else(|| self.lacks()).or_else(|| guest.unsupported(workload))
    }
}
