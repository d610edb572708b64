//! `wasmfit runner-check`: whether an executable speaks the runner protocol.

use std::path::{Path, PathBuf};

use serde::Serialize;
use wasmfit_protocol::{Hello, Start, Tier};
use wasmfit_record::Target;

use crate::cli::RunnerCheck;
use crate::commands::{print, print_json};
use crate::conformance::{CHECKS, Checked, Outcome, Subject};
use crate::drive::{Guests, Interrupt, Runner, does_not_start};
use crate::exit::{CommandError, Ending};
use crate::guests::Guest;
use crate::places::Places;
use crate::runners;

/// A runner, and how every check of it came out.
#[derive(Serialize)]
struct Report {
    runner: String,
    runtime: Option<String>,
    runtime_version: Option<String>,
    tier: String,
    /// `None` where it brings its own.
    guest: Option<String>,
    checks: Vec<Checked>,
}

/// Tries every check, and shows each as it comes out.
pub(crate) fn run(arguments: &RunnerCheck) -> Result<Ending, CommandError> {
    let places = Places::find()?;
    let interrupt = Interrupt::default();
    interrupt.on_signals()?;
    let runner = find(arguments, &places)?;
    let artifacts = runners::artifact_folder(&runner, &places);
    let scratch = tempfile::tempdir().map_err(|error| CommandError::Storage(error.to_string()))?;
    let mut subject =
        Subject::new(runner, arguments.timeout, scratch.path(), &artifacts, &interrupt);
    subject.describe().map_err(|error| {
        let message = does_not_start(&subject.runner, &error);
        if subject.is_native() {
            CommandError::Setup(message)
        } else {
            CommandError::Usage(message)
        }
    })?;
    if let Some(tier) = choose_tier(arguments, &subject)? {
        subject.guest = choose_guest(arguments, &subject.runner, &tier, &places)?;
        subject.tier = tier.name;
    }
    let hello = subject.hello();
    let mut report = Report {
        runner: arguments.runner.to_string_lossy().into_owned(),
        runtime: hello.as_ref().map(|it| it.runtime.clone()),
        runtime_version: hello.as_ref().map(|it| it.runtime_version.clone()),
        tier: subject.tier.clone(),
        guest: subject.guest.as_ref().map(|guest| guest.name.clone()),
        checks: Vec::new(),
    };
    if !arguments.json {
        print(&heading(&report, hello.as_ref()))?;
    }
    for check in CHECKS {
        let checked = check.of(&subject);
        if interrupt.is_requested() {
            return Ok(Ending::Interrupted);
        }
        if !arguments.json {
            print(&line(&checked))?;
        }
        report.checks.push(checked);
    }
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&summary(&report))?;
    }
    let broken = report.checks.iter().any(|it| matches!(it.outcome, Outcome::Broken { .. }));
    Ok(if broken { Ending::WithFailures } else { Ending::Done })
}

/// The runner that is meant.
fn find(arguments: &RunnerCheck, places: &Places) -> Result<Runner, CommandError> {
    let RunnerCheck { runner: path, arguments: more, .. } = arguments;
    let file = arguments.runners.as_deref();
    let mut runner = if path == Path::new(Target::NATIVE) {
        runners::native(places)
    } else if path.is_file() {
        at(path)
    } else {
        let external = runners::find_external(&[], file)?;
        let named = external.iter().find(|it| Path::new(&it.name) == path);
        named.map(runners::External::runner).ok_or_else(|| {
            let path = path.display();
            CommandError::Usage(format!(
                "{path} is neither a file nor a runner of runners.toml: give the path of an executable, or native"
            ))
        })?
    };
    runner.arguments.extend(more.iter().cloned());
    Ok(runner)
}

/// The runner at a path, which may bring its own guest.
fn at(path: &Path) -> Runner {
    Runner {
        name: path.to_string_lossy().into_owned(),
        // A path without a folder would be looked for elsewhere.
        program: path.canonicalize().unwrap_or_else(|_| PathBuf::from(path)),
        arguments: Vec::new(),
        environment: Vec::new(),
        guests: Guests::InstalledOrOwn,
    }
}

/// The tier to try; none natively and where it tells none, which a check will
/// say.
fn choose_tier(
    arguments: &RunnerCheck,
    subject: &Subject<'_>,
) -> Result<Option<Tier>, CommandError> {
    let mut tiers = subject.tiers().unwrap_or_default();
    let Some(name) = &arguments.tier else {
        return Ok((!tiers.is_empty() && !subject.is_native()).then(|| tiers.swap_remove(0)));
    };
    if let Some(at) = tiers.iter().position(|tier| tier.name == *name) {
        return Ok(Some(tiers.swap_remove(at)));
    }
    let names: Vec<&str> = tiers.iter().map(|tier| &*tier.name).collect();
    let names =
        if names.is_empty() { "tells none".into() } else { format!("has {}", names.join(", ")) };
    let runner = &subject.runner.name;
    Err(CommandError::Usage(format!("{runner} has no tier {name:?}: it {names}")))
}

/// The guest to give it; none where it brings its own.
fn choose_guest(
    arguments: &RunnerCheck,
    runner: &Runner,
    tier: &Tier,
    places: &Places,
) -> Result<Option<wasmfit_protocol::GuestFiles>, CommandError> {
    let mut installed = Guest::read_all(places);
    // Later versions first, as everywhere.
    installed.reverse();
    let guest = match &arguments.guest {
        Some(name) => {
            let guest = installed.into_iter().find(|guest| guest.manifest.name == *name);
            if guest.is_none() && runner.guests == Guests::Installed {
                let places = places.guests.display();
                return Err(CommandError::Setup(format!(
                    "no guest {name:?} in {places}: run scripts/setup, or set WASMFIT_GUESTS"
                )));
            }
            guest
        }
        None => installed.into_iter().filter(|it| it.manifest.is_usual()).find(|guest| {
            guest.manifest.refused_by(tier).is_none()
                && guest.manifest.proposals.iter().all(|needed| !tier.lacks.contains_key(needed))
        }),
    };
    let Some(guest) = guest else { return Ok(None) };
    guest.verify().map_err(|failure| CommandError::Setup(failure.message))?;
    Ok(Some(guest.for_runner(Start::Plain)))
}

fn heading(report: &Report, hello: Option<&Hello>) -> String {
    let who = hello
        .map_or_else(String::new, |hello| format!(": {} {}", hello.runtime, hello.runtime_version));
    let how = match (&*report.tier, &report.guest) {
        ("", _) => String::new(),
        (tier, Some(guest)) => format!(", tier {tier}, guest {guest}"),
        (tier, None) => format!(", tier {tier}, its own guest"),
    };
    format!("{}{who}{how}\n", report.runner)
}

fn line(checked: &Checked) -> String {
    let Checked { name, asks, outcome } = checked;
    match outcome {
        Outcome::Kept => format!("  kept       {name:<17} {asks}\n"),
        Outcome::Broken { reason } => format!("  BROKEN     {name:<17} {asks}: {reason}\n"),
        Outcome::NotTried { reason } => format!("  not tried  {name:<17} {reason}\n"),
    }
}

fn summary(report: &Report) -> String {
    let count =
        |is: fn(&Outcome) -> bool| report.checks.iter().filter(|it| is(&it.outcome)).count();
    let kept = count(|it| *it == Outcome::Kept);
    let broken = count(|it| matches!(it, Outcome::Broken { .. }));
    let not_tried = count(|it| matches!(it, Outcome::NotTried { .. }));
    format!("{kept} of {} kept, {broken} broken, {not_tried} not tried\n", report.checks.len())
}
