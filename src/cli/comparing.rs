//! Comparing versions, and dividing a matrix among machines.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{percent, time_budget};
use super::{Bench, OwnGuest};
use crate::runners::External;

/// What a measurement is compared with.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Comparison with another version")]
pub(crate) struct Versus {
    /// Compare with a run that was made before: its folder, or what `wasmfit
    /// report --json` printed of it
    #[arg(long, value_name = "RUN_DIR|FILE", conflicts_with_all = ["base_workloads", "base_runners", "base_runners_file", "base_guests", "base_python", "against_itself"])]
    pub(crate) baseline: Option<PathBuf>,
    /// Measure the workloads of this folder in turn with those of --workload,
    /// of the same names: the version to compare with
    #[arg(long, value_name = "DIR")]
    pub(crate) base_workloads: Option<PathBuf>,
    /// Measure another build of a runner in turn with this one; repeatable
    #[arg(long = "base-runner", value_name = "NAME=PATH")]
    pub(crate) base_runners: Vec<External>,
    /// File that names other builds of runners, or the same with other
    /// arguments, to be measured in turn with these
    #[arg(long = "base-runners", value_name = "FILE")]
    pub(crate) base_runners_file: Option<PathBuf>,
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

/// Tell what got slower from one run to another
///
/// Runs whose launches were made in turn, by one `wasmfit bench --base-...`,
/// are compared pair by pair. Of runs made one after the other ratios to native
/// are, since native saw the same machine as they did.
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
