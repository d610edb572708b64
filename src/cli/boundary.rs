//! The serialization lab: `boundary`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wasmfit_record::Target;

use super::values::duration;
use super::{ProfileName, Runners};

/// Measure what crossing the boundary costs
///
/// Sends payloads from 0 B to 64 MiB into each target and out again, in every
/// encoding, and items one by one and in batches up to 4096; fits a fixed cost
/// and a cost per byte, with the error of the fit. The report has the curves,
/// what batching saves, and how 1 MiB in and out compares with copying it
/// twice. What a crossing costs is kept in the cache, and the verdicts of later
/// runs name the batch size at which it no longer matters.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Every target that compiles, a first look of some ten minutes:
    wasmfit boundary
  One encoding on two targets, figures to decide by:
    wasmfit boundary --encoding json --target native@cpython-3.15 \\
        --target wasmtime/cranelift@cpython-3.15 --profile default
  What values cost to and from JavaScript around the guest:
    wasmfit boundary --encoding js-proxy --encoding js-copy \\
        --target native@cpython-3.15 --target node/v8@pyodide-3.14
  What typed lists cost a component, from its host and from another component:
    wasmfit boundary --encoding wit-bytes --encoding wit-floats --encoding wit-items \\
        --target native@cpython-3.15 --target wasmtime/cranelift@component-3.14 \\
        --target wasmtime/cranelift@component-3.14-composed
  Go on with one that was interrupted:
    wasmfit bench --resume runs/boundary-2026-01-31T12-00-00Z")]
pub(crate) struct Boundary {
    /// Encoding; repeatable [default: all but msgpack, which is not in Python
    /// itself, js-..., which need JavaScript around the guest, and wit-...,
    /// which need components]
    #[arg(short, long = "encoding", value_enum, value_name = "ENCODING")]
    pub(crate) encodings: Vec<Encoding>,
    /// Target; repeatable [default: native and all that compile]
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
    /// How thoroughly to measure
    #[arg(short, long, value_enum, default_value_t = ProfileName::Quick)]
    pub(crate) profile: ProfileName,
    /// Folder for the run [default: runs/boundary-TIME in the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Limit of the guest's memory, MiB; natively, of what the process
    /// allocates
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=4096))]
    pub(crate) memory: u64,
    /// Limit of a launch's time, for example 90s
    #[arg(long, value_name = "DURATION", default_value = "2min", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Seed of the order of launches [default: from the clock]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) runners: Runners,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How values become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// Bytes that nobody looks at: the crossing itself
    Raw,
    /// Items of 64 bytes, taken apart and put together one by one
    Items,
    /// struct, into Python floats
    Struct,
    /// JSON
    Json,
    /// pickle, protocol 5
    Pickle,
    /// msgpack, where interpreter and guest have it
    Msgpack,
    /// array.array
    Array,
    /// A numpy array on the request's own memory
    NumpyView,
    /// A numpy array that is a copy
    NumpyCopy,
    /// A list to and from JavaScript, item by item by proxies
    JsProxy,
    /// A list to and from JavaScript, converted by Pyodide
    JsConvert,
    /// A list to and from JavaScript, as JSON
    JsJson,
    /// A buffer to and from JavaScript, copied
    JsCopy,
    /// A buffer to and from JavaScript, as a view
    JsView,
    /// Bytes between components or with their host: `list<u8>`
    WitBytes,
    /// Numbers between components or with their host: `list<f64>`
    WitFloats,
    /// Records between components or with their host, a list of numbers in each
    WitItems,
}

impl Encoding {
    /// Those that are measured unless told otherwise.
    pub(crate) const USUAL: [Self; 8] = [
        Self::Raw,
        Self::Items,
        Self::Struct,
        Self::Json,
        Self::Pickle,
        Self::Array,
        Self::NumpyView,
        Self::NumpyCopy,
    ];
}
