//! `run.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Artifact, Boundary, Execution, Failure, Sampling, Served, Start, Versions};

use crate::{Case, Scenario, Target};

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
    /// The runners that were launched; none in runs made before they were
    /// noted.
    #[serde(default)]
    pub runners: Vec<RunnerRecord>,
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
    /// SHA-256 of the program; natively of the interpreter's.
    pub sha256: String,
}

/// Two versions measured in turn, launch by launch, so that both saw the same
/// machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Session {
    /// The same in the runs of both versions, and in no others.
    pub id: String,
    /// Which of them this is.
    pub side: Side,
}

/// The two sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The version to compare with.
    Base,
    /// The version in question.
    New,
}

/// A part of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Shard {
    /// Which, from 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// A run that was merged into another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShardRun {
    /// Which part of the matrix it was.
    pub shard: Shard,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// The machine it was measured on.
    pub environment: Environment,
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
}

/// A workload as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorkloadRecord {
    /// Its name: the folder's.
    pub name: String,
    /// One line: what it is.
    pub title: String,
    /// What kind of inference path it stands for.
    pub stands_for: String,
    /// Where data and model come from.
    pub data: String,
    /// Expected dominant cost class.
    pub dominant: String,
    /// Import names it needs.
    pub packages: Vec<String>,
    /// How responses are compared.
    pub tolerance: Tolerance,
    /// Why responses elsewhere may differ from native's, as its author found;
    /// none in runs made before this was noted.
    #[serde(default)]
    pub deviations: Vec<DeviationCause>,
    /// What proves the model real, for example `accuracy on ... : 0.97`.
    pub accuracy: String,
    /// SHA-256 of `workload.py`.
    pub code_sha256: String,
    /// SHA-256 over the assets' names and contents.
    pub assets_sha256: String,
    /// Size of all assets.
    pub assets_bytes: u64,
}

/// How two responses to one request are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tolerance {
    /// How the bytes are read.
    pub format: OutputFormat,
    /// Largest `|a - b|` allowed on top of the relative part.
    pub absolute: f64,
    /// Largest `|a - b| / |b|` allowed, `b` being native's.
    pub relative: f64,
}

/// How response bytes are read when they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// As they are: equal or not.
    Bytes,
    /// Little-endian IEEE 754 single precision.
    F32,
    /// Little-endian IEEE 754 double precision.
    F64,
    /// JSON text: numbers within the tolerance, everything else as it is.
    Json,
}

/// Why the same code on the same data gives other numbers elsewhere.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationCause {
    /// Floating-point addition is not associative, and BLAS kernels and SIMD
    /// loops of different width add in different orders.
    SummationOrder,
    /// C libraries, and numpy's SIMD versions of their functions, differ in
    /// the last digits of `exp`, `log`, `sin` and their kin: IEEE 754 asks
    /// for exact rounding of none of them.
    Libm,
    /// A product and a sum rounded once where the processor does both in one
    /// instruction, and twice where it does not: WebAssembly has no such
    /// instruction, but for relaxed SIMD.
    FusedMultiplyAdd,
    /// Where pointers have 32 bits, so has numpy's default integer.
    IntegerWidth,
}

impl DeviationCause {
    /// What a reader calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::SummationOrder => "summation order of BLAS and SIMD",
            Self::Libm => "last digits of libm",
            Self::FusedMultiplyAdd => "fused multiply-add",
            Self::IntegerWidth => "32-bit default integers",
        }
    }
}

/// What a run sets out to do. Together with the cells it decides every
/// launch, so a run can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// The profile's name.
    pub profile: Profile,
    /// How often each cell is launched.
    pub rounds: u32,
    /// What a cell may take of the run's time; none in runs made before there
    /// was a budget.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// The rule by which a comparison ends; none where the rounds are all
    /// made.
    #[serde(default)]
    pub until_decided: Option<UntilDecided>,
    /// Sampling within a launch.
    pub sampling: Sampling,
    /// Limits of each job.
    pub limits: wasmfit_protocol::Limits,
    /// Seed of the order within each round.
    pub seed: u64,
    /// Every launch, in order.
    pub launches: Vec<PlannedLaunch>,
}

/// The rule by which slow cells are launched less often. A cell's launches
/// are left out once those made have taken `cell_ns`, but for the steady
/// launches of its first `least_rounds` rounds and the cold ones of its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Budget {
    /// Wall time for the launches of one cell.
    pub cell_ns: u64,
    /// Rounds that every cell gets, whatever they take.
    pub least_rounds: u32,
}

/// The rule by which a comparison with another version ends: after some rounds
/// it is looked at, and what is decided by then is launched no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UntilDecided {
    /// Wall time for all launches, of both versions.
    pub budget_ns: u64,
    /// After how many rounds it is looked at, rising. Each look is a chance to
    /// be misled, so their number is part of the evidence.
    pub looks: Vec<u32>,
    /// The smallest change that counts, as a share.
    pub least_effect: f64,
}

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A first look, and CI.
    Quick,
    /// Figures to decide by.
    Default,
    /// Figures to publish.
    Thorough,
    /// Mixes whose true split is known: `wasmfit calibrate`.
    Calibration,
    /// Every request once, natively and where asked: `wasmfit check`.
    Check,
}

impl Profile {
    /// The name used on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Default => "default",
            Self::Thorough => "thorough",
            Self::Calibration => "calibration",
            Self::Check => "check",
        }
    }
}

/// A launch that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedLaunch {
    /// Index into [`Run::cells`].
    pub cell: usize,
    /// Which round, from 0.
    pub round: u32,
    /// How the interpreter comes up.
    pub start: Start,
    /// What is measured.
    pub kind: LaunchKind,
}

/// What a launch measures.
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
pub enum LaunchKind {
    /// Cold start only: the process ends after the first response.
    Cold,
    /// Cold start, then requests at steady state.
    Steady,
}

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
    /// Which of [`Run::shards`] it was measured in.
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

const fn yes() -> bool {
    true
}

impl Budget {
    /// Whether `launch` is made although its cell has taken `used_ns`.
    #[must_use]
    pub fn grants(self, launch: &PlannedLaunch, used_ns: u64) -> bool {
        let always = match launch.kind {
            LaunchKind::Cold => launch.round == 0,
            LaunchKind::Steady => launch.round < self.least_rounds,
        };
        always || used_ns < self.cell_ns
    }
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
        self.guests.iter().find(|guest| guest.name == cell.target.guest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_used_up_leaves_out_all_but_the_least() {
        let budget = Budget { cell_ns: 1000, least_rounds: 2 };
        let launch = |round, kind| PlannedLaunch { cell: 0, round, start: Start::Plain, kind };
        let granted = |used_ns| {
            let rounds = (0..4).map(|round| {
                let both = [LaunchKind::Steady, LaunchKind::Cold];
                both.map(|kind| budget.grants(&launch(round, kind), used_ns))
            });
            rounds.collect::<Vec<_>>()
        };
        assert_eq!(granted(999), [[true, true]; 4]);
        let least = [[true, true], [true, false], [false, false], [false, false]];
        assert_eq!(granted(1000), least);
    }
}
