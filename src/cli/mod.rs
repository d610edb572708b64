//! The command line.

mod bench;
mod boundary;
mod comparing;
mod deploy;
mod routes;
mod sandbox;
mod trim;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use wasmfit_record::Target;

pub(crate) use self::bench::{Assess, Bench, OwnGuest, ProfileName, Purpose, Runners};
pub(crate) use self::boundary::{Boundary, Encoding};
pub(crate) use self::comparing::{
    Compare, ComparisonFormat, FailOn, Merge, Plan, Terms, TimeBudget, Versus,
};
pub(crate) use self::deploy::Deploy;
pub(crate) use self::routes::Routes;
pub(crate) use self::sandbox::{Limited, Sandbox};
pub(crate) use self::trim::Trim;

use self::values::duration;
use crate::exit::EXIT_CODES;
use crate::places::VARIABLES;
use crate::plan::HERTZ;

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
    Deploy(Deploy),
    Trim(Trim),
    Sandbox(Sandbox),
    Routes(Routes),
    Boundary(Boundary),
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

/// Write runs as a static site
///
/// An index of the runs, each one's report with its raw data, and how each case
/// changed from run to run. Nothing in it needs a server or another host.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit publish runs/* --out site
  wasmfit publish runs/* --out site --live
  wasmfit publish runs/* --out site --live=cpython-3.15
  python3 -m http.server --directory site")]
pub(crate) struct Publish {
    /// Folders that `wasmfit bench` or `wasmfit assess` made
    #[arg(required = true, value_name = "RUN_DIR")]
    pub(crate) runs: Vec<PathBuf>,
    /// Folder of the site; its index is written again
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Add a page on which readers measure the last run's workloads in their
    /// own browsers, on a guest over host-call [default: cpython-3.15-suite
    /// where it is made, else cpython-3.15]
    #[arg(long, value_name = "GUEST", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "whether, and with which")]
    pub(crate) live: Option<Option<String>>,
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
