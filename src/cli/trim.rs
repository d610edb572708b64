//! Guests trimmed to workloads: `trim`.

use std::path::PathBuf;

use clap::Args;

/// Make a guest of the functions that workloads reach
///
/// Serves every request of every workload, keeps the functions that were
/// reached and what they call directly, names included, and leaves out exception
/// handling, so that all runtimes take the same module, those whose compiler
/// takes neither the whole guest nor exceptions among them. Of the standard
/// library it keeps the modules that were imported. What it serves is a closed
/// world: to reach a function that was left out traps. The guest is installed
/// beside the others, made once, and measured only when a target names it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  One guest for the whole suite, and the suite on it:
    wasmfit trim
    wasmfit bench -t native@cpython-3.15 -t wasmtime/cranelift@cpython-3.15-suite \\
        -t wasmer/cranelift@cpython-3.15-suite -t wasmedge/aot@cpython-3.15-suite
  One for a workload of your own:
    wasmfit trim ./my-model --name my-model-guest")]
pub(crate) struct Trim {
    /// Workload by name, or a folder with a workload.toml [default: the suite,
    /// and what wasmfit calibrates and measures boundaries with]
    #[arg(value_name = "NAME|PATH", requires = "name")]
    pub(crate) workloads: Vec<String>,
    /// Guest to make it of
    #[arg(long, value_name = "NAME", default_value = "cpython-3.15")]
    pub(crate) guest: String,
    /// Its name in targets [default: that of the guest it is made of, with
    /// -suite]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Native interpreter that makes the requests [default: that of
    /// scripts/setup]
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// Limit of the guest's memory while it is covered, MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(16..=4096))]
    pub(crate) memory: u64,
    /// Print its guest.toml as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
