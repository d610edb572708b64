//! `wasmfit doctor`: what is installed, whether it is what it should be, how
//! quiet the machine is, and what to mend.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;
use wasmfit_record::{Environment, Target};

use crate::cli::Doctor;
use crate::commands::{print, print_json};
use crate::exit::{CommandError, Ending};
use crate::guests::Guest;
use crate::machine;
use crate::places::Places;
use crate::quiet::{Disturbance, Watch};
use crate::runners::{self, Description};

/// How long the noise of the machine is measured.
const LISTENING: Duration = Duration::from_millis(500);

/// Work between two readings of the clock: about 10 µs, short against the
/// milliseconds for which a busy machine takes a processor away.
const SPINS: u32 = 20_000;

/// Checks everything and says what to mend.
pub(crate) fn run(arguments: &Doctor) -> Result<Ending, CommandError> {
    let diagnosis = diagnose(&Places::find()?);
    if arguments.json {
        print_json(&diagnosis)?;
    } else {
        print(&diagnosis.to_text())?;
    }
    let healthy = diagnosis.checks.iter().all(|check| check.problem.is_none());
    Ok(if healthy { Ending::Done } else { Ending::WithFailures })
}

/// Everything found.
#[derive(Serialize)]
struct Diagnosis {
    wasmfit_version: &'static str,
    environment: Environment,
    noise: Noise,
    checks: Vec<Check>,
    /// What `scripts/setup` installed, in its own words.
    setup: Option<serde_json::Value>,
    /// What would make figures better, without being wrong.
    advice: Vec<String>,
}

/// One thing checked.
#[derive(Serialize)]
struct Check {
    what: String,
    /// What was found.
    found: String,
    /// What is wrong with it and what to do.
    problem: Option<String>,
}

impl Check {
    fn new(what: &str, result: Result<String, String>) -> Self {
        let what = what.to_owned();
        match result {
            Ok(found) => Self { what, found, problem: None },
            Err(problem) => Self { what, found: String::new(), problem: Some(problem) },
        }
    }
}

/// How evenly equal pieces of work take equal times.
#[derive(Serialize)]
struct Noise {
    /// 99th percentile over median of a fixed piece of work.
    p99_over_median: f64,
    /// Longest piece over median: the longest time the processor was away.
    longest_over_median: f64,
    /// Share of processor time stolen by the hypervisor meanwhile.
    steal: Option<f64>,
    /// Share of it that other processes took meanwhile.
    others: Option<f64>,
}

impl Noise {
    fn listen() -> Self {
        let watch = Watch::begin();
        let mut times = Vec::new();
        let began = Instant::now();
        while began.elapsed() < LISTENING {
            let piece = Instant::now();
            for step in 0..SPINS {
                std::hint::black_box(step);
            }
            times.push(piece.elapsed().as_nanos());
        }
        times.sort_unstable();
        let at = |share: f64| {
            // A share of an index is an index.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let index = ((times.len() - 1) as f64 * share) as usize;
            times.get(index).copied().unwrap_or(1).max(1) as f64
        };
        let Disturbance { steal, others, .. } = watch.end();
        let (p99_over_median, longest_over_median) = (at(0.99) / at(0.5), at(1.0) / at(0.5));
        Self { p99_over_median, longest_over_median, steal, others }
    }
}

fn diagnose(places: &Places) -> Diagnosis {
    let environment = machine::environment();
    let noise = Noise::listen();
    let native = Native::ask(places);
    let mut checks = vec![native_check(places, &native)];
    let guests = Guest::read_all(places);
    if guests.is_empty() {
        let problem = Guest::read(places, "cpython-3.15").err();
        let problem = problem.map_or_else(String::new, |failure| failure.message);
        checks.push(Check::new("guests", Err(problem)));
    }
    for guest in &guests {
        let name = &guest.manifest.name;
        let verified = guest.verify().map_err(|failure| failure.message);
        let found = verified
            .map(|record| format!("{}; all {} hashes as named", record.title, record.files.len()));
        checks.push(Check::new(&format!("guest {name}"), found));
    }
    let mut advice = advice(&environment, &noise, &native, &guests);
    for runner in runners::all(places, &[]) {
        if runner.name != Target::NATIVE {
            let described = runners::describe(&runner).map_err(|failure| failure.message);
            let found = described.map(|Description { hello, tiers }| {
                let tiers: Vec<String> = tiers.into_iter().map(|tier| tier.name).collect();
                format!("{} {}, tiers {}", hello.runtime, hello.runtime_version, tiers.join(", "))
            });
            if let Err(reason) = &found
                && runners::tiers_of_absent(&runner.name).iter().all(|it| it.opt_in.is_some())
            {
                // Nobody misses it who does not name it.
                advice.push(format!("no targets {}/...: {reason}", runner.name));
                continue;
            }
            checks.push(Check::new(&format!("runner {}", runner.name), found));
        }
    }
    let setup = std::fs::read_to_string(&places.setup_note)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    let wasmfit_version = env!("CARGO_PKG_VERSION");
    Diagnosis { wasmfit_version, environment, noise, checks, setup, advice }
}

fn native_check(places: &Places, native: &Native) -> Check {
    let found = match runners::describe(&runners::native(places)) {
        Ok(Description { hello, .. }) => {
            let packages =
                native.packages.iter().map(|(name, version)| format!(", {name} {version}"));
            Ok(format!("CPython {}{}", hello.runtime_version, packages.collect::<String>()))
        }
        Err(failure) => Err(format!(
            "{} {}: run scripts/setup, or set WASMFIT_PYTHON to a CPython 3.11 or later",
            failure.message,
            failure.detail.lines().last().unwrap_or_default()
        )),
    };
    Check::new("native Python", found)
}

/// What the native interpreter says of its surroundings.
struct Native {
    /// Array packages and their versions.
    packages: BTreeMap<String, String>,
    /// Whether its standard library is compiled to bytecode; `None` when it
    /// does not answer.
    compiled: Option<bool>,
}

impl Native {
    /// Asks it. Versions come from metadata: importing the packages would take
    /// longer than everything else here.
    fn ask(places: &Places) -> Self {
        const QUESTIONS: &str = "\
import importlib.util, json, os
from importlib.metadata import version, PackageNotFoundError
print('compiled', os.path.exists(importlib.util.cache_from_source(json.__file__)))
for name in ('numpy', 'scipy', 'scikit-learn'):
    try: print(name, version(name))
    except PackageNotFoundError: pass";
        let output = Command::new(&places.python).args(["-c", QUESTIONS]).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        let mut packages: BTreeMap<String, String> = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, answer)| (name.to_owned(), answer.to_owned()))
            .collect();
        let compiled = packages.remove("compiled").map(|answer| answer == "True");
        Self { packages, compiled }
    }
}

fn advice(
    environment: &Environment,
    noise: &Noise,
    native: &Native,
    guests: &[Guest],
) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(governor) = environment.governor.as_ref().filter(|name| *name != "performance") {
        advice.push(format!(
            "the frequency governor is {governor}: set it to performance while measuring"
        ));
    }
    if environment.load_before > f64::from(environment.cpus) / 2.0 {
        advice.push(format!(
            "load average is {:.1} on {} processors: end what else is running",
            environment.load_before, environment.cpus
        ));
    }
    if noise.steal.is_some_and(|steal| steal > 0.02) {
        advice.push(
            "the hypervisor gives this machine's time to others: measure at another hour, or with --profile thorough".into(),
        );
    }
    if noise.others.is_some_and(|others| others > 0.1) {
        advice.push(
            "other processes are at work: end them, or compare versions only in turn (bench --base-...)".into(),
        );
    }
    if noise.p99_over_median > 1.5 {
        advice.push(format!(
            "equal work takes up to {:.1} times as long: expect wide intervals, or measure with --profile thorough",
            noise.p99_over_median
        ));
    }
    if native.compiled == Some(false) {
        advice.push(
            "the native standard library has no bytecode beside it, so every start compiles what it imports: run python -m compileall on it, or cold starts come out several times too slow".into(),
        );
    }
    for guest in guests {
        for (package, version) in &native.packages {
            let inside = guest.manifest.packages.get(package);
            if let Some(inside) = inside.filter(|inside| *inside != version) {
                advice.push(format!(
                    "native {package} is {version}, guest {} has {inside}: part of a difference may be the version's",
                    guest.manifest.name
                ));
            }
        }
    }
    advice
}

impl Diagnosis {
    fn to_text(&self) -> String {
        let Environment { system, kernel, cpu, cpus, memory_bytes, virtualization, .. } =
            &self.environment;
        let mut text = String::new();
        let mut line = |mark: &str, what: &str, found: &str| {
            let _ = writeln!(text, "{mark:4}  {what:22}  {found}");
        };
        line("", "wasmfit", self.wasmfit_version);
        let virtualization =
            virtualization.as_ref().map_or_else(String::new, |name| format!(", under {name}"));
        line("", "system", &format!("{system}, kernel {kernel}{virtualization}"));
        line("", "machine", &format!("{cpu}, {cpus} processors, {} GiB", memory_bytes >> 30));
        let steal = self.noise.steal.map_or_else(
            || "steal not told".to_owned(),
            |steal| format!("{:.1} % stolen", steal * 100.0),
        );
        let others = self.noise.others.map_or_else(String::new, |others| {
            format!(", {:.1} % had by other processes", others * 100.0)
        });
        line(
            "",
            "noise",
            &format!(
                "p99 {:.2} times the median of equal work, longest {:.0} times; {steal}{others}",
                self.noise.p99_over_median, self.noise.longest_over_median
            ),
        );
        for check in &self.checks {
            match &check.problem {
                None => line("ok", &check.what, &check.found),
                Some(problem) => line("MEND", &check.what, problem),
            }
        }
        for advice in &self.advice {
            line("note", "", advice);
        }
        text
    }
}
