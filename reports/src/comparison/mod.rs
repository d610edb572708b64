//! Two runs compared: what got slower, and whether that can be said.
//!
//! Within a session the launches of both versions are paired by round, and so
//! whatever slows the machine down for a while meets both. Of runs made one
//! after the other ratios to native are compared, since native saw the same
//! machine as they did; that native itself takes longer may be the machine's
//! doing, and is claimed only beyond what machines do.
//!
//! A change is claimed when its size is at least the one asked for and the
//! chance of seeing it between equal versions is small: over everything that
//! is compared, and over every look at a comparison that ends when it is
//! decided, 1% for anything at all, 0.8% of it for latencies (Benjamini and
//! Hochberg, "Controlling the false discovery rate", Journal of the Royal
//! Statistical Society B 57, 1995: between equal versions it keeps the chance
//! of any claim).

mod cell;
mod decide;
mod differences;
mod load;
mod render;

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Failure, Start};
use wasmfit_record::{Case, Side, Target};

pub use self::differences::{Difference, WorkloadPart};
pub use self::load::load;
pub use self::render::{github, junit, markdown, text};
use crate::Analysis;
use crate::analysis::CostClass;
use crate::statistics::Estimate;
use crate::verdict::Grade;

/// Version of the comparison as JSON.
pub const COMPARISON_VERSION: u32 = 1;

/// What counts as a change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Terms {
    /// The smallest change of time or memory that counts, as a share.
    pub least_effect: f64,
    /// Whether runs of different processors may be compared, by their ratios
    /// to native.
    pub across_machines: bool,
}

/// Two runs, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comparison {
    /// [`COMPARISON_VERSION`].
    pub comparison_version: u32,
    /// What counts.
    pub terms: Terms,
    /// The version compared with.
    pub base: Version,
    /// The version in question.
    pub new: Version,
    /// How the launches of both relate.
    pub pairing: Pairing,
    /// In what the versions differ.
    pub differences: Vec<Difference>,
    /// What both measured.
    pub cells: Vec<CellChange>,
    /// Of what is deployed, what is not the same size.
    pub sizes: Vec<SizeChange>,
    /// Cells that only one of them has.
    pub unmatched: Vec<Unmatched>,
    /// Verdicts that are not the same.
    pub verdicts: Vec<VerdictChange>,
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Version {
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// Version of wasmfit that measured.
    pub wasmfit_version: String,
    /// Processor and how many, of each machine.
    pub machines: Vec<String>,
    /// Whether launches are missing because it was not finished.
    pub is_unfinished: bool,
}

/// How the launches of two runs relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "pairing", rename_all = "kebab-case")]
pub enum Pairing {
    /// Launched in turn: times are compared, pair by pair.
    Interleaved {
        /// How often the comparison was to be looked at.
        looks: u32,
    },
    /// Made one after the other: ratios to native are compared.
    Apart {
        /// How often the comparison was to be looked at.
        looks: u32,
    },
}

impl Pairing {
    /// How often the comparison was to be looked at.
    #[must_use]
    pub const fn looks(self) -> u32 {
        match self {
            Self::Interleaved { looks } | Self::Apart { looks } => looks,
        }
    }
}

/// A cell that only one run has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Unmatched {
    /// Which run has it.
    pub side: Side,
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
}

/// A cell in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CellChange {
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
    /// What became of it.
    pub state: CellState,
}

/// What became of a cell that both runs have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CellState {
    /// Measured in both.
    Compared(Box<Changes>),
    /// Measured before, and not any more.
    Broken {
        /// Why.
        reason: String,
    },
    /// Measured now, and not before.
    Mended {
        /// Why not.
        reason: String,
    },
    /// Measured in neither.
    NotMeasured {
        /// Why it is not now.
        reason: String,
    },
}

/// The changes of a cell that was measured in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Changes {
    /// Of what a launch measures.
    pub measures: Vec<Change>,
    /// Of its cost classes, where both were attributed.
    pub classes: Vec<ClassChange>,
    /// Of its responses.
    pub outputs: OutputChange,
}

/// What is compared.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(tag = "measure", content = "start", rename_all = "kebab-case")]
pub enum Measure {
    /// A request at steady state.
    Latency,
    /// Process start to first response.
    ColdStart(Start),
    /// Largest resident set.
    Memory(Start),
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |start: &Start| match start {
            Start::Plain => "",
            Start::Snapshot => " from a snapshot",
            Start::Container => " in a container",
        };
        match self {
            Self::Latency => f.write_str("latency"),
            Self::ColdStart(of) => write!(f, "cold start{}", start(of)),
            Self::Memory(of) => write!(f, "memory{}", start(of)),
        }
    }
}

/// How something measured changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// What.
    #[serde(flatten)]
    pub measure: Measure,
    /// Median over launches before, in nanoseconds or bytes.
    pub base: f64,
    /// The same now.
    pub new: f64,
    /// What `ratio` is of.
    pub by: By,
    /// Now over before: above 1 is worse.
    pub ratio: Estimate,
    /// The smallest change that counts, as a share: more than was asked for
    /// where sessions differ by more for no reason.
    pub least_effect: f64,
    /// Chance of so large a change between equal versions; none where nothing
    /// rests on it.
    pub p_value: Option<f64>,
    /// Launches, or pairs of them, that it rests on: before and now.
    pub launches: [u32; 2],
    /// What may be said.
    pub finding: Finding,
    /// Whether more launches could say no more: what a comparison that ends
    /// when it is decided goes by.
    pub is_settled: bool,
}

/// What a ratio compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Pairs of launches that ran next to each other.
    Pairs,
    /// Ratios to native.
    Native,
    /// The figures themselves: memory, which is no matter of how busy a machine
    /// is, and times that nothing beside them can be held to.
    Itself,
}

/// What may be said of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// More time or memory, by what counts at least.
    Worse,
    /// Less, likewise.
    Better,
    /// Less of a change than counts.
    Unchanged,
    /// Neither can be said.
    Inconclusive {
        /// Why, and what would help.
        reason: Open,
    },
}

/// Why a change is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "open", rename_all = "kebab-case")]
pub enum Open {
    /// So many more launches of each version would decide it, if they are as
    /// those made.
    MoreLaunches {
        /// How many.
        launches: u32,
    },
    /// It is so near to the smallest change that counts that no feasible
    /// number of launches would.
    AtTheLimit,
    /// Native has nothing beside it that saw the same machine.
    NothingToHoldItTo,
    /// Native is another version, so ratios to it are other ratios.
    NativeChanged,
}

/// How a cost class changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassChange {
    /// The class.
    pub class: CostClass,
    /// Its time per request before, ns.
    pub base_ns: f64,
    /// The same now: the share now of what the ratio makes of the time before.
    pub new_ns: f64,
    /// Now over before; none where it had next to nothing. Its interval
    /// combines the ends of both shares and of the ratio.
    pub ratio: Option<Estimate>,
    /// Whether the interval lies to one side of 1.
    pub is_shown: bool,
}

/// The size of something deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SizeChange {
    /// The target that it is deployed for.
    pub target: Target,
    /// How the interpreter comes up.
    pub start: Start,
    /// What.
    pub what: Deployed,
    /// Bytes before.
    pub base: u64,
    /// Bytes now.
    pub new: u64,
    /// Whether that is the smallest change that counts, or more.
    pub counts: bool,
}

/// What is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deployed {
    /// The guest's module.
    Module,
    /// What was compiled of it.
    Artifact,
}

impl Deployed {
    /// What a reader calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Artifact => "artifact",
        }
    }
}

/// How a cell's responses changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutputChange {
    /// The same bytes.
    Same,
    /// Other bytes to the same requests, within the workload's tolerance of
    /// native's.
    OtherBytes,
    /// The requests are others, and so are the responses.
    OtherRequests,
    /// A run does not tell.
    NotTold,
}

/// A verdict that is not the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerdictChange {
    /// The workload.
    pub workload: String,
    /// The scenario.
    pub scenario: String,
    /// The grade before.
    pub base: Grade,
    /// The grade now.
    pub new: Grade,
    /// Whether that is worse.
    pub is_worse: bool,
    /// Whether a figure of the workload is known to have changed. Where none
    /// is, the figures lie so near to a budget that noise decides the verdict.
    pub is_backed: bool,
    /// The reason of the verdict now.
    pub reason: String,
}

/// Two runs that cannot be compared, or not without being asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// They have no cell in common.
    #[error(
        "the runs have no cell in common: the one measured {base}, the other {new}: compare runs of the same workloads and targets"
    )]
    NothingInCommon {
        /// What the base measured.
        base: String,
        /// What the new run measured.
        new: String,
    },
    /// Their processors differ.
    #[error(
        "the runs are of different machines, {base} and {new}, and times of one say nothing of the other: measure both on one machine, or compare their ratios to native with --across-machines"
    )]
    OtherMachine {
        /// The base's.
        base: String,
        /// The new run's.
        new: String,
    },
    /// The base was begun after the new run.
    #[error(
        "the baseline is of {base}, after the run it is compared with, of {new}: is the order BASE NEW, or a clock wrong?"
    )]
    FromTheFuture {
        /// When the base began.
        base: String,
        /// When the new run began.
        new: String,
    },
}

/// Compares `new` with `base`.
///
/// # Errors
///
/// [`ComparisonError`] where they have nothing to compare.
pub fn compare(
    base: &Analysis,
    new: &Analysis,
    terms: &Terms,
) -> Result<Comparison, ComparisonError> {
    cell::compare(base, new, terms)
}

impl Finding {
    /// Whether a change is claimed, for better or worse.
    #[must_use]
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Worse | Self::Better)
    }
}

impl VerdictChange {
    /// Whether it got worse, and by more than noise.
    #[must_use]
    pub const fn is_regression(&self) -> bool {
        self.is_worse && self.is_backed
    }
}

impl Changes {
    /// The change of one measure.
    #[must_use]
    pub fn of(&self, measure: Measure) -> Option<&Change> {
        self.measures.iter().find(|it| it.measure == measure)
    }
}

impl Comparison {
    /// Every cell that was compared.
    pub fn compared(&self) -> impl Iterator<Item = (&CellChange, &Changes)> {
        self.cells.iter().filter_map(|cell| match &cell.state {
            CellState::Compared(changes) => Some((cell, &**changes)),
            CellState::Broken { .. } | CellState::Mended { .. } | CellState::NotMeasured { .. } => {
                None
            }
        })
    }

    /// Every change of time or memory.
    pub fn changes(&self) -> impl Iterator<Item = (&CellChange, &Change)> {
        let of = |(cell, changes)| {
            let changes: &Changes = changes;
            changes.measures.iter().map(move |change| (cell, change))
        };
        self.compared().flat_map(of)
    }

    /// Cells of whose latency more launches would say more. Native is among
    /// them where the others are compared by their ratios to it.
    #[must_use]
    pub fn undecided(&self) -> Vec<(&Case, &Target)> {
        let is_open = |changes: &Changes| {
            changes.of(Measure::Latency).is_some_and(|latency| {
                let hopeless = matches!(
                    latency.finding,
                    Finding::Inconclusive { reason: Open::NothingToHoldItTo | Open::NativeChanged }
                );
                !latency.is_settled && !hopeless
            })
        };
        let open = self.compared().filter(|(_, changes)| is_open(changes));
        let mut cells: Vec<_> = open.map(|(cell, _)| (&cell.case, &cell.target)).collect();
        if matches!(self.pairing, Pairing::Apart { .. }) {
            let beside = self.cells.iter().filter(|cell| cell.target.is_native());
            let beside = beside.filter(|it| cells.iter().any(|(case, _)| **case == it.case));
            let beside: Vec<_> = beside.map(|cell| (&cell.case, &cell.target)).collect();
            cells.extend(beside);
        }
        cells
    }

    /// Whether a cell got slower, larger or broken.
    #[must_use]
    pub fn has_regressions(&self) -> bool {
        let worse = self.changes().any(|(_, change)| change.finding == Finding::Worse);
        let broken = self.cells.iter().any(|it| matches!(it.state, CellState::Broken { .. }));
        let larger = |it: &SizeChange| it.counts && it.new > it.base;
        worse || broken || self.sizes.iter().any(larger)
    }

    /// Whether a verdict got worse, and by more than noise.
    #[must_use]
    pub fn has_worse_verdicts(&self) -> bool {
        self.verdicts.iter().any(VerdictChange::is_regression)
    }

    /// Whether a cell answers with other bytes than before, or not at all.
    #[must_use]
    pub fn has_other_outputs(&self) -> bool {
        self.cells.iter().any(|cell| match &cell.state {
            CellState::Compared(changes) => changes.outputs == OutputChange::OtherBytes,
            CellState::Broken { .. } => true,
            CellState::Mended { .. } | CellState::NotMeasured { .. } => false,
        })
    }

    /// Whether the latency of a cell is not decided.
    #[must_use]
    pub fn has_open_latencies(&self) -> bool {
        self.changes().any(|(_, change)| {
            change.measure == Measure::Latency
                && matches!(change.finding, Finding::Inconclusive { .. })
        })
    }
}

/// What a failed or unsupported cell says.
fn reason_of(state: &crate::analysis::CellState) -> String {
    use crate::analysis::CellState as State;
    match state {
        State::Pending => "no launch of it has ended".into(),
        State::Unsupported { reason } => format!("not supported: {reason}"),
        State::Failed { failure: Failure { during, message, .. }, .. } => {
            format!("failed during {during}: {message}")
        }
        State::Measured(_) => "measured".into(),
    }
}
