//! What crossing the boundary costs: curves over payload sizes, a fixed cost
//! and a cost per byte fitted to each, what batching saves, and how a crossing
//! compares with copying memory.
//!
//! All of it follows from the samples of lab workloads, which do nothing but
//! cross, and from the copies that were timed between their launches.

mod batching;
mod break_even;
mod copies;
mod curves;
mod fit;
mod samples;

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Boundary, RequestPhase, Versions};
use wasmfit_record::{Case, CrossingCost, Direction, Run, Target};

pub use batching::{Batching, PerItem, RuleOfThumb, Standing};
pub(crate) use break_even::sentence as batch_sentence;
pub use copies::CopyRatio;
pub use fit::Fit;
pub(crate) use samples::{CrossingSamples, read};

use crate::analysis::{CellAnalysis, CellState, Outputs, PhaseTime, WorkloadAnalysis};
use crate::statistics::Estimate;

/// The encoding whose cost is that of the boundary.
pub(crate) const RAW: &str = "raw";

/// What lab workloads found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Lab {
    /// When it was measured, RFC 3339, UTC.
    pub measured_at: String,
    /// The targets that were measured.
    pub targets: Vec<LabTarget>,
    /// By encoding, direction and target.
    pub curves: Vec<Curve>,
    /// Raw bytes in and out, against copies of as many.
    pub copies: Vec<CopyRatio>,
    /// What an item costs by the number of items in a crossing.
    pub batching: Vec<Batching>,
    /// Whether batching is orders of magnitude cheaper, by target.
    pub rules: Vec<RuleOfThumb>,
    /// Cells whose every response is the same bytes as native's; no lab
    /// workload has a tolerance.
    pub identical_cells: u64,
    /// Cells whose responses could not be compared.
    pub unverified_cells: u64,
    /// What was not measured, and why.
    pub missing: Vec<Missing>,
}

/// A target of the lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LabTarget {
    /// The target.
    pub target: Target,
    /// How requests reach it; none natively.
    pub boundary: Option<Boundary>,
    /// Version of its runtime; the interpreter's natively.
    pub runtime_version: String,
    /// Versions inside, told by the interpreter.
    pub versions: Versions,
}

/// Latency against payload size, of one encoding in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Curve {
    /// How values become bytes.
    pub encoding: String,
    /// Which way the payload goes.
    pub direction: Direction,
    /// The target.
    pub target: Target,
    /// How requests reach it; none natively.
    pub boundary: Option<Boundary>,
    /// Rising by payload.
    pub points: Vec<Point>,
    /// Fixed cost and cost per byte; none from fewer than three payloads.
    pub fit: Option<Fit>,
}

/// A payload, and what it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Point {
    /// Size of the payload.
    pub payload_bytes: u64,
    /// Median of the launch medians, plain pass.
    pub median_ns: Estimate,
    /// Median of the launch medians of each phase, phase pass.
    pub phases: Vec<PhaseTime<RequestPhase>>,
    /// Requests of all launches, plain pass.
    pub samples: u64,
    /// Launches.
    pub launches: u32,
}

/// A case that was not measured on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Missing {
    /// The case.
    pub case: Case,
    /// Its encoding.
    pub encoding: String,
    /// Its smallest and largest payload.
    pub payload_bytes: (u64, u64),
    /// The target.
    pub target: Target,
    /// Whether it failed.
    pub is_failure: bool,
    /// Whether no launch of it has ended; otherwise it is unsupported or has
    /// failed.
    pub is_pending: bool,
    /// Why.
    pub reason: String,
}

/// What is known of a target's crossings, by what was found with raw bytes
/// both ways.
impl Lab {
    /// What later runs may know of each target.
    #[must_use]
    pub fn crossings(&self) -> Vec<CrossingCost> {
        let cost = |it: &LabTarget| {
            let fit = self.raw(&it.target)?.fit.as_ref()?;
            Some(CrossingCost {
                target: it.target.clone(),
                runtime_version: it.runtime_version.clone(),
                boundary: it.boundary,
                measured_at: self.measured_at.clone(),
                fixed_ns: fit.fixed_ns.value,
                fixed_interval_ns: fit.fixed_ns.interval.map(|it| (it.low, it.high)),
                byte_ns: fit.byte_ns.value,
                error_share: fit.error_share,
            })
        };
        self.targets.iter().filter_map(cost).collect()
    }

    /// The curve of raw bytes both ways.
    pub(crate) fn raw(&self, target: &Target) -> Option<&Curve> {
        self.curves.iter().find(|it| {
            it.encoding == RAW && it.direction == Direction::Both && it.target == *target
        })
    }
}

/// Whether a workload is one of the lab's.
pub(crate) fn is_of_lab(workload: &WorkloadAnalysis) -> bool {
    workload.record.as_ref().is_some_and(|record| record.boundary.is_some())
}

/// What the lab workloads of a run found; `None` where it has none.
pub(crate) fn of(
    run: &Run,
    workloads: &[WorkloadAnalysis],
    samples: &CrossingSamples,
) -> Option<Lab> {
    if workloads.is_empty() {
        return None;
    }
    let curves = curves::of(run, samples);
    let batching = batching::of(&curves);
    Some(Lab {
        measured_at: run.started_at.clone(),
        targets: targets(workloads),
        copies: copies::of(run, &curves),
        rules: batching::rules(&batching, &curves),
        batching,
        identical_cells: count(workloads, |it| matches!(it, Outputs::Identical { .. })),
        unverified_cells: count(workloads, |it| matches!(it, Outputs::Unverified)),
        missing: missing(workloads),
        curves: curves.into_iter().map(|it| it.curve).collect(),
    })
}

fn count(workloads: &[WorkloadAnalysis], is_counted: fn(&Outputs) -> bool) -> u64 {
    let measured = cells(workloads).filter_map(|(_, _, cell)| cell.measured());
    measured.filter(|it| is_counted(&it.outputs)).count() as u64
}

fn targets(workloads: &[WorkloadAnalysis]) -> Vec<LabTarget> {
    let mut targets: Vec<LabTarget> = Vec::new();
    for (_, _, cell) in cells(workloads) {
        let Some(measured) = cell.measured() else { continue };
        match targets.iter_mut().find(|it| it.target == cell.target) {
            Some(known) => known.versions.packages.extend(measured.versions.packages.clone()),
            None => targets.push(LabTarget {
                target: cell.target.clone(),
                boundary: cell.boundary,
                runtime_version: measured.runtime_version.clone(),
                versions: measured.versions.clone(),
            }),
        }
    }
    targets
}

fn missing(workloads: &[WorkloadAnalysis]) -> Vec<Missing> {
    let of_cell = |(workload, case, cell): (&WorkloadAnalysis, &Case, &CellAnalysis)| {
        let reason = match &cell.state {
            CellState::Measured(_) => return None,
            CellState::Pending => "no launch of it has ended".to_owned(),
            CellState::Unsupported { reason } => reason.clone(),
            CellState::Failed { failure, .. } => {
                format!("during {}: {}", failure.during, failure.message)
            }
        };
        let plan = workload.record.as_ref()?.boundary.as_ref()?;
        let payloads = plan.crossings(case.batch).into_iter().map(|it| it.0);
        let range = payloads.fold((u64::MAX, 0), |(low, high), it| (low.min(it), high.max(it)));
        Some(Missing {
            case: case.clone(),
            encoding: plan.encoding.clone(),
            payload_bytes: range,
            target: cell.target.clone(),
            is_failure: matches!(cell.state, CellState::Failed { .. }),
            is_pending: matches!(cell.state, CellState::Pending),
            reason,
        })
    };
    cells(workloads).filter_map(of_cell).collect()
}

fn cells(
    workloads: &[WorkloadAnalysis],
) -> impl Iterator<Item = (&WorkloadAnalysis, &Case, &CellAnalysis)> {
    workloads.iter().flat_map(|workload| {
        workload
            .cases
            .iter()
            .flat_map(move |case| case.cells.iter().map(move |cell| (workload, &case.case, cell)))
    })
}
