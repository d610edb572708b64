//! `run.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Boundary, Interpreter};

use crate::{
    Cell, CrossingCost, Launch, Making, MemoryCopies, Plan, PlannedLaunch, RewriteRecord, Scenario,
    Session, Shard, ShardRun, Target, WorkloadRecord,
};

/// One execution of a matrix of workloads and targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Run {
    /// [`crate::SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of wasmfit that measured.
    pub wasmfit_version: String,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// The command line that began it.
    pub command: Vec<String>,
    /// The machine.
    pub environment: Environment,
    /// The WASM guests used.
    pub guests: Vec<GuestRecord>,
    /// The workloads measured.
    pub workloads: Vec<WorkloadRecord>,
    /// What was planned.
    pub plan: Plan,
    /// One per case and target, in report order.
    pub cells: Vec<Cell>,
    /// The launches that have ended, in the order in which they ran.
    pub launches: Vec<Launch>,
    /// The files of rules that told the classes of PC samples, the first to
    /// be asked first; none in runs made before there were any.
    #[serde(default)]
    pub rules: Vec<RulesRecord>,
    /// The scenarios it is judged by; none in runs made before there were any.
    #[serde(default)]
    pub scenarios: Vec<Scenario>,
    /// How far the attribution was off when it was last calibrated, of the
    /// targets for which that is known.
    #[serde(default)]
    pub calibrations: Vec<Calibration>,
    /// What a crossing of the boundary cost when `wasmfit boundary` was last
    /// run, of the targets for which that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crossings: Vec<CrossingCost>,
    /// What the machine itself took to copy bytes, before launches that
    /// measure the boundary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory_copies: Vec<MemoryCopies>,
    /// The runners that were launched; none in runs made before they were
    /// noted.
    #[serde(default)]
    pub runners: Vec<RunnerRecord>,
    /// Whether containers could be started, where that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerRecord>,
    /// SHA-256 of each case's requests, by its name; none in runs made before
    /// they were noted.
    #[serde(default)]
    pub requests_sha256: BTreeMap<String, String>,
    /// The session in which another version was measured interleaved with this
    /// one.
    #[serde(default)]
    pub session: Option<Session>,
    /// Which part of a matrix this is, where it was divided.
    #[serde(default)]
    pub shard: Option<Shard>,
    /// The runs that this one was merged from.
    #[serde(default)]
    pub shards: Vec<ShardRun>,
    /// Length of `samples.csv` that belongs to `launches`.
    pub samples_bytes: u64,
    /// Length of `profile.csv` that belongs to `launches`.
    #[serde(default)]
    pub profile_bytes: u64,
    /// How far the run has come.
    pub status: Status,
}

/// A runner as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunnerRecord {
    /// Its name in targets.
    pub name: String,
    /// Version of its runtime; the interpreter's natively.
    pub runtime_version: String,
    /// SHA-256 of the program, and of its arguments and environment where it
    /// is started with some; natively of the interpreter's.
    pub sha256: String,
}

/// What became of starting native CPython in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ContainerRecord {
    /// One was started, and its cold starts are measured.
    Started {
        /// Name and version of what starts it, as it tells them.
        runtime: String,
        /// SHA-256 of that program.
        sha256: String,
    },
    /// None can be started on this machine.
    Unavailable {
        /// Why.
        reason: String,
    },
}

/// A file of rules for cost classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RulesRecord {
    /// File name.
    pub name: String,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// How far the attribution of a target is off, found on mixes whose true
/// split is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Calibration {
    /// The target.
    pub target: Target,
    /// Version of its runtime; the interpreter's natively.
    pub runtime_version: String,
    /// The rules it was found with.
    pub rules: Vec<RulesRecord>,
    /// When, RFC 3339, UTC.
    pub measured_at: String,
    /// How many mixes.
    pub mixes: u32,
    /// PC samples in all of them.
    pub samples: u64,
    /// Mean over the mixes of how far the attributed share is from the true
    /// one, in percentage points.
    pub mean_error_points: f64,
    /// The largest of them.
    pub worst_error_points: f64,
    /// The mix that has it.
    pub worst_mix: String,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Launches are missing: still running, killed, or interrupted.
    Unfinished,
    /// Every planned launch has ended, well or badly.
    Finished,
}

/// The machine and its state when the run began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Environment {
    /// Operating system and version.
    pub system: String,
    /// Kernel version.
    pub kernel: String,
    /// Processor architecture, for example `x86_64`.
    pub architecture: String,
    /// Processor brand.
    pub cpu: String,
    /// Logical processors.
    pub cpus: u32,
    /// Physical memory.
    pub memory_bytes: u64,
    /// Load average over the minute before the run.
    pub load_before: f64,
    /// What it costs to take a page of memory from the system, cleared, in
    /// nanoseconds; not measured by versions before this figure.
    #[serde(default)]
    pub page_fault_ns: Option<f64>,
    /// Frequency governor of the first processor, where the system tells.
    pub governor: Option<String>,
    /// Hypervisor or container technology, where the system tells.
    pub virtualization: Option<String>,
}

/// A WASM guest as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GuestRecord {
    /// Its name, for example `cpython-3.15`.
    pub name: String,
    /// One line: what it is.
    pub title: String,
    /// Where it comes from.
    pub source: String,
    /// How requests reach it.
    pub boundary: Boundary,
    /// What runs the workload's Python.
    #[serde(default)]
    pub interpreter: Interpreter,
    /// Whether its functions have names.
    #[serde(default = "yes")]
    pub function_names: bool,
    /// File name to SHA-256, hexadecimal.
    pub files: BTreeMap<String, String>,
    /// File name to size.
    pub bytes: BTreeMap<String, u64>,
    /// File name to size after gzip at its best level; none in runs made
    /// before it was noted.
    #[serde(default)]
    pub gzip_bytes: BTreeMap<String, u64>,
    /// Import names of the packages it carries; none in runs made before they
    /// were noted.
    #[serde(default)]
    pub packages: Option<Vec<String>>,
    /// How it was made of another one; none of a guest as it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Making>,
}

const fn yes() -> bool {
    true
}

impl Run {
    /// Whether the budget leaves out `launch`, going by the launches of its
    /// cell that have been made.
    #[must_use]
    pub fn leaves_out(&self, launch: &PlannedLaunch) -> bool {
        let of_cell = self.launches.iter().filter(|made| made.planned.cell == launch.cell);
        let used_ns = of_cell.map(|made| made.wall_ns).sum();
        self.plan.budget.is_some_and(|budget| !budget.grants(launch, used_ns))
    }

    /// The native cell of the same case as `cell`.
    #[must_use]
    pub fn native_of(&self, cell: usize) -> Option<usize> {
        let case = &self.cells.get(cell)?.case;
        self.cells.iter().position(|other| other.target.is_native() && other.case == *case)
    }

    /// The record of a cell's workload.
    #[must_use]
    pub fn workload_of(&self, cell: &Cell) -> Option<&WorkloadRecord> {
        self.workloads.iter().find(|workload| workload.name == cell.case.workload)
    }

    /// The record of a cell's guest; none natively.
    #[must_use]
    pub fn guest_of(&self, cell: &Cell) -> Option<&GuestRecord> {
        if cell.target.is_native() {
            return None;
        }
        let guest = self.guests.iter().find(|guest| guest.name == cell.target.guest)?;
        // A rewrite that serves natively is no guest, whatever its target calls
        // the interpreter around it.
        let is_guest =
            |rewrite: &RewriteRecord| guest.files.values().any(|it| *it == rewrite.sha256);
        cell.rewrite.as_ref().is_none_or(is_guest).then_some(guest)
    }
}
