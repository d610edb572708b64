//! What is on this machine: runners as they describe themselves, and guests
//! as they were verified. Each is asked once.

use std::collections::BTreeMap;

use wasmfit_protocol::{Failure, FailureKind, Hello, Tier};
use wasmfit_record::{GuestRecord, Target};

use crate::drive::{Guests, Runner};
use crate::exit::CommandError;
use crate::guests::Guest;
use crate::places::Places;
use crate::runners::{self, Description};
use crate::targets::Setup;

/// The guest whose absence is named where none is installed.
const FIRST_GUEST: &str = "cpython-3.15";

/// What was found.
pub(crate) struct Inventory<'a> {
    places: &'a Places,
    runners: Vec<(&'a Runner, Result<Description, Failure>)>,
    guests: BTreeMap<String, Result<(Guest, GuestRecord), Failure>>,
}

impl<'a> Inventory<'a> {
    /// Asks every runner, and reads every guest whole.
    pub(crate) fn take(places: &'a Places, runners: &'a [Runner]) -> Self {
        let verified = |guest: Guest| {
            let record = guest.verify();
            (guest.manifest.name.clone(), record.map(|record| (guest, record)))
        };
        Self {
            places,
            runners: runners.iter().map(|runner| (runner, runners::describe(runner))).collect(),
            guests: Guest::read_all(&places.guests).into_iter().map(verified).collect(),
        }
    }

    /// What the native interpreter says of itself.
    pub(crate) fn native_hello(&self) -> Result<&Hello, Failure> {
        match self.find(Target::NATIVE) {
            Ok((_, Ok(description))) => Ok(&description.hello),
            Ok((_, Err(failure))) => Err(failure.clone()),
            Err(error) => Err(Failure::new(FailureKind::NotStarted, "set-up", error.to_string())),
        }
    }

    /// The native target, named after the version of the interpreter found.
    /// Without an answer of the interpreter it has no version to be named
    /// after.
    pub(crate) fn native(&self) -> Target {
        let hello = self.native_hello().ok();
        let guest = hello.map_or_else(|| "cpython".into(), runners::native_guest);
        Target { runtime: Target::NATIVE.into(), tier: String::new(), guest }
    }

    /// Native, and every tier of every runtime on every installed guest.
    /// Where something is missing the target is there all the same, so that
    /// its cells can say what. Those to be measured only when they are named
    /// come with the reason.
    pub(crate) fn targets(&self) -> Vec<(Target, Option<String>)> {
        let mut targets = vec![(self.native(), None)];
        let mut guests: Vec<&str> = self.guests.keys().map(String::as_str).collect();
        // Later versions first: they are the ones to decide by.
        guests.reverse();
        if guests.is_empty() {
            guests.push(FIRST_GUEST);
        }
        for (runner, description) in &self.runners {
            if runner.name == Target::NATIVE {
                continue;
            }
            let tiers = match description {
                Ok(description) => description.tiers.clone(),
                Err(_) => runners::tiers_of_absent(&runner.name),
            };
            for guest in &guests {
                targets.extend(tiers.iter().map(|tier| {
                    let (runtime, guest) = (runner.name.clone(), (*guest).to_owned());
                    (Target { runtime, tier: tier.name.clone(), guest }, tier.opt_in.clone())
                }));
            }
        }
        targets
    }

    /// Whether there is a runner of this name.
    pub(crate) fn knows(&self, runtime: &str) -> Result<(), CommandError> {
        self.find(runtime).map(|_| ())
    }

    fn find(
        &self,
        runtime: &str,
    ) -> Result<&(&Runner, Result<Description, Failure>), CommandError> {
        self.runners.iter().find(|(runner, _)| runner.name == runtime).ok_or_else(|| {
            let names: Vec<&str> = self.runners.iter().map(|(runner, _)| &*runner.name).collect();
            CommandError::Usage(format!(
                "no runner {runtime:?}: there are {}; name another one with --runner {runtime}=PATH",
                names.join(", ")
            ))
        })
    }

    /// All that is needed to launch `target`, or why it cannot run.
    pub(crate) fn set_up(&self, target: &Target) -> Result<Setup, Failure> {
        let unknown = |error: CommandError| {
            Failure::new(FailureKind::NotStarted, "set-up", error.to_string())
        };
        let (runner, description) = self.find(&target.runtime).map_err(unknown)?;
        let Description { hello, tiers } = description.clone()?;
        let tier = if target.is_native() {
            Tier::new("")
        } else if let Some(tier) = tiers.iter().find(|tier| tier.name == target.tier) {
            tier.clone()
        } else {
            let tiers: Vec<&str> = tiers.iter().map(|tier| &*tier.name).collect();
            let message = format!(
                "{} has no tier {:?}: it has {}",
                runner.name,
                target.tier,
                tiers.join(", ")
            );
            return Err(unknown(CommandError::Usage(message)));
        };
        let guest = match (runner.guests, self.guests.get(&target.guest)) {
            (Guests::None, _) | (Guests::InstalledOrOwn, None) => None,
            (_, Some(guest)) => Some(guest.clone()?),
            // Says why it is not there.
            (Guests::Installed, None) => {
                let guest = Guest::read(&self.places.guests, &target.guest)?;
                let record = guest.verify()?;
                Some((guest, record))
            }
        };
        let (guest, guest_record) = guest.unzip();
        let runner = (*runner).clone();
        let (target, artifacts) = (target.clone(), BTreeMap::new());
        Ok(Setup { target, runner, hello, tier, guest, guest_record, artifacts })
    }
}
