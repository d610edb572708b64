//! Targets as they are found on this machine.

use std::collections::BTreeMap;

use wasmfit_protocol::{Artifact, Failure, FailureKind, Hello, Start};
use wasmfit_record::{GuestRecord, Target};

use crate::drive::{Guests, Runner};
use crate::exit::CommandError;
use crate::guests::Guest;
use crate::places::Places;
use crate::runners;

/// A target, with all that is needed to launch it.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Its name.
    pub(crate) target: Target,
    /// The runner's process.
    pub(crate) runner: Runner,
    /// What the runner says of itself.
    pub(crate) hello: Hello,
    /// The guest; none natively and for external runners that bring their own.
    pub(crate) guest: Option<Guest>,
    /// The guest as it was verified.
    pub(crate) guest_record: Option<GuestRecord>,
    /// Compiled artifacts, once made.
    pub(crate) artifacts: BTreeMap<Start, Artifact>,
}

impl Setup {
    /// The starts it offers; the first is the one sampled at steady state.
    pub(crate) fn starts(&self) -> Vec<Start> {
        self.guest.as_ref().map_or_else(|| vec![Start::Plain], Guest::starts)
    }

    /// Whether its runner compiles anything ahead of a launch.
    pub(crate) fn compiles(&self) -> bool {
        self.guest.is_some()
    }

    /// Finds out all about `target`, or why it cannot run.
    pub(crate) fn find(
        target: &Target,
        places: &Places,
        runners: &[Runner],
    ) -> Result<Self, Failure> {
        let unknown = |error: CommandError| {
            Failure::new(FailureKind::NotStarted, "set-up", error.to_string())
        };
        let runner = runners::find(runners, &target.runtime).map_err(unknown)?.clone();
        let hello = runners::describe(&runner)?;
        if !target.is_native() && !hello.tiers.contains(&target.tier) {
            let tiers = hello.tiers.join(", ");
            let message = format!("{} has no tier {:?}: it has {tiers}", runner.name, target.tier);
            return Err(unknown(CommandError::Usage(message)));
        }
        let installed = places.guests.join(&target.guest).exists();
        let guest = match runner.guests {
            Guests::None => None,
            Guests::InstalledOrOwn if !installed => None,
            Guests::Installed | Guests::InstalledOrOwn => {
                Some(Guest::read(&places.guests, &target.guest)?)
            }
        };
        let guest_record = guest.as_ref().map(Guest::verify).transpose()?;
        let (target, artifacts) = (target.clone(), BTreeMap::new());
        Ok(Self { target, runner, hello, guest, guest_record, artifacts })
    }
}

/// The targets measured when none is named: native, and every tier of every
/// runtime on every installed guest. Where something is missing the target is
/// named all the same, so that its cells can say what.
pub(crate) fn defaults(places: &Places, runners: &[Runner], native: Target) -> Vec<Target> {
    let mut targets = vec![native];
    let guests: Vec<String> = Guest::read_all(&places.guests)
        .into_iter()
        .filter(|guest| guest.manifest.boundary == "host-call")
        .map(|guest| guest.manifest.name)
        .collect();
    let guests = if guests.is_empty() { vec!["cpython-3.15".into()] } else { guests };
    for runner in runners.iter().filter(|runner| runner.name != Target::NATIVE) {
        let tiers =
            runners::describe(runner).map_or_else(|_| vec!["cranelift".into()], |h| h.tiers);
        for tier in tiers {
            for guest in &guests {
                targets.push(Target {
                    runtime: runner.name.clone(),
                    tier: tier.clone(),
                    guest: guest.clone(),
                });
            }
        }
    }
    targets
}

/// The native target, named after the version of the interpreter found.
/// Without an answer of the interpreter it has no version to be named after.
pub(crate) fn native(hello: Option<&Hello>) -> Target {
    let guest = hello.map_or_else(|| "cpython".into(), runners::native_guest);
    Target { runtime: Target::NATIVE.into(), tier: String::new(), guest }
}
