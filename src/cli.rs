//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use wasmfit_protocol::{Injection, InjectionPlace};
use wasmfit_record::{Shard, Target};

use crate::exit::{CommandError, EXIT_CODES};
use crate::places::VARIABLES;
use crate::plan::HERTZ;
use crate::runners::{self, External};
use crate::scenarios::Change;

/// Should this Python inference path be ported to WebAssembly?
///
/// wasmfit runs identical Python inference workloads on native CPython and on
/// CPython compiled to WebAssembly, verifies that the outputs agree, and
/// reports what a port would gain and lose.
#[derive(Debug, Parser)]
#[command(name = "wasmfit", version, after_long_help = after_help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn after_help() -> String {
    format!("{VARIABLES}\n\n{EXIT_CODES}")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Assess(Assess),
    Bench(Bench),
    Report(Report),
    Compare(Compare),
    Plan(Plan),
    Merge(Merge),
    Publish(Publish),
    Calibrate(Calibrate),
    Classify(Classify),
    New(New),
    Check(Check),
    RunnerCheck(RunnerCheck),
    List(List),
    Doctor(Doctor),
    Completions(Completions),
    /// Print the manual page
    ///
    /// All commands on one page, as roff: `wasmfit man | man -l -`.
    Man,
}

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
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["workloads", "targets", "interpreters", "profile", "out", "seed", "memory", "timeout", "output", "sample_rate", "rules", "scenarios", "budgets", "python", "guests", "inject", "baseline", "base_workloads", "base_runners", "base_guests", "base_python", "against_itself", "until_decided", "shard"])]
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
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
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

/// What a measurement is compared with.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Comparison with another version")]
pub(crate) struct Versus {
    /// Compare with a run that was made before: its folder, or what `wasmfit
    /// report --json` printed of it
    #[arg(long, value_name = "RUN_DIR|FILE", conflicts_with_all = ["base_workloads", "base_runners", "base_guests", "base_python", "against_itself"])]
    pub(crate) baseline: Option<PathBuf>,
    /// Measure the workloads of this folder in turn with those of --workload,
    /// of the same names: the version to compare with
    #[arg(long, value_name = "DIR")]
    pub(crate) base_workloads: Option<PathBuf>,
    /// Measure another build of a runner in turn with this one; repeatable
    #[arg(long = "base-runner", value_name = "NAME=PATH")]
    pub(crate) base_runners: Vec<External>,
    /// Measure another build of a guest in turn with this one; repeatable
    #[arg(long = "base-guest", value_name = "NAME=DIR")]
    pub(crate) base_guests: Vec<OwnGuest>,
    /// Measure another native interpreter in turn with this one
    #[arg(long, value_name = "PYTHON")]
    pub(crate) base_python: Option<PathBuf>,
    /// Measure everything twice, in turn, as if it were two versions: what a
    /// comparison says of this machine when nothing has changed
    #[arg(long)]
    pub(crate) against_itself: bool,
    /// Measure until each cell is decided, but no longer than this; versions
    /// that are measured in turn always are [default: a minute per cell and
    /// its counterpart, longer with the profiles default and thorough]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "auto", value_parser = time_budget)]
    pub(crate) until_decided: Option<TimeBudget>,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// What makes the command end with exit code 6
    #[arg(long, value_enum, value_delimiter = ',', default_value = "regression")]
    pub(crate) fail_on: Vec<FailOn>,
}

/// What counts as a change.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Terms {
    /// The smallest change of time or memory that counts
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = percent)]
    pub(crate) min_effect: f64,
    /// Compare although the machines have different processors: only ratios
    /// to native, each of its own machine
    #[arg(long)]
    pub(crate) across_machines: bool,
}

/// How long `--until-decided` may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeBudget {
    /// By the number of cells.
    Auto,
    /// So long.
    Given(Duration),
}

/// What a comparison may find that fails a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// A cell got slower, larger or broken
    Regression,
    /// A verdict got worse
    Verdict,
    /// Outputs are other bytes than before
    Output,
    /// It could not be decided whether a cell got slower
    Inconclusive,
    /// Nothing
    Never,
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

/// Write the report of a run directory again
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit report runs/2026-01-31T12-00-00Z
  wasmfit report --json runs/2026-01-31T12-00-00Z > figures.json")]
pub(crate) struct Report {
    /// Folder that `wasmfit bench` made
    #[arg(value_name = "RUN_DIR")]
    pub(crate) run: PathBuf,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tell what got slower from one run to another
///
/// Runs whose launches were made in turn, by one `wasmfit bench --base-...`,
/// are compared pair by pair. Of runs made one after the other only ratios to
/// native are, since native saw the same machine as they did.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit compare runs/before runs/after
  wasmfit compare before.json runs/after --format markdown --min-effect 5%
  wasmfit compare runs/now/base runs/now --fail-on regression,verdict")]
pub(crate) struct Compare {
    /// Run to compare with: its folder, or what `wasmfit report --json`
    /// printed of it
    #[arg(value_name = "BASE")]
    pub(crate) base: PathBuf,
    /// Run in question, likewise
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t = ComparisonFormat::Text)]
    pub(crate) format: ComparisonFormat,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// What makes the command end with exit code 6
    #[arg(long, value_enum, value_delimiter = ',', default_value = "regression")]
    pub(crate) fail_on: Vec<FailOn>,
}

/// Show how a matrix is divided into shards
///
/// Each shard has whole cases, natively and on every target, so that ratios
/// are of one machine.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  wasmfit plan --shards 4
  wasmfit bench --shard 1/4 --out shard-1        # on each machine its own
  wasmfit merge shard-1 shard-2 shard-3 shard-4 --out merged")]
pub(crate) struct Plan {
    /// How many shards
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) shards: u32,
    #[command(flatten)]
    pub(crate) bench: Bench,
}

/// Join the shards of a matrix into one run
///
/// Writes the report of all of them. Each case keeps the machine it was
/// measured on: ratios are of one machine, times of two cases may not be.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit merge shard-* --out merged
  wasmfit merge shard-* --out merged --partial    # although one is lost")]
pub(crate) struct Merge {
    /// Folders that `wasmfit bench --shard` made
    #[arg(required = true, value_name = "RUN_DIR")]
    pub(crate) shards: Vec<PathBuf>,
    /// Folder for the run
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Merge what there is, although shards are missing or unfinished
    #[arg(long)]
    pub(crate) partial: bool,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// What makes the command end with exit code 6, where two versions were
    /// measured in turn
    #[arg(long, value_enum, value_delimiter = ',', default_value = "regression")]
    pub(crate) fail_on: Vec<FailOn>,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ComparisonFormat {
    /// For a terminal
    Text,
    /// For a job summary or a comment
    Markdown,
    /// All of it
    Json,
    /// XML that continuous integration shows as tests
    Junit,
    /// Annotations of a GitHub workflow
    Github,
}

/// Write runs as a static site
///
/// An index of the runs, each one's report with its raw data, and how each case
/// changed from run to run. Nothing in it needs a server or another host.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  wasmfit publish runs/* --out site
  python3 -m http.server --directory site")]
pub(crate) struct Publish {
    /// Folders that `wasmfit bench` or `wasmfit assess` made
    #[arg(required = true, value_name = "RUN_DIR")]
    pub(crate) runs: Vec<PathBuf>,
    /// Folder of the site; its index is written again
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Find out how far the attribution of each target is off
///
/// Measures mixes of ingredients, a Python loop, small ufuncs, matrix products,
/// bytes and JSON, each of which is timed alone too, so that the true split is
/// known. The error of each target is kept in the cache, and the reports of
/// later runs with the same versions and rules carry it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit calibrate
  wasmfit calibrate --target wasmtime/cranelift@cpython-3.15 --rounds 5
  wasmfit calibrate --rules mine.toml")]
pub(crate) struct Calibrate {
    /// Target; repeatable [default: all whose functions can be sampled]
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
    /// Launches per target and workload
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// PC samples per second in the profile pass
    #[arg(long, value_name = "HZ", default_value_t = HERTZ, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    pub(crate) sample_rate: u32,
    /// Rules of your own, asked before the built-in ones; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Folder for the run [default: runs/calibration-TIME in the current
    /// folder]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tell which rule decides about a function's cost class
///
/// A PC sample belongs to the class of the function that the processor was in.
/// Rules are tried in order, your own first, and the first that matches
/// decides. Where it says `caller`, the function serves whoever calls it, and
/// the sample is charged there.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Rules are TOML; symbol and object are regular expressions or lists of them, and
either may be left out:
  [[rule]]
  symbol = '^score_rows'
  object = '^_scoring\\.'
  class = \"compute\"
  why = \"the inner loop of our own extension\"

Classes: interpreter/eval, interpreter/objects, interpreter/memory,
  interpreter/dispatch, interpreter (of the four it is not known which),
  compute, system, unknown, and caller

Examples:
  wasmfit classify sgemm_kernel
  wasmfit classify --object libm.so.6 __expf_fma
  wasmfit classify --rules mine.toml score_rows")]
pub(crate) struct Classify {
    /// Function names as profiles show them; \"\" for one without a name
    #[arg(required = true, value_name = "SYMBOL")]
    pub(crate) symbols: Vec<String>,
    /// The program, library or module that holds them
    #[arg(long, value_name = "NAME", default_value = "python.wasm")]
    pub(crate) object: String,
    /// Rules of your own, asked before the built-in ones; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Begin a workload of your own
///
/// Writes a folder with a workload that works: workload.toml, workload.py, its
/// README and a model in assets/.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  wasmfit new my-model
  wasmfit check ./my-model")]
pub(crate) struct New {
    /// Folder to make; its name is the workload's
    #[arg(value_name = "NAME|PATH")]
    pub(crate) folder: PathBuf,
}

/// Check that a workload keeps its contract
///
/// Finds what is missing or forbidden: functions, assets, packages of the
/// guests, clocks, chance, network; whether two loads and two processes give
/// the same bytes; whether the tolerance would notice a number off by 1%. Then
/// every request is answered natively, and on the targets named.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  The whole suite:
    wasmfit check
  Your own, and whether it answers the same in a guest of 512 MiB:
    wasmfit check ./my-model --target wasmtime/cranelift@cpython-3.15 --memory 512")]
pub(crate) struct Check {
    /// Workload by name, or a folder with a workload.toml [default: all]
    #[arg(value_name = "NAME|PATH")]
    pub(crate) workloads: Vec<String>,
    /// Target to try it on besides native; repeatable
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
    /// Limit of the guest's memory, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=4096))]
    pub(crate) memory: u64,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check that an executable speaks the runner protocol
///
/// Hands it jobs, good ones and bad ones, and holds what it tells, writes and
/// leaves behind against what the protocol asks for. Takes some ten seconds for a
/// runner that compiles; what each check is about is in docs/runners.md.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  A runner that brings its own interpreter, whatever its name:
    wasmfit runner-check ./my-runner.py --guest mine
  A runner of this build, by its second tier:
    wasmfit runner-check target/release/wasmfit-wasmer --tier singlepass
  One that runners.toml names, and the native one:
    wasmfit runner-check my-runtime
    wasmfit runner-check native")]
pub(crate) struct RunnerCheck {
    /// The executable; or a name in runners.toml; or native
    #[arg(value_name = "PATH|NAME")]
    pub(crate) runner: PathBuf,
    /// Tier to check [default: the first that it lists]
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: Option<String>,
    /// Guest to run; one that is not installed is the runner's own [default:
    /// the latest installed one that the tier takes]
    #[arg(long, value_name = "NAME")]
    pub(crate) guest: Option<String>,
    /// Argument to start it with; repeatable
    #[arg(long = "argument", value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
    /// File that names runners [default: runners.toml in the current folder,
    /// if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) runners: Option<PathBuf>,
    /// Limit of a job's time, where the job is not about that limit
    #[arg(long, value_name = "DURATION", default_value = "1min", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what can be measured
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit list workloads
  wasmfit list targets --json
  wasmfit list targets --runner mine=path/to/runner")]
pub(crate) struct List {
    /// What to list
    #[arg(value_enum)]
    pub(crate) what: What,
    #[command(flatten)]
    pub(crate) runners: Runners,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    /// Workloads in the workload folder
    Workloads,
    /// Targets on this machine, and why one cannot run
    Targets,
    /// WASM guests that are installed
    Guests,
    /// Deployment scenarios that verdicts are for, and what they ask for
    Scenarios,
}

/// Check what is installed, its hashes, and how quiet this machine is
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  wasmfit completions bash > ~/.local/share/bash-completion/completions/wasmfit")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
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

fn shard(text: &str) -> Result<Shard, String> {
    let shard = text.split_once('/').and_then(|(index, of)| {
        let (index, of) = (index.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&index).then_some(Shard { index, of })
    });
    shard.ok_or("write I/N, I from 1 to N".into())
}

fn time_budget(text: &str) -> Result<TimeBudget, String> {
    if text == "auto" { Ok(TimeBudget::Auto) } else { duration(text).map(TimeBudget::Given) }
}

/// A share, written as a percentage with or without its sign.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let share = number.parse::<f64>().ok().map(|it| it / 100.0);
    share.filter(|it| (0.001..=10.0).contains(it)).ok_or("give 0.1% to 1000%".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    // The limit is kept by poll(2), whose milliseconds are 32 bits.
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    range.contains(&duration).then_some(duration).ok_or("give 1s to 24h".into())
}
