//! What the harness asks of a runner: one JSON line on its standard input.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Proposal;

/// One job. A runner reads it, does it, and ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Job {
    /// [`crate::VERSION`] of the harness.
    pub protocol: u32,
    /// `CLOCK_MONOTONIC` just before the harness started this process, ns.
    pub spawned_at_ns: u64,
    /// `CLOCK_MONOTONIC` just after the operating system had loaded the
    /// runner's program, ns. A runner whose interpreter is up before its own
    /// code runs (native) ends `spawn` here; others end it where they begin.
    pub executed_at_ns: u64,
    /// How code is to be executed, for example `cranelift`; empty natively.
    pub tier: String,
    /// The guest's files; none natively.
    pub guest: Option<GuestFiles>,
    /// What the runner may use up.
    pub limits: Limits,
    /// An existing folder of this launch's own, for bulk data.
    pub scratch: PathBuf,
    /// Folder for compiled artifacts, kept between runs.
    pub artifacts: PathBuf,
    /// Folders that hold debug files as `.build-id/xx/yyyy.debug`: names for
    /// the profile of native programs that carry none.
    #[serde(default)]
    pub debug_files: Vec<PathBuf>,
    /// What to do.
    pub task: Task,
}

/// The files of a WASM guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GuestFiles {
    /// The guest's name, for example `cpython-3.15`.
    pub name: String,
    /// The module to run, which [`Start`] chose.
    pub module: PathBuf,
    /// SHA-256 of `module`, hexadecimal: names its compiled artifact.
    pub module_sha256: String,
    /// The folder that the guest sees as `/usr/local/lib`; none where the
    /// module holds the standard library.
    pub library: Option<PathBuf>,
    /// How requests reach it.
    pub boundary: Boundary,
    /// What runs the workload's Python.
    #[serde(default)]
    pub interpreter: Interpreter,
    /// The WebAssembly proposals it needs.
    pub proposals: BTreeSet<Proposal>,
    /// How the interpreter comes up.
    pub start: Start,
    /// Whether the module's memory holds the workload of the job, imported
    /// and its model loaded, as [`Task::Snapshot`] makes it.
    #[serde(default)]
    pub holds_workload: bool,
    /// Whether the module is compiled at every launch, instead of once ahead.
    #[serde(default)]
    pub compiled_at_launch: bool,
}

/// How requests cross from the host into a guest and responses back.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// The guest calls a function of the host's, and bytes are copied between
    /// linear memory and the host's.
    HostCall,
    /// The same by a function that is called by a name and answers in text: a
    /// message crosses in two calls, and its answer goes to where the second
    /// says.
    NamedCall,
    /// The guest is a component: what crosses is a list of bytes by the
    /// canonical ABI, which copies it.
    Component,
    /// The guest reads its standard input and writes its standard output,
    /// both pipes.
    Stdio,
    /// The guest is built for JavaScript around it and calls a function of
    /// that; bytes are copied between linear memory and the host's.
    #[serde(rename = "javascript")]
    JavaScript,
}

impl Boundary {
    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostCall => "host-call",
            Self::NamedCall => "named-call",
            Self::Component => "component",
            Self::Stdio => "stdio",
            Self::JavaScript => "javascript",
        }
    }
}

/// What runs a workload's Python.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Interpreter {
    /// CPython as it is built for WASI.
    #[default]
    Cpython,
    /// CPython by Emscripten, with Pyodide's JavaScript around it.
    Pyodide,
    /// MicroPython.
    Micropython,
    /// Brython, which translates Python to JavaScript: it has no module.
    Brython,
    /// None: the workload was rewritten in a language that is compiled.
    Kernel,
    /// None: the workload's model is run by ONNX Runtime, with the JavaScript
    /// that is around that.
    OnnxRuntime,
}

impl Interpreter {
    /// The name used in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpython => "cpython",
            Self::Pyodide => "pyodide",
            Self::Micropython => "micropython",
            Self::Brython => "brython",
            Self::Kernel => "kernel",
            Self::OnnxRuntime => "onnxruntime",
        }
    }

    /// What that JavaScript which is around it calls the file it begins with.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Cpython | Self::Kernel => "python.wasm",
            Self::Pyodide => "pyodide.asm.wasm",
            Self::Micropython => "micropython.wasm",
            Self::Brython => "brython.js",
            Self::OnnxRuntime => "ort-wasm-simd-threaded.wasm",
        }
    }

    /// Which of a guest's files it begins with.
    #[must_use]
    pub const fn main_file(self, start: Start) -> &'static str {
        match (self, start) {
            (Self::Brython, Start::Plain) => "brython.js",
            _ => start.module(),
        }
    }
}

/// How the guest's interpreter comes up.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// From nothing: the interpreter initializes itself.
    Plain,
    /// From a module that holds the memory of an initialized interpreter.
    Snapshot,
    /// Natively, in a container that is started for it.
    Container,
}

impl Start {
    /// In the order of reports.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Snapshot, Self::Container];

    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Snapshot => "snapshot",
            Self::Container => "container",
        }
    }

    /// The guest's file that holds the module. What starts natively has no
    /// guest.
    #[must_use]
    pub const fn module(self) -> &'static str {
        match self {
            Self::Plain | Self::Container => "python.wasm",
            Self::Snapshot => "python-snapshot.wasm",
        }
    }
}

/// What a job may use up. Each limit ends the job with its own
/// [`crate::FailureKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Limits {
    /// The guest's linear memory, or natively what the process may allocate
    /// on top of a bare interpreter.
    pub memory_bytes: u64,
    /// The whole job, by the wall clock.
    pub wall_ns: u64,
    /// What the workload may print.
    pub output_bytes: u64,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Task {
    /// Say which tiers there are and what each of them takes.
    Describe,
    /// Make the guest's compiled artifact, or check the one that is there.
    /// A tier that compiles nothing checks that it takes the guest.
    Prepare,
    /// Call the workload's `make_request` for each index and batch, and
    /// write the results to `requests.frames` in the scratch folder. Asked
    /// of the native runner only.
    MakeRequests {
        /// The workload.
        workload: Workload,
        /// How many requests, from index 0.
        count: u32,
        /// Items in a request; `None` calls `make_request(index)`, otherwise
        /// `make_request(index, batch)`.
        batch: Option<u32>,
    },
    /// Import the workload and load its model, and write a module to
    /// `snapshot.wasm` in the scratch folder that begins where this left off.
    Snapshot {
        /// The workload.
        workload: Workload,
        /// A frames file of requests to serve before, each once: what the
        /// first ones set up is then in the snapshot too.
        requests: Option<PathBuf>,
    },
    /// Serve every request with and without marks, and tell what it took of
    /// the guest. A module that `wasm-split --instrument` has made has its
    /// profile written to `reached.profile` in the scratch folder.
    Cover {
        /// The workload.
        workload: Workload,
        /// A frames file that holds every request.
        requests: PathBuf,
        /// Whether garbage is collected all the while, and not only when the
        /// interpreter would: what is collected when depends on all that was
        /// done before.
        collecting: bool,
    },
    /// Serve requests and time them.
    Measure {
        /// The workload.
        workload: Workload,
        /// A frames file ([`crate::FramesReader`]) that holds every request.
        requests: PathBuf,
        /// How long to sample; `None` ends after the first response.
        sampling: Option<Sampling>,
    },
}

/// Where the workload's code and assets are on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// The folder with `workload.py` and `assets/`, as an absolute path. A
    /// sandboxed guest sees it read-only as `/workload`.
    pub folder: PathBuf,
    /// Import names whose versions [`crate::Event::Versions`] tells.
    pub packages: Vec<String>,
}

/// How long to sample, in requests and by the clock. Each budget stops at
/// whichever comes last: the time, or the least number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sampling {
    /// Longest warm-up.
    pub warmup_ns: u64,
    /// Time for the plain pass.
    pub plain_ns: u64,
    /// Time for the phase pass.
    pub phase_ns: u64,
    /// The profile pass; `None` where a profile could not be assessed, or is
    /// not wanted.
    #[serde(default)]
    pub profile: Option<Profiling>,
    /// A slow-down to put into every request; `None` but where it is tried
    /// whether a slow-down would be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<Injection>,
    /// At least so many requests in each pass, whatever the time.
    pub least_requests: u32,
    /// At most so many requests in each pass, whatever the time.
    pub most_requests: u32,
}

/// A slow-down on purpose, made by waiting on the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Injection {
    /// Where.
    pub place: InjectionPlace,
    /// How much longer a request takes, in thousandths of its own time.
    pub permille: u32,
}

/// Where a slow-down is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InjectionPlace {
    /// In whatever executes the guest: every stretch between two messages of
    /// the guest takes longer.
    Runtime,
    /// Where a response is copied out.
    Boundary,
}

impl InjectionPlace {
    /// The name used on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Boundary => "boundary",
        }
    }
}

/// How to take PC samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Profiling {
    /// Time for the profile pass.
    pub wall_ns: u64,
    /// Samples per second of wall time, on average.
    pub hertz: u32,
}
