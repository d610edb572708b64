//! The ways beside a port: `routes`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::duration;
use super::{ProfileName, Runners};

/// Measure the ways there are beside porting the whole interpreter
///
/// Compiles what a workload's folder `rewrite/` holds, its kernel in C, Rust or
/// Cython, its model as ONNX, and measures all of it with the same requests
/// beside native Python, Python in WebAssembly and MicroPython. The report
/// tells what each buys, and how much of the time a kernel has to be before
/// compiling it pays.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Every workload that was rewritten:
    wasmfit routes
  One of them, figures to decide by:
    wasmfit routes bpe-tokenizer --profile default
  A workload of your own with rewrite/kernel.c, on one runtime:
    wasmfit routes ./my-model --runtime wasmtime")]
pub(crate) struct Routes {
    /// Workload by name, or a folder with a workload.toml [default: all that
    /// have a folder rewrite/]
    #[arg(value_name = "NAME|PATH")]
    pub(crate) workloads: Vec<String>,
    /// Runtime to measure WebAssembly on; repeatable [default: wasmtime, wasmer,
    /// wasmedge, and node and chromium where they are installed]
    #[arg(long = "runtime", value_name = "NAME")]
    pub(crate) runtimes: Vec<String>,
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
