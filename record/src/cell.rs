//! What became of cells and launches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Artifact, Execution, Failure, Limit, Served, Start, Versions};

use crate::{Case, PlannedLaunch, RewriteRecord, Target};

/// One case on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Cell {
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
    /// How the target executes code; none natively, and where the runner
    /// could not be asked.
    #[serde(default)]
    pub execution: Option<Execution>,
    /// What the target adds to another tier, of which it is otherwise the
    /// same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// How the workload was rewritten for it; none of one that is its own
    /// Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<RewriteRecord>,
    /// Which of [`crate::Run::shards`] it was measured in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<usize>,
    /// What became of it.
    pub outcome: CellOutcome,
}

impl Cell {
    /// Its case and target, which tell it apart from every other cell.
    #[must_use]
    pub const fn place(&self) -> (&Case, &Target) {
        (&self.case, &self.target)
    }
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum CellOutcome {
    /// No launch of it has ended yet.
    Pending,
    /// The target cannot run this case, in one sentence.
    Unsupported {
        /// Why.
        reason: String,
    },
    /// Measured, with outputs verified against native.
    Measured {
        /// Versions inside, told by the interpreter.
        versions: Versions,
        /// Version of the runtime; the interpreter's natively.
        runtime_version: String,
        /// The compiled artifact by start, where there is one.
        artifacts: BTreeMap<Start, Artifact>,
        /// SHA-256 of its responses; none in runs made before it was noted.
        #[serde(default)]
        responses_sha256: Option<String>,
        /// How far the outputs are from native's; `None` for native itself
        /// and where native was not measured.
        deviation: Option<Deviation>,
    },
    /// A launch failed, and the cell with it.
    Failed {
        /// Why.
        failure: Failure,
        /// How far the outputs are from native's, when that is the reason.
        deviation: Option<Deviation>,
    },
}

/// How far a cell's responses are from native's, over every request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Deviation {
    /// Requests compared.
    pub requests: u32,
    /// Requests whose responses are the same bytes.
    pub identical: u32,
    /// Largest `|a - b|`; 0 for exact formats.
    pub largest_absolute: f64,
    /// Largest `|a - b| / |b|`, over elements with `b != 0`.
    pub largest_relative: f64,
}

/// A launch that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Launch {
    /// Its number in `samples.csv`.
    pub id: u32,
    /// What was planned.
    #[serde(flatten)]
    pub planned: PlannedLaunch,
    /// How it ended.
    pub outcome: LaunchOutcome,
    /// Wall time from the request for a process to its end; 0 in runs made
    /// before it was noted.
    #[serde(default)]
    pub wall_ns: u64,
    /// Share of the machine's processor time that the hypervisor gave to
    /// others while it ran, 0 to 1, where the system tells.
    pub steal: Option<f64>,
    /// Share of the machine's processor time that other processes took while
    /// it ran, where the system tells; none in runs made before it was noted.
    #[serde(default)]
    pub others: Option<f64>,
    /// How often a processor was slowed down for heat, or this process's
    /// control group was stopped for having used up its share, while it ran;
    /// none where the system tells neither.
    #[serde(default)]
    pub throttled: Option<u64>,
}

/// How a launch ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "ended", rename_all = "kebab-case")]
pub enum LaunchOutcome {
    /// It served every request.
    Served(Served),
    /// It failed.
    Failed(Failure),
}
