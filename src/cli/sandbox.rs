//! What limits cost: `sandbox`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::duration;
use super::{ProfileName, Runners};

/// Measure what limits on a guest cost while it runs
///
/// Each tier that has a limit, an instruction budget (Wasmtime's fuel, Wasmer's
/// metering, WasmEdge's gas), a deadline, explicit bounds checks, is measured
/// next to the tier that is otherwise the same and to native, and the report
/// tells their ratio. Compiling for all of them takes some minutes the first
/// time.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  A workload each of those that interpret, compute and marshal:
    wasmfit sandbox
  A workload of your own on one runtime, figures to decide by:
    wasmfit sandbox ./my-model --runtime wasmtime --profile default")]
pub(crate) struct Sandbox {
    /// Workload by name, or a folder with a workload.toml [default: wordpiece,
    /// mel-spectrogram and json-features]
    #[arg(value_name = "NAME|PATH")]
    pub(crate) workloads: Vec<String>,
    /// Runtime whose limits are measured; repeatable. WasmEdge takes more than
    /// ten minutes to compile a guest with its limit
    #[arg(long = "runtime", value_name = "NAME", default_values = ["wasmtime", "wasmer"])]
    pub(crate) runtimes: Vec<String>,
    /// Guest to run [default: the latest installed one that the tier takes]
    #[arg(long, value_name = "NAME")]
    pub(crate) guest: Option<String>,
    /// Native interpreter, CPython 3.11 or later, for example of a virtual
    /// environment [default: that of scripts/setup]
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// How thoroughly to measure
    #[arg(short, long, value_enum, default_value_t = ProfileName::Quick)]
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
    #[command(flatten)]
    pub(crate) runners: Runners,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which tiers with limits a measurement is of, and of what guest.
#[derive(Clone, Debug)]
pub(crate) struct Limited {
    pub(crate) runtimes: Vec<String>,
    pub(crate) guest: Option<String>,
}
