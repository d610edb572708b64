//! What a run's measurements mean: every figure of a report, computed once.
//!
//! Whatever renders reads an [`Analysis`] and computes nothing.

mod attribution;
mod cell;
mod ladder;
mod launches;
pub(crate) mod limits;
mod parity;
mod preparation;
mod ranking;
mod routes;
mod run;
pub(crate) mod survival;
mod unsupported;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Boundary, ColdPhase, Failure, RequestPhase, Sampling, Start, Versions};
use wasmfit_record::{
    Budget, Calibration, Case, ContainerRecord, CrossingCost, Deviation, Environment, GuestRecord,
    Profile, RewriteRecord, RulesRecord, RunnerRecord, Scenario, Session, Shard, ShardRun, Status,
    Target, Tolerance, UntilDecided, WorkloadRecord,
};

pub use attribution::{Attributed, Attribution, Cost, CostClass, NotAssessable, Part, PlaceCount};
pub use ladder::{InContainer, Ladder, RungStep, Step};
pub use launches::LaunchCounts;
pub use limits::LimitCost;
pub use parity::{GuestParity, VersionDifference};
pub use preparation::Preparation;
pub use ranking::Ranking;
pub use routes::{Route, RouteEstimate, RouteFigures, Routes};
pub(crate) use run::of_run;
pub use survival::{ClassMove, Survival, Tax};
pub use unsupported::Unsupported;
pub use wasmfit_protocol::{Execution, Limit, LimitKind};

use crate::boundary::Lab;
use crate::statistics::{Estimate, Interval};
use crate::verdict::Verdict;
use crate::warnings::Warning;

/// Version of the analysis as JSON.
pub const ANALYSIS_VERSION: u32 = 5;

/// A run, understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Analysis {
    /// [`ANALYSIS_VERSION`].
    pub analysis_version: u32,
    /// Version of wasmfit that measured.
    pub wasmfit_version: String,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// The command line that began it. Absolute paths are cut to their last
    /// part: they name the machine, not the measurement.
    pub command: Vec<String>,
    /// How thoroughly it measured.
    pub profile: Profile,
    /// Planned launches per cell at steady state.
    pub rounds: u32,
    /// What a cell may take of the run's time.
    pub budget: Option<Budget>,
    /// Budgets within a launch.
    pub sampling: Sampling,
    /// How far it came.
    pub status: Status,
    /// What became of the planned launches.
    pub launches: LaunchCounts,
    /// Rows of `samples.csv`.
    pub samples: u64,
    /// The machine.
    pub environment: Environment,
    /// The WASM guests used.
    pub guests: Vec<GuestRecord>,
    /// The runners used.
    pub runners: Vec<RunnerRecord>,
    /// SHA-256 of each case's requests, by its name.
    pub requests_sha256: BTreeMap<String, String>,
    /// The session in which another version was measured in turn with this
    /// one.
    pub session: Option<Session>,
    /// The rule by which a comparison ended.
    pub until_decided: Option<UntilDecided>,
    /// Which part of a matrix this is, where it was divided.
    pub shard: Option<Shard>,
    /// The runs it was merged from.
    pub shards: Vec<ShardRun>,
    /// Whether native and each guest run the same versions.
    pub parity: Vec<GuestParity>,
    /// What was made of the guests' modules, by target and start.
    pub preparations: Vec<Preparation>,
    /// What each preparation of a guest buys, where a run deploys.
    #[serde(default)]
    pub ladders: Vec<Ladder>,
    /// Whether native could be started in a container, where that was tried.
    #[serde(default)]
    pub container: Option<ContainerRecord>,
    /// Why cells are not supported, each reason once.
    pub unsupported: Vec<Unsupported>,
    /// Cost classes natively and on each target that was profiled.
    pub survivals: Vec<Survival>,
    /// What each runtime adds to each class.
    pub taxes: Vec<Tax>,
    /// What limits cost, where a tier with one was measured beside the same
    /// tier without.
    #[serde(default)]
    pub limits: Vec<LimitCost>,
    /// The ways beside porting a whole interpreter, of each case.
    #[serde(default)]
    pub routes: Vec<Routes>,
    /// How far the attribution is off, of the targets for which that is known.
    pub calibrations: Vec<Calibration>,
    /// What a crossing of the boundary cost when `wasmfit boundary` was last
    /// run, of the targets for which that is known.
    pub crossings: Vec<CrossingCost>,
    /// The files of rules that told the classes.
    pub rules: Vec<RulesRecord>,
    /// How quiet the machine was.
    pub noise: MachineNoise,
    /// What crossing the boundary costs, where lab workloads were measured.
    pub boundary: Option<Lab>,
    /// By workload, in the run's order; those of the lab are in `boundary`.
    pub workloads: Vec<WorkloadAnalysis>,
    /// The scenarios it is judged by.
    pub scenarios: Vec<Scenario>,
    /// Every workload in every scenario, in the order of both.
    pub verdicts: Vec<Verdict>,
    /// What to keep in mind when reading the figures.
    pub warnings: Vec<Warning>,
}

/// How quiet the machine was over the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MachineNoise {
    /// Largest share of processor time that the hypervisor took during a
    /// launch, 0 to 1; none where the system does not tell.
    pub worst_steal_share: Option<f64>,
    /// Largest share of it that other processes took during a launch; none
    /// where the system or the run does not tell.
    pub worst_others_share: Option<f64>,
    /// CPU time over wall time in the plain pass of the cell where it is
    /// lowest.
    pub lowest_cpu_share: Option<f64>,
    /// Largest spread of a cell's launch medians, as a share of their
    /// median.
    pub widest_spread_share: Option<f64>,
}

/// A workload and its cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorkloadAnalysis {
    /// Its name.
    pub name: String,
    /// What the run recorded of it.
    pub record: Option<WorkloadRecord>,
    /// Its cases: one per batch size.
    pub cases: Vec<CaseAnalysis>,
}

/// A case and its cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CaseAnalysis {
    /// The case.
    pub case: Case,
    /// Its cells in the run's order.
    pub cells: Vec<CellAnalysis>,
    /// The fastest targets of each guest.
    pub rankings: Vec<Ranking>,
}

/// One case on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CellAnalysis {
    /// The target.
    pub target: Target,
    /// How requests reach the guest; none natively.
    pub boundary: Option<Boundary>,
    /// How the target executes; none natively, and where nothing tells.
    pub execution: Option<Execution>,
    /// What it adds to another tier, of which it is otherwise the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// How the workload was rewritten for it; none of its own Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<RewriteRecord>,
    /// Which of [`Analysis::shards`] it was measured in.
    pub shard: Option<usize>,
    /// What became of it.
    pub state: CellState,
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CellState {
    /// No launch has ended.
    Pending,
    /// The target cannot run the case.
    Unsupported {
        /// Why.
        reason: String,
    },
    /// A launch failed. Its figures are withheld: a wrong answer has no
    /// speed.
    Failed {
        /// Why.
        failure: Failure,
        /// How far its outputs are from native's, when that is the reason.
        deviation: Option<Deviation>,
    },
    /// Measured.
    Measured(Box<Measured>),
}

/// The figures of a measured cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Measured {
    /// Versions inside, told by the interpreter.
    pub versions: Versions,
    /// Version of the runtime; the interpreter's natively.
    pub runtime_version: String,
    /// What was found when its outputs were compared with native's.
    pub outputs: Outputs,
    /// Latency at steady state, plain pass.
    pub latency: Option<Latency>,
    /// Compared with native; none for native itself.
    pub ratio: Option<Ratio>,
    /// Where a request's time goes, phase pass.
    pub phases: Option<Phases>,
    /// Where it goes by cost class, phase and profile passes.
    pub attribution: Attributed,
    /// The first requests beside the later ones; none where nothing was
    /// sampled.
    pub warm_up: Option<WarmUp>,
    /// Process start to first response, by how the interpreter came up.
    pub cold_starts: Vec<ColdStart>,
    /// The memory it takes, by how the interpreter came up.
    pub footprints: Vec<Footprint>,
    /// The page it was in; none outside browsers.
    pub page: Option<PageFigures>,
    /// How quiet it was.
    pub noise: CellNoise,
    /// SHA-256 of its responses; none in runs made before it was noted.
    pub responses_sha256: Option<String>,
    /// What each launch showed, in the order in which they ran: what
    /// comparisons with other runs rest on.
    pub launches: Vec<LaunchFigures>,
}

/// How a launch's first requests compare with its later ones. What compiles
/// while it runs is slower at first, and interpreters learn too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WarmUp {
    /// Median over launches of the median of the first eight requests behind
    /// the one of the cold start, ns.
    pub first_ns: f64,
    /// How many times the median of the plain pass that is: median over
    /// launches of each one's own ratio.
    pub times_later: f64,
}

/// What a browser told of the pages that a guest was in, from a plain start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PageFigures {
    /// How long the page did not react at a stretch before the first response:
    /// median over launches of the longest task, ns; 0 under 50 ms.
    pub blocked_ns: f64,
    /// The coarsest step of the clock, ns.
    pub clock_step_ns: f64,
    /// Whether all were isolated from other origins.
    pub is_isolated: bool,
    /// What came over the network at most, headers included, bytes.
    pub transferred_bytes: u64,
    /// The same and what came from the browser's cache, packed, bytes.
    pub encoded_bytes: u64,
    /// That unpacked, bytes.
    pub decoded_bytes: u64,
}

/// What a launch showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LaunchFigures {
    /// Its round: launches of one round ran next to each other.
    pub round: u32,
    /// How the interpreter came up.
    pub start: Start,
    /// Process start to first response.
    pub cold_start_ns: u64,
    /// Largest resident set.
    pub peak_resident_bytes: u64,
    /// Median of the plain pass; none where the launch was a cold start only.
    pub median_ns: Option<f64>,
}

/// What was found when outputs were compared with native's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "outputs", rename_all = "kebab-case")]
pub enum Outputs {
    /// Native: what others are compared with.
    Baseline,
    /// The same bytes for every request.
    Identical {
        /// Requests compared.
        requests: u32,
    },
    /// Not the same bytes, within the workload's tolerance.
    WithinTolerance {
        /// How far.
        deviation: Deviation,
        /// How far they may be.
        tolerance: Option<Tolerance>,
    },
    /// Not compared: native was not measured.
    Unverified,
}

/// Latency of one request at steady state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Latency {
    /// Median of the launch medians, wall time.
    pub median_ns: Estimate,
    /// 90th percentile of all samples; none under 10.
    pub p90_ns: Option<f64>,
    /// 99th percentile of all samples; none under 100.
    pub p99_ns: Option<f64>,
    /// Range of the launches' own 99th percentiles, of those with 100 samples
    /// and of all samples; none from fewer than two such launches.
    pub p99_interval: Option<Interval>,
    /// Smallest sample.
    pub smallest_ns: u64,
    /// Median of the launch medians, CPU time; none where that was not told.
    pub cpu_median_ns: Option<f64>,
    /// Pages taken from the operating system; none where the runner or the
    /// run does not tell.
    pub paging: Option<Paging>,
    /// Samples of all launches.
    pub samples: u64,
    /// Launches.
    pub launches: u32,
    /// Launches that were planned.
    pub launches_planned: u32,
    /// Median of each launch, in the order in which they ran.
    pub launch_medians_ns: Vec<f64>,
    /// At most 200 quantiles of all samples, at the middles of equal shares:
    /// their distribution.
    pub quantiles_ns: Vec<f64>,
}

/// Memory that a request takes from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Paging {
    /// Page faults per request, mean over all launches.
    pub page_faults: f64,
    /// What they cost by the machine's figure, as a share of the median
    /// latency.
    pub share: f64,
}

/// A target's latency over native's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ratio {
    /// Median over rounds of target / native: above 1 is slower.
    pub times_native: Estimate,
    /// Rounds in which both were measured.
    pub rounds: u32,
    /// What may be said.
    pub comparison: Comparison,
}

/// What a ratio and its interval allow to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The interval lies above 1 by half a percent at least.
    Slower,
    /// The interval lies below 1 by half a percent at least.
    Faster,
    /// The interval includes 1, or what is printed as 1.
    NoDifferenceShown,
    /// One round has no interval.
    SingleRound,
}

/// Where a request's time goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Phases {
    /// Median of the launch medians of each phase that was timed, in order.
    pub parts: Vec<PhaseTime<RequestPhase>>,
    /// Sum of `parts`: what shares are shares of.
    pub total_ns: f64,
    /// Sum of all but `infer`.
    pub marshalling_ns: f64,
    /// `marshalling_ns` over `total_ns`, 0 to 1.
    pub marshalling_share: f64,
    /// How much longer the marked phases of a request together take than a
    /// plain request, as a share of the plain median; negative where they
    /// leave some of it out, or the two passes saw a different machine.
    pub perturbation_share: Option<f64>,
    /// Requests in the phase pass of all launches.
    pub requests: u64,
}

/// The median of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PhaseTime<P> {
    /// The phase.
    pub phase: P,
    /// Its median over launches.
    pub median_ns: f64,
}

/// Process start to first response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ColdStart {
    /// How the interpreter came up.
    pub start: Start,
    /// Median over launches.
    pub total_ns: Estimate,
    /// Median of each phase over the launches that went through it, in
    /// order.
    pub phases: Vec<PhaseTime<ColdPhase>>,
    /// Median over launches of what the phases leave out of the total;
    /// negative where they overlap.
    pub unaccounted_ns: f64,
    /// `unaccounted_ns` over the total.
    pub unaccounted_share: f64,
    /// Launches.
    pub launches: u32,
    /// Launches that were planned.
    pub launches_planned: u32,
}

/// The memory that a cell takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Footprint {
    /// How the interpreter came up.
    pub start: Start,
    /// Largest resident set of a launch.
    pub peak_resident_bytes: Option<u64>,
    /// How much of that the runner itself held, for requests and samples:
    /// largest of a launch.
    pub runner_bytes: Option<u64>,
    /// Largest linear memory of a launch; none natively.
    pub linear_memory_bytes: Option<u64>,
}

/// How quiet a cell was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CellNoise {
    /// CPU time over wall time, all samples of the plain pass.
    pub cpu_share: Option<f64>,
    /// Largest share of processor time stolen during a launch.
    pub worst_steal_share: Option<f64>,
    /// Largest share of the machine's processor time that other processes
    /// took during a launch; none where the system or the run does not tell.
    pub worst_others_share: Option<f64>,
    /// Launches during which a processor was throttled; none where the system
    /// or the run does not tell.
    pub throttled_launches: Option<u32>,
    /// Largest minus smallest launch median, over their median.
    pub spread_share: Option<f64>,
    /// Launches whose warm-up never settled.
    pub unsettled_launches: u32,
    /// Launches at steady state.
    pub steady_launches: u32,
}

/// Each once, in order of first appearance.
pub(crate) fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

impl Paging {
    /// Whether it is enough to make another comparison: linear memory is
    /// never given back to the system, native memory is.
    #[must_use]
    pub fn weighs(&self) -> bool {
        const LARGEST_SHARE: f64 = 0.05;
        self.share > LARGEST_SHARE
    }
}

impl Measured {
    /// What its requests take from the system, where that weighs.
    #[must_use]
    pub fn weighty_paging(&self) -> Option<Paging> {
        self.latency.as_ref()?.paging.filter(Paging::weighs)
    }

    /// Largest resident set of a launch, however the interpreter came up.
    #[must_use]
    pub fn peak_resident_bytes(&self) -> Option<u64> {
        self.footprints.iter().filter_map(|it| it.peak_resident_bytes).max()
    }
}

impl CellAnalysis {
    /// Its figures, when it was measured.
    #[must_use]
    pub fn measured(&self) -> Option<&Measured> {
        match &self.state {
            CellState::Measured(measured) => Some(measured),
            CellState::Pending | CellState::Unsupported { .. } | CellState::Failed { .. } => None,
        }
    }
}

impl CaseAnalysis {
    /// Native's figures, when it was measured.
    #[must_use]
    pub fn native(&self) -> Option<&Measured> {
        self.cells.iter().find(|cell| cell.target.is_native())?.measured()
    }

    /// The cell on `target`.
    #[must_use]
    pub fn cell(&self, target: &Target) -> Option<&CellAnalysis> {
        self.cells.iter().find(|cell| cell.target == *target)
    }

    /// Guests other than native's that serve the workload as it is, in order of
    /// first appearance.
    #[must_use]
    pub fn guests(&self) -> Vec<&str> {
        let ports = self.cells.iter().filter(|it| it.rewrite.is_none() && !it.target.is_native());
        distinct(ports.map(|it| it.target.guest.as_str()))
    }
}

impl Analysis {
    /// Every case and cell, in report order.
    pub fn cells(&self) -> impl Iterator<Item = (&CaseAnalysis, &CellAnalysis)> {
        self.cases().flat_map(|case| case.cells.iter().map(move |cell| (case, cell)))
    }

    /// Every case, in report order.
    pub fn cases(&self) -> impl Iterator<Item = &CaseAnalysis> {
        self.workloads.iter().flat_map(|workload| &workload.cases)
    }

    /// Whether there are too many cases to be read one by one.
    #[must_use]
    pub fn has_many_cases(&self) -> bool {
        const FEW: usize = 8;
        self.cases().count() > FEW
    }

    /// Every target, in order of first appearance.
    #[must_use]
    pub fn targets(&self) -> Vec<&Target> {
        distinct(self.cells().map(|(_, cell)| &cell.target))
    }

    /// Every measured cell, in report order.
    pub fn measured(&self) -> impl Iterator<Item = (&CaseAnalysis, &CellAnalysis, &Measured)> {
        self.cells().filter_map(|(case, cell)| Some((case, cell, cell.measured()?)))
    }
}
