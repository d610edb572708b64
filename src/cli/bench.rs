//! Measuring: `assess` and `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wasmfit_protocol::{Injection, InjectionPlace};
use wasmfit_record::{Shard, Target};

use super::values::{duration, percent, shard};
use super::{Limited, Versus};
use crate::exit::CommandError;
use crate::plan::HERTZ;
use crate::runners::{self, External};
use crate::scenarios::Change;

/// Decide whether a path of your own should be ported
///
/// Measures a workload folder, or a script, natively from your own environment
/// and on every WebAssembly target that compiles, and judges it by scenarios.
/// A script has `infer(request)`, from bytes to bytes, or `load(assets)`,
/// `decode(request)`, `infer(model, x)` and `encode(y)`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  A script with infer(bytes) -> bytes, and sample requests, one per file:
    wasmfit assess model.py --requests samples/ --python venv/bin/python
  By two scenarios, with a tighter budget:
    wasmfit assess model.py --requests one.json --scenario plugin \
        --scenario edge-worker --budget p99=20ms
  A workload folder, at a first glance:
    wasmfit assess ./my-model --profile quick")]
pub(crate) struct Assess {
    /// A Python file, or a folder with a workload.toml
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Sample requests of a script: a file is one, a folder holds one per
    /// file; repeatable [default: those of its own `make_request`]
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) requests: Vec<PathBuf>,
    /// File or folder that a script needs beside itself; repeatable. Modules
    /// that it imports from its own folder, and assets/ there, come along
    #[arg(long, value_name = "PATH")]
    pub(crate) with: Vec<PathBuf>,
    /// How a script's responses are compared
    #[arg(long, value_enum, default_value_t = Format::Bytes)]
    pub(crate) output: Format,
    /// How far numbers of them may differ, absolutely and of themselves
    #[arg(long, default_value_t = 1e-6)]
    pub(crate) tolerance: f64,
    /// Native interpreter, CPython 3.11 or later, for example of a virtual
    /// environment [default: that of scripts/setup]
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// Scenario to judge by, by name (`wasmfit list scenarios`) or a file of
    /// your own; repeatable [default: all that come along]
    #[arg(long = "scenario", value_name = "NAME|FILE")]
    pub(crate) scenarios: Vec<String>,
    /// Budgets in place of the scenarios' own, for example
    /// p99=20ms,memory=256MiB,slowdown=2,cold-start=none
    #[arg(long = "budget", value_name = "KEY=VALUE", value_delimiter = ',')]
    pub(crate) budgets: Vec<Change>,
    /// Target; repeatable [default: native and all that compile]
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
    /// Measure the ways beside porting the interpreter too: MicroPython, a
    /// component, and what a folder's rewrite/ holds (`wasmfit routes`)
    #[arg(long, conflicts_with = "targets")]
    pub(crate) routes: bool,
    /// How thoroughly to measure
    #[arg(short, long, value_enum, default_value_t = ProfileName::Default)]
    pub(crate) profile: ProfileName,
    /// Folder for the run [default: runs/TIME in the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Limit of the guest's memory, MiB; natively, of what the process
    /// allocates
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=4096))]
    pub(crate) memory: u64,
    /// Limit of a launch's time, for example 90s
    #[arg(long, value_name = "DURATION", default_value = "2min", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How responses are compared.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Equal or not
    Bytes,
    /// Little-endian single precision
    F32,
    /// Little-endian double precision
    F64,
    /// JSON text: its numbers within the tolerance
    Json,
}

impl Format {
    /// The name in workload.toml.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Json => "json",
        }
    }
}

/// Measure workloads on targets and write a report
///
/// Every cell, one workload on one target, is launched several times in
/// rounds, each launch in a process of its own, and its outputs are checked
/// against native. Samples are saved as each launch ends.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Everything there is, a first look:
    wasmfit bench
  One workload on two targets, figures to decide by:
    wasmfit bench --workload wordpiece --target native@cpython-3.15 \\
        --target wasmtime/cranelift@cpython-3.15 --profile default
  A workload of your own, from your own environment:
    wasmfit bench --workload path/to/folder --python venv/bin/python
  Go on with a run that was interrupted:
    wasmfit bench --resume runs/2026-01-31T12-00-00Z")]
pub(crate) struct Bench {
    /// Workload by name, or a folder with a workload.toml; repeatable
    /// [default: all]
    #[arg(short, long = "workload", value_name = "NAME|PATH")]
    pub(crate) workloads: Vec<String>,
    /// Target, RUNTIME/TIER@GUEST or native@GUEST; repeatable [default: all
    /// that compile, of those that `wasmfit list targets` shows]
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
    /// The tiers with limits, for `wasmfit sandbox`.
    #[arg(skip)]
    pub(crate) limited: Option<Limited>,
    /// Measure the tiers that interpret too: up to a hundred times as slow as
    /// those that compile
    #[arg(long, conflicts_with = "targets")]
    pub(crate) interpreters: bool,
    /// Native interpreter, CPython 3.11 or later, for example of a virtual
    /// environment [default: that of scripts/setup]
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// Measure one part of the matrix, for example 2/4: `wasmfit plan` shows
    /// them, `wasmfit merge` joins their runs
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    /// How thoroughly to measure
    #[arg(short, long, value_enum, default_value_t = ProfileName::Quick)]
    pub(crate) profile: ProfileName,
    /// Folder for the run [default: runs/TIME in the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with an unfinished run
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["workloads", "targets", "interpreters", "profile", "out", "seed", "memory", "timeout", "output", "sample_rate", "rules", "scenarios", "budgets", "python", "guests", "inject", "baseline", "base_workloads", "base_runners", "base_runners_file", "base_guests", "base_python", "against_itself", "until_decided", "shard"])]
    pub(crate) resume: Option<PathBuf>,
    /// Limit of the guest's memory, MiB; natively, of what the process
    /// allocates
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=4096))]
    pub(crate) memory: u64,
    /// Limit of a launch's time, for example 90s
    #[arg(long, value_name = "DURATION", default_value = "2min", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Limit of what a workload may print in a launch, KiB
    #[arg(long, value_name = "KIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub(crate) output: u64,
    /// PC samples per second in the profile pass; 0 leaves it out
    #[arg(long, value_name = "HZ", default_value_t = HERTZ, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) sample_rate: u32,
    /// Rules of your own for cost classes, asked before the built-in ones;
    /// repeatable (`wasmfit classify --help` tells how they are written)
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Scenario to judge by, by name (`wasmfit list scenarios`) or a file of
    /// your own; repeatable [default: all that come along]
    #[arg(long = "scenario", value_name = "NAME|FILE")]
    pub(crate) scenarios: Vec<String>,
    /// Budgets in place of the scenarios' own, for example
    /// p99=20ms,memory=256MiB,slowdown=2,cold-start=none
    #[arg(long = "budget", value_name = "KEY=VALUE", value_delimiter = ',')]
    pub(crate) budgets: Vec<Change>,
    /// Seed of the order of launches [default: from the clock]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) runners: Runners,
    /// Another build of a guest, or one of your own: a folder with a
    /// guest.toml; repeatable
    #[arg(long = "guest", value_name = "NAME=DIR")]
    pub(crate) guests: Vec<OwnGuest>,
    /// Slow every request down on purpose, to see whether a comparison finds
    /// it: in the runtime or at the boundary, for example runtime=5%
    #[arg(long, value_name = "PLACE=PERCENT")]
    pub(crate) inject: Option<Slower>,
    #[command(flatten)]
    pub(crate) versus: Versus,
    /// Print the figures as JSON; where versions are compared, the comparison
    #[arg(long)]
    pub(crate) json: bool,
    /// What it is measured for.
    #[arg(skip)]
    pub(crate) purpose: Purpose,
}

impl Default for Bench {
    /// What `wasmfit bench` alone asks for.
    fn default() -> Self {
        Self {
            workloads: Vec::new(),
            targets: Vec::new(),
            limited: None,
            interpreters: false,
            python: None,
            shard: None,
            profile: ProfileName::Quick,
            out: None,
            resume: None,
            memory: 1024,
            timeout: Duration::from_mins(2),
            output: 1024,
            sample_rate: HERTZ,
            rules: Vec::new(),
            scenarios: Vec::new(),
            budgets: Vec::new(),
            seed: None,
            runners: Runners::default(),
            guests: Vec::new(),
            inject: None,
            versus: Versus::default(),
            json: false,
            purpose: Purpose::default(),
        }
    }
}

/// What a measurement is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compare targets.
    #[default]
    Targets,
    /// `wasmfit boundary`: its workloads are payloads.
    Boundary,
    /// `wasmfit deploy`: native is measured whatever the targets.
    Deployment,
}

/// A guest's folder by the guest's name: `NAME=DIR`.
#[derive(Clone, Debug)]
pub(crate) struct OwnGuest {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

impl std::str::FromStr for OwnGuest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, folder) = text.split_once('=').ok_or("write NAME=DIR")?;
        let folder = PathBuf::from(folder);
        if !folder.join("guest.toml").is_file() {
            return Err(format!("{} holds no guest.toml", folder.display()));
        }
        Ok(Self { name: name.into(), folder })
    }
}

/// A slow-down on purpose: `PLACE=PERCENT`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slower(pub(crate) Injection);

impl std::str::FromStr for Slower {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, share) = text.split_once('=').ok_or("write PLACE=PERCENT")?;
        let places = [InjectionPlace::Runtime, InjectionPlace::Boundary];
        let place = places.into_iter().find(|it| it.name() == place);
        let place = place.ok_or("the places are runtime and boundary")?;
        // Within the range of `percent`.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let permille = (percent(share)? * 1000.0).round() as u32;
        Ok(Self(Injection { place, permille }))
    }
}

/// Runners beside the built-in ones.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Runners {
    /// Another runner, an executable that speaks the runner protocol; of a
    /// built-in runtime's name, in place of that; repeatable
    #[arg(long = "runner", value_name = "NAME=PATH")]
    pub(crate) named: Vec<External>,
    /// File that names runners, with arguments and environment [default:
    /// runners.toml in the current folder, if it is there]
    #[arg(long = "runners", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

impl Runners {
    /// Reads them.
    pub(crate) fn find(&self) -> Result<Vec<External>, CommandError> {
        runners::find_external(&self.named, self.file.as_deref())
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProfileName {
    /// 5 launches per cell: a first look, and CI
    Quick,
    /// 15 launches per cell: figures to decide by
    Default,
    /// 31 launches per cell: figures to publish
    Thorough,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn what_is_left_out_is_as_on_the_command_line() {
        let parsed = Cli::try_parse_from(["wasmfit", "bench"]).expect("a command");
        let Command::Bench(mut parsed) = parsed.command else { panic!("{parsed:?}") };
        // Nothing is compared, so its terms are of no use.
        assert!(!parsed.versus.is_asked_for());
        parsed.versus = Versus::default();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Bench::default()));
    }
}
