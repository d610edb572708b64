//! What limits cost: tiers that have one, against the tier that is otherwise
//! the same.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::LimitKind;
use wasmfit_record::{Case, Cell, CellOutcome, Run, Target};

use super::cell::{cpu_ratio, ratio};
use super::run::ServedLaunch;
use super::{CellAnalysis, Comparison, Ratio};
use crate::statistics::Estimate;

/// What a limit costs a case at steady state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LimitCost {
    /// The case.
    pub case: Case,
    /// The target that has the limit.
    pub target: Target,
    /// The target without it.
    pub base: Target,
    /// What the limit is.
    pub kind: LimitKind,
    /// Median over rounds of target / base: above 1 is what the limit costs.
    pub times_base: Estimate,
    /// The same of processor time, which other programs disturb less; none
    /// where that was not told.
    pub cpu_times_base: Option<Estimate>,
    /// Rounds in which both were measured.
    pub rounds: u32,
    /// What may be said.
    pub comparison: Comparison,
}

/// One per case and target with a limit whose base was measured too, in the
/// run's order. `served` are the launches of each cell.
pub(super) fn of(run: &Run, served: &[Vec<ServedLaunch<'_>>]) -> Vec<LimitCost> {
    let cells = run.cells.iter().enumerate();
    cells.filter_map(|(position, cell)| cost(run, served, position, cell)).collect()
}

fn cost(
    run: &Run,
    served: &[Vec<ServedLaunch<'_>>],
    position: usize,
    cell: &Cell,
) -> Option<LimitCost> {
    let limit = cell.limit.as_ref()?;
    let base = Target { tier: limit.base.clone(), ..cell.target.clone() };
    let without = run.cells.iter().position(|it| it.place() == (&cell.case, &base))?;
    let are_measured = [cell, &run.cells[without]]
        .iter()
        .all(|it| matches!(it.outcome, CellOutcome::Measured { .. }));
    if !are_measured {
        return None;
    }
    // Of native's launches it asks no more than of any others.
    let Ratio { times_native: times_base, rounds, comparison } =
        ratio(&served[position], &served[without])?;
    Some(LimitCost {
        case: cell.case.clone(),
        target: cell.target.clone(),
        base,
        kind: limit.kind,
        times_base,
        cpu_times_base: cpu_ratio(&served[position], &served[without]),
        rounds,
        comparison,
    })
}

/// Those that are compared with each other. What a workload was rewritten as is
/// no port of it, and a target with a limit is there to be compared with the
/// one without: both stand aside where there is any other.
pub(crate) fn contenders<'a>(cells: &[&'a CellAnalysis]) -> Vec<&'a CellAnalysis> {
    let without = |cells: &[&'a CellAnalysis], stands_aside: fn(&CellAnalysis) -> bool| {
        let left: Vec<_> = cells.iter().copied().filter(|it| !stands_aside(it)).collect();
        if left.is_empty() { cells.to_vec() } else { left }
    };
    let ports = without(cells, |it| it.rewrite.is_some());
    without(&ports, |it| it.limit.is_some())
}
