//! Guests that were made of another one, for the workloads they are to serve.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::RandomState;

/// A rung of the deployment ladder: what was done to a guest before it is
/// deployed.
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
pub enum Rung {
    /// Nothing: it is compiled at every launch.
    Jit,
    /// Compiled ahead of time.
    Aot,
    /// A snapshot of the initialized interpreter, compiled ahead.
    Snapshot,
    /// A snapshot with the workload imported and its model loaded.
    Prepared,
    /// The same after every request has been served once.
    Warmed,
    /// Functions that the workload does not reach are left out.
    Trimmed,
    /// Trimmed, and without names.
    Stripped,
    /// Trimmed, and a snapshot as in [`Rung::Warmed`].
    TrimmedWarmed,
    /// The same, optimised for size by `wasm-opt -Oz`, without names.
    Oz,
    /// The same, optimised for speed by `wasm-opt -O3`, without names.
    O3,
    /// Trimmed, warmed, without names, and with a standard library of only
    /// those modules that are imported.
    Least,
}

impl Rung {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; 11] = [
        Self::Jit,
        Self::Aot,
        Self::Snapshot,
        Self::Prepared,
        Self::Warmed,
        Self::Trimmed,
        Self::Stripped,
        Self::TrimmedWarmed,
        Self::Oz,
        Self::O3,
        Self::Least,
    ];

    /// The name used on the command line, in targets and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jit => "jit",
            Self::Aot => "aot",
            Self::Snapshot => "snapshot",
            Self::Prepared => "prepared",
            Self::Warmed => "warmed",
            Self::Trimmed => "trimmed",
            Self::Stripped => "stripped",
            Self::TrimmedWarmed => "trimmed-warmed",
            Self::Oz => "oz",
            Self::O3 => "o3",
            Self::Least => "least",
        }
    }

    /// What a reader calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Jit => "compiled at launch",
            Self::Aot => "compiled ahead",
            Self::Snapshot => "interpreter initialised",
            Self::Prepared => "model loaded",
            Self::Warmed => "model loaded, warmed",
            Self::Trimmed => "trimmed",
            Self::Stripped => "trimmed, no names",
            Self::TrimmedWarmed => "trimmed, warmed",
            Self::Oz => "trimmed, warmed, -Oz",
            Self::O3 => "trimmed, warmed, -O3",
            Self::Least => "trimmed, warmed, least library",
        }
    }
}

/// How a guest was made of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Making {
    /// Which rung of a deployment it is; none of a guest that is measured
    /// beside others.
    #[serde(default)]
    pub rung: Option<Rung>,
    /// The guest it was made of.
    pub base: String,
    /// SHA-256 of the base's module, hexadecimal.
    pub base_sha256: String,
    /// SHA-256 of the driver, the guest's side of a job, that it was made
    /// with: another one may need functions that are not there.
    pub driver_sha256: String,
    /// What was done, in order.
    pub steps: Vec<MakingStep>,
    /// The workloads that it was made for, by name, each with a SHA-256 over
    /// its code, its assets and how many requests of which batches it has. It
    /// serves no others; one that is for none of them in particular serves any.
    pub workloads: BTreeMap<String, String>,
    /// What its functions cover; none where all are there.
    #[serde(default)]
    pub closed_world: Option<ClosedWorld>,
    /// What becomes of random generators in instances of its snapshot; none
    /// without a workload in it.
    #[serde(default)]
    pub random_state: Option<RandomState>,
    /// Size of each file after compression.
    #[serde(default)]
    pub compressed: BTreeMap<String, Compressed>,
}

impl Making {
    /// Of `base`, of which nothing is made yet.
    #[must_use]
    pub fn of(base: &str, base_sha256: &str, driver_sha256: &str) -> Self {
        Self {
            rung: None,
            base: base.to_owned(),
            base_sha256: base_sha256.to_owned(),
            driver_sha256: driver_sha256.to_owned(),
            steps: Vec::new(),
            workloads: BTreeMap::new(),
            closed_world: None,
            random_state: None,
            compressed: BTreeMap::new(),
        }
    }
}

/// A step in the making of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MakingStep {
    /// The command or what was asked of a runner; without folders.
    pub what: String,
    /// How long it took.
    pub wall_ns: u64,
    /// SHA-256 of what it made, the module or the library, hexadecimal.
    pub module_sha256: String,
}

/// What a trimmed guest was trimmed to. Anything else traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClosedWorld {
    /// Requests that were served to find the functions reached: all there
    /// are.
    pub requests: u32,
    /// Functions that they reached.
    pub reached: u32,
    /// Functions kept: those, and whatever they call directly.
    pub functions: u32,
    /// Functions there were.
    pub of: u32,
    /// Whether exception handling was left out: what C++ would throw traps.
    #[serde(default)]
    pub without_exceptions: bool,
}

/// A file's size after compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Compressed {
    /// gzip, level 6.
    pub gzip_bytes: u64,
    /// Brotli, quality 9, window of 16 MiB.
    pub brotli_bytes: u64,
    /// Zstandard, level 12.
    pub zstd_bytes: u64,
}
