//! Why cells are not supported: each reason once.

use serde::{Deserialize, Serialize};

use super::{CellState, WorkloadAnalysis};
use crate::warnings::CellName;

/// A reason and the cells that it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Unsupported {
    /// In one sentence.
    pub reason: String,
    /// In report order.
    pub cells: Vec<CellName>,
}

/// By reason, in order of first appearance.
pub(super) fn of(workloads: &[WorkloadAnalysis]) -> Vec<Unsupported> {
    let mut found: Vec<Unsupported> = Vec::new();
    for case in workloads.iter().flat_map(|workload| &workload.cases) {
        for cell in &case.cells {
            let CellState::Unsupported { reason } = &cell.state else { continue };
            let name = CellName { case: case.case.clone(), target: cell.target.clone() };
            match found.iter_mut().find(|it| it.reason == *reason) {
                Some(known) => known.cells.push(name),
                None => found.push(Unsupported { reason: reason.clone(), cells: vec![name] }),
            }
        }
    }
    found
}
