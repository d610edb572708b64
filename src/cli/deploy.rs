//! What a deployment costs: `deploy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wasmfit_record::{Rung, Target};

use super::bench::ProfileName;
use super::values::duration;

/// Measure what each step of a deployment buys a workload
///
/// Makes guests of increasing preparation for the workload: compiled at launch
/// or ahead, with a snapshot of the interpreter, with the workload imported and
/// its model loaded, trimmed to the functions it reaches, optimised, without
/// names, with the least library. Each is kept in the run's folder under
/// guests/, with a guest.toml that says how it was made, and all are measured
/// and verified side by side with native CPython.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wasmfit deploy digits-mlp-numpy
  wasmfit deploy ./my-model --target wasmtime/cranelift@cpython-3.15 \\
      --target wasmer/cranelift@cpython-3.15 --rung aot --rung trimmed-warmed
  Use a guest that was made, in measurements of your own:
    wasmfit bench -w ./my-model --guest cpython-3.15-least=RUN_DIR/guests/cpython-3.15-least \\
        -t wasmtime/cranelift@cpython-3.15-least")]
pub(crate) struct Deploy {
    /// Workload by name, or a folder with a workload.toml
    #[arg(value_name = "WORKLOAD")]
    pub(crate) workload: String,
    /// Target whose guest is prepared; repeatable, of one guest [default:
    /// cpython-3.15 on wasmtime/cranelift]
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
    /// Rung of the ladder; repeatable [default: all]
    #[arg(long = "rung", value_name = "RUNG", value_enum)]
    pub(crate) rungs: Vec<RungName>,
    /// Native interpreter, CPython 3.11 or later, for example of a virtual
    /// environment [default: that of scripts/setup]
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// How thoroughly to measure
    #[arg(short, long, value_enum, default_value_t = ProfileName::Quick)]
    pub(crate) profile: ProfileName,
    /// Folder for the run [default: runs/deploy-TIME in the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Limit of the guest's memory, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=4096))]
    pub(crate) memory: u64,
    /// Limit of a launch's time, for example 90s: a launch may compile
    #[arg(long, value_name = "DURATION", default_value = "10min", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A rung by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RungName(pub(crate) Rung);

impl ValueEnum for RungName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [RungName; Rung::ALL.len()] = {
            let mut all = [RungName(Rung::Jit); Rung::ALL.len()];
            let mut index = 0;
            while index < all.len() {
                all[index] = RungName(Rung::ALL[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()).help(self.0.title()))
    }
}
