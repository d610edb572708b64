//! What is on this machine: runners as they describe themselves, and guests
//! as they were verified. Each is asked when it is first needed, and once.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

use wasmfit_protocol::{Execution, Failure, FailureKind, Hello, Tier};
use wasmfit_record::{GuestRecord, Target};

use crate::cli::Limited;
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
    runners: Vec<Known<'a>>,
    guests: BTreeMap<String, (Guest, OnceCell<Result<GuestRecord, Failure>>)>,
}

/// Why a target is not measured unless asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptIn {
    /// It interprets: one of them takes as long as all that compile.
    Interprets,
    /// Its runner's own reason.
    Named(String),
}

impl OptIn {
    fn of(tier: &Tier, guest: Option<&Guest>) -> Option<Self> {
        let interprets = tier.execution == Execution::Interpreted;
        let of_guest = guest.and_then(|it| it.manifest.opt_in.clone());
        let named = tier.opt_in.clone().or(of_guest).map(Self::Named);
        named.or_else(|| interprets.then_some(Self::Interprets))
    }
}

impl fmt::Display for OptIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interprets => formatter.write_str("only when named or with --interpreters"),
            Self::Named(reason) => write!(formatter, "only when named: {reason}"),
        }
    }
}

/// A runner, and what it says of itself.
struct Known<'a> {
    runner: &'a Runner,
    description: OnceCell<Result<Description, Failure>>,
}

impl Known<'_> {
    fn describe(&self) -> Result<&Description, Failure> {
        let described = self.description.get_or_init(|| runners::describe(self.runner));
        described.as_ref().map_err(Clone::clone)
    }
}

impl<'a> Inventory<'a> {
    /// Finds runners and guests.
    pub(crate) fn take(places: &'a Places, runners: &'a [Runner]) -> Self {
        let known = |runner| Known { runner, description: OnceCell::new() };
        let guests = Guest::read_all(places).into_iter();
        Self {
            places,
            runners: runners.iter().map(known).collect(),
            guests: guests
                .map(|guest| (guest.manifest.name.clone(), (guest, OnceCell::new())))
                .collect(),
        }
    }

    /// What the native interpreter says of itself.
    pub(crate) fn native_hello(&self) -> Result<&Hello, Failure> {
        let native = self.find(Target::NATIVE).map_err(|error| not_started(&error))?;
        native.describe().map(|description| &description.hello)
    }

    /// Whether there is an interpreter to compare with.
    pub(crate) fn require_native(&self) -> Result<(), CommandError> {
        self.native_hello().map(|_| ()).map_err(|failure| {
            CommandError::Setup(format!(
                "no native Python to measure with: {}: run scripts/setup, or set WASMFIT_PYTHON",
                first_line(&failure)
            ))
        })
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
    /// its cells can say what. A tier that refuses a guest for how requests
    /// reach it is no target. Those that are not measured unless asked for come
    /// with the reason.
    pub(crate) fn targets(&self) -> Vec<(Target, Option<OptIn>)> {
        let mut targets = vec![(self.native(), None)];
        let mut guests: Vec<&str> = self.guests.keys().map(String::as_str).collect();
        // Later versions first: they are the ones to decide by.
        guests.reverse();
        if guests.is_empty() {
            guests.push(FIRST_GUEST);
        }
        for known in self.runners.iter().filter(|known| known.runner.name != Target::NATIVE) {
            let runtime = &known.runner.name;
            let tiers = match known.describe() {
                Ok(description) => description.tiers.clone(),
                Err(_) => runners::tiers_of_absent(runtime),
            };
            if known.runner.guests == Guests::None {
                targets.extend(without_guest(known, &tiers));
                continue;
            }
            for guest in &guests {
                let known = self.guests.get(*guest).map(|(guest, _)| guest);
                let refuses =
                    |tier: &&Tier| known.is_some_and(|it| it.manifest.refused_by(tier).is_some());
                targets.extend(tiers.iter().filter(|it| !refuses(it)).map(|tier| {
                    let (runtime, guest) = (runtime.clone(), (*guest).to_owned());
                    let opt_in = OptIn::of(tier, known);
                    (Target { runtime, tier: tier.name.clone(), guest }, opt_in)
                }));
            }
        }
        targets
    }

    /// Native, and every tier that has a limit next to the one it is compared
    /// with, each on one guest that both take.
    pub(crate) fn limited(&self, asked: &Limited) -> Result<Vec<Target>, CommandError> {
        for runtime in &asked.runtimes {
            self.knows(runtime)?;
        }
        let is_asked_for = |known: &&Known<'_>| {
            asked.runtimes.is_empty() || asked.runtimes.contains(&known.runner.name)
        };
        let guests = self.guests_to_run(asked);
        let mut targets = vec![self.native()];
        for known in self.runners.iter().filter(is_asked_for) {
            let Ok(Description { tiers, .. }) = known.describe() else { continue };
            for tier in tiers {
                let pair = guests.iter().find_map(|guest| self.pair(known, tier, guest));
                for target in pair.into_iter().flatten() {
                    if !targets.contains(&target) {
                        targets.push(target);
                    }
                }
            }
        }
        if targets.len() == 1 {
            return Err(CommandError::Usage(
                "no tier with a limit takes such a guest: `wasmfit list targets` shows what there is".into(),
            ));
        }
        Ok(targets)
    }

    /// A tier with a limit behind the one it is compared with; none where it
    /// has no limit or one of them does not take the guest.
    fn pair(&self, known: &Known<'_>, tier: &Tier, guest: &str) -> Option<[Target; 2]> {
        let limit = tier.limit.as_ref()?;
        let pair = [&limit.base, &tier.name].map(|tier| Target {
            runtime: known.runner.name.clone(),
            tier: tier.clone(),
            guest: guest.to_owned(),
        });
        let takes = |it: &Target| self.set_up(it).is_ok_and(|setup| setup.lacks().is_none());
        pair.iter().all(takes).then_some(pair)
    }

    /// The guest asked for, or all that are measured without being asked for,
    /// later versions first.
    fn guests_to_run<'b>(&'b self, asked: &'b Limited) -> Vec<&'b str> {
        if let Some(guest) = &asked.guest {
            return vec![guest];
        }
        let guests = self.guests.values().rev().map(|(guest, _)| &guest.manifest);
        guests.filter(|it| it.is_usual()).map(|it| &*it.name).collect()
    }

    /// Whether there is a runner of this name.
    pub(crate) fn knows(&self, runtime: &str) -> Result<(), CommandError> {
        self.find(runtime).map(|_| ())
    }

    fn find(&self, runtime: &str) -> Result<&Known<'a>, CommandError> {
        self.runners.iter().find(|known| known.runner.name == runtime).ok_or_else(|| {
            let names: Vec<&str> = self.runners.iter().map(|known| &*known.runner.name).collect();
            CommandError::Usage(format!(
                "no runner {runtime:?}: there are {}; name another one with --runner {runtime}=PATH",
                names.join(", ")
            ))
        })
    }

    /// All that is needed to launch `target`, or why it cannot run.
    pub(crate) fn set_up(&self, target: &Target) -> Result<Setup, Failure> {
        let known = self.find(&target.runtime).map_err(|error| not_started(&error))?;
        let runner = known.runner.clone();
        let Description { hello, tiers } = known.describe()?.clone();
        let tier = if target.is_native() {
            Tier::new("")
        } else {
            let tier = tiers.iter().find(|tier| tier.name == target.tier).cloned();
            tier.ok_or_else(|| {
                let names: Vec<&str> = tiers.iter().map(|tier| &*tier.name).collect();
                let (runner, names) = (&runner.name, names.join(", "));
                let message = format!("{runner} has no tier {:?}: it has {names}", target.tier);
                not_started(&CommandError::Usage(message))
            })?
        };
        let (guest, guest_record) = match (runner.guests, self.guests.get(&target.guest)) {
            (Guests::None, _) | (Guests::InstalledOrOwn, None) => (None, None),
            (_, Some((guest, record))) => {
                let record = record.get_or_init(|| guest.verify()).clone()?;
                (Some(guest.clone()), Some(record))
            }
            // Reading it says why it is not among those that could be read.
            (Guests::Installed, None) => {
                let guest = Guest::read(self.places, &target.guest)?;
                let record = guest.verify()?;
                (Some(guest), Some(record))
            }
        };
        let artifact_folder = runners::artifact_folder(&runner, self.places);
        Ok(Setup {
            target: target.clone(),
            runner,
            hello,
            tier,
            guest,
            guest_record,
            in_container: None,
            artifact_folder,
            artifacts: BTreeMap::new(),
            workload_folder: None,
        })
    }
}

/// The targets of a runner that has no guests.
fn without_guest(known: &Known<'_>, tiers: &[Tier]) -> Vec<(Target, Option<OptIn>)> {
    let guest = known.describe().map_or_else(
        |_| "cpython".to_owned(),
        |description| runners::guest_without(known.runner, &description.hello),
    );
    let target = |tier: &Tier| {
        let (runtime, tier_name) = (known.runner.name.clone(), tier.name.clone());
        let target = Target { runtime, tier: tier_name, guest: guest.clone() };
        (target, OptIn::of(tier, None))
    };
    tiers.iter().map(target).collect()
}

fn not_started(error: &CommandError) -> Failure {
    Failure::new(FailureKind::NotStarted, "set-up", error.to_string())
}

fn first_line(failure: &Failure) -> String {
    // What the interpreter itself says tells more than its exit code.
    let said = failure.detail.lines().last().map(str::trim).filter(|line| !line.is_empty());
    match (failure.kind, said) {
        (FailureKind::Vanished, Some(said)) => said.to_owned(),
        _ => failure.message.clone(),
    }
}
