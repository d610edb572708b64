//! What a runner tells the harness: JSON lines on its standard output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Profiled, Tier};

/// One line from a runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// First line of every job.
    Hello(Hello),
    /// A cold-start phase has begun: shows where a silent runner stands.
    Began {
        /// The phase.
        phase: ColdPhase,
    },
    /// The tiers. Last event of [`crate::Task::Describe`].
    Described {
        /// In the order in which reports show them; empty natively.
        tiers: Vec<Tier>,
    },
    /// The guest can be run. Last event of [`crate::Task::Prepare`].
    Prepared {
        /// What was compiled; none for a tier that compiles nothing.
        artifact: Option<Artifact>,
    },
    /// `requests.frames` is written. Last event of
    /// [`crate::Task::MakeRequests`].
    RequestsMade {
        /// How many.
        count: u32,
    },
    /// `snapshot.wasm` is written. Last event of [`crate::Task::Snapshot`].
    SnapshotMade {
        /// Where random numbers come from in what starts from it.
        random_state: RandomState,
    },
    /// Every request was served. Last event of [`crate::Task::Cover`].
    Covered {
        /// The files that the interpreter has imported modules from, as the
        /// guest names them.
        files: Vec<String>,
    },
    /// What runs inside, asked of the interpreter itself after the import.
    Versions(Versions),
    /// All samples are taken. Last event of [`crate::Task::Measure`].
    Served(Served),
    /// The job ended without a result. Always the last event.
    Failed(Failure),
}

/// Who is speaking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hello {
    /// [`crate::VERSION`] of the runner.
    pub protocol: u32,
    /// What executes the guest: `native`, `wasmtime`, ...
    pub runtime: String,
    /// Its version; for `native` the interpreter's.
    pub runtime_version: String,
}

/// A compiled artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Artifact {
    /// Size on disk.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// How long compiling took when it was made.
    pub compile_ns: u64,
    /// Whether it was found in the cache.
    pub cached: bool,
}

/// Versions of the interpreter and of the packages a workload names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Versions {
    /// `platform.python_version()`.
    pub python: String,
    /// Import name to version; `unknown` where the package does not tell.
    pub packages: BTreeMap<String, String>,
}

/// The result of [`crate::Task::Measure`]. The samples are in `samples.csv`
/// and the responses in `responses.frames`, both in the scratch folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Served {
    /// Process start to first response: the sum of the cold-start phases
    /// must account for it.
    pub cold_start_ns: u64,
    /// Requests served before sampling began.
    pub warmup_requests: u32,
    /// Whether latency had settled when sampling began; `None` when nothing
    /// was sampled.
    pub warmup_stable: Option<bool>,
    /// Largest resident set of the process, by the operating system.
    pub peak_resident_bytes: u64,
    /// How much of that the runner itself held: requests and samples.
    pub runner_bytes: u64,
    /// Linear memory of the guest at the end; none natively.
    pub linear_memory_bytes: Option<u64>,
    /// Pages that the process took from the operating system during the plain
    /// pass, without reading from disk; `None` where nothing was sampled, or
    /// the runner does not tell.
    #[serde(default)]
    pub plain_page_faults: Option<u64>,
    /// What the workload printed, at most the first 4 KiB.
    pub printed: String,
    /// What became of the profile pass; `None` where none was asked for, or
    /// the runner has no sampler.
    #[serde(default)]
    pub profile: Option<Profiled>,
    /// What a browser tells of the page the guest was in; none elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
}

/// A page that was opened and had its first response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Page {
    /// The longest task of the page's own thread up to then, ns: for so long
    /// it did not react to its user. 0 where none took 50 ms, from which on
    /// browsers tell of them (Long Tasks API, W3C).
    pub blocked_ns: u64,
    /// The least by which two readings of the clock differed, ns.
    pub clock_step_ns: u64,
    /// Whether the page was isolated from other origins (COOP, COEP): browsers
    /// give others a coarser clock.
    pub is_isolated: bool,
    /// What came over the network, headers included, bytes; what was in the
    /// browser's cache does not count.
    pub transferred_bytes: u64,
    /// The same and what came from the cache, as it was packed for the way,
    /// without headers, bytes.
    pub encoded_bytes: u64,
    /// That unpacked, bytes.
    pub decoded_bytes: u64,
}

/// What becomes of the global random generators of a workload, `random` and
/// numpy's, in instances that start from one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RandomState {
    /// Loading the model left them alone: each instance seeds them anew from
    /// the operating system.
    Reseeded,
    /// Loading the model seeded them or drew from them: each instance goes on
    /// from there, and all of them alike.
    Kept,
}

/// Why a job ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// Where in the job's life, for example `import` or `plain pass`.
    pub during: String,
    /// One line for the user: what and why.
    pub message: String,
    /// More, for example a Python traceback; may be empty.
    #[serde(default)]
    pub detail: String,
}

impl Failure {
    /// A failure without further detail.
    #[must_use]
    pub fn new(kind: FailureKind, during: &str, message: impl Into<String>) -> Self {
        Self { kind, during: during.into(), message: message.into(), detail: String::new() }
    }
}

/// The kinds of failure. A runner tells the first group, the harness finds
/// the second.
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
pub enum FailureKind {
    /// The job's protocol version is not the runner's.
    Protocol,
    /// The guest is missing or damaged.
    Guest,
    /// The tier does not take the guest: the message is the runtime's own.
    Unsupported,
    /// The workload lacks a function of the contract or breaks it.
    Contract,
    /// The workload raised.
    Raised,
    /// The same request gave two different responses.
    Unsteady,
    /// The memory limit.
    Memory,
    /// The wall-clock limit.
    Timeout,
    /// The output limit.
    Output,
    /// The guest trapped or exited.
    Trap,
    /// The file system would not take the bulk data, for example a full disk.
    Storage,
    /// A fault of the runner itself.
    Runner,

    /// The runner could not be started.
    NotStarted,
    /// The runner died by a signal.
    Signal,
    /// The runner wrote something that is not an event.
    Garbage,
    /// The runner ended without a last event.
    Vanished,
    /// The runner went silent past its limit and was killed.
    Silent,
    /// The outputs differ from native beyond the workload's tolerance.
    OutputMismatch,
}

/// A phase of a cold start, in order.
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
pub enum ColdPhase {
    /// From the harness's request for a process to a process that runs.
    Spawn,
    /// Fetch the module and all files over the network, in a browser.
    Fetch,
    /// Compile the guest's module.
    Compile,
    /// Load an artifact compiled earlier.
    LoadArtifact,
    /// Make an instance: memory, tables, imports.
    Instantiate,
    /// Bring the interpreter up.
    Initialize,
    /// Import the workload and its packages.
    Import,
    /// The workload's `load`.
    ModelLoad,
    /// The first request, delivered to collected.
    FirstRequest,
}

impl ColdPhase {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Spawn,
        Self::Fetch,
        Self::Compile,
        Self::LoadArtifact,
        Self::Instantiate,
        Self::Initialize,
        Self::Import,
        Self::ModelLoad,
        Self::FirstRequest,
    ];

    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::Fetch => "fetch",
            Self::Compile => "compile",
            Self::LoadArtifact => "load-artifact",
            Self::Instantiate => "instantiate",
            Self::Initialize => "initialize",
            Self::Import => "import",
            Self::ModelLoad => "model-load",
            Self::FirstRequest => "first-request",
        }
    }
}

/// A phase of a request at steady state, in order.
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
pub enum RequestPhase {
    /// Host to guest: allocate, copy, make a Python `bytes`.
    Deliver,
    /// The workload's `decode`.
    Decode,
    /// The workload's `infer`.
    Infer,
    /// The workload's `encode`.
    Encode,
    /// Guest to host: copy the response out.
    Collect,
}

impl RequestPhase {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Deliver, Self::Decode, Self::Infer, Self::Encode, Self::Collect];

    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Decode => "decode",
            Self::Infer => "infer",
            Self::Encode => "encode",
            Self::Collect => "collect",
        }
    }

    /// Whether the phase is marshalling, by definition and by the clock.
    #[must_use]
    pub const fn is_marshalling(self) -> bool {
        !matches!(self, Self::Infer)
    }
}

/// What a sample belongs to.
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
pub enum Pass {
    /// Cold start: one sample per phase.
    Cold,
    /// Requests served before sampling began.
    Warmup,
    /// Requests without marks: the headline latency.
    Plain,
    /// Requests with phase marks: one sample per phase.
    Phase,
    /// The same with the PC sampler on.
    Profile,
}

impl Pass {
    /// All of them, in the order in which a job goes through them.
    pub const ALL: [Self; 5] = [Self::Cold, Self::Warmup, Self::Plain, Self::Phase, Self::Profile];

    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warmup => "warmup",
            Self::Plain => "plain",
            Self::Phase => "phase",
            Self::Profile => "profile",
        }
    }
}
