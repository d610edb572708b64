//! What was made of a guest's modules before any launch.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Artifact, Start};
use wasmfit_record::{CellOutcome, LaunchOutcome, Run, Target};

use super::Execution;

/// A guest's module on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Preparation {
    /// The target.
    pub target: Target,
    /// How the interpreter comes up.
    pub start: Start,
    /// How the target executes.
    pub execution: Option<Execution>,
    /// Size of the guest's WASM module.
    pub module_bytes: Option<u64>,
    /// What was compiled of it; none where nothing is.
    pub artifact: Option<Artifact>,
}

/// One per target and start that was measured in any case, in the run's
/// order. They are the same in every case.
pub(super) fn of(run: &Run) -> Vec<Preparation> {
    let mut found: Vec<Preparation> = Vec::new();
    for (position, cell) in run.cells.iter().enumerate() {
        let CellOutcome::Measured { artifacts, .. } = &cell.outcome else { continue };
        if cell.target.is_native() {
            continue;
        }
        for start in [Start::Plain, Start::Snapshot] {
            let known = found.iter().any(|it| it.target == cell.target && it.start == start);
            let artifact = artifacts.get(&start).cloned();
            if known || (artifact.is_none() && !was_launched(run, position, start)) {
                continue;
            }
            let guest = run.guest_of(cell);
            found.push(Preparation {
                target: cell.target.clone(),
                start,
                execution: cell.execution,
                module_bytes: guest.and_then(|it| it.bytes.get(start.module()).copied()),
                artifact,
            });
        }
    }
    found
}

fn was_launched(run: &Run, cell: usize, start: Start) -> bool {
    run.launches.iter().any(|it| {
        it.planned.cell == cell
            && it.planned.start == start
            && matches!(it.outcome, LaunchOutcome::Served(_))
    })
}
