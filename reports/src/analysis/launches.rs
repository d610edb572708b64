//! What became of a run's planned launches.

use serde::{Deserialize, Serialize};
use wasmfit_record::{CellOutcome, LaunchKind, PlannedLaunch, Run, Status};

/// The launches of a run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct LaunchCounts {
    /// Planned.
    pub planned: usize,
    /// Ended, well or badly.
    pub ended: usize,
    /// Left out by the budget; 0 while the run is unfinished, as that is not
    /// known before.
    pub left_out: usize,
    /// Not made because their cell had failed or was found unsupported.
    pub forgone: usize,
}

pub(super) fn of(run: &Run) -> LaunchCounts {
    let mut counts = LaunchCounts {
        planned: run.plan.launches.len(),
        ended: run.launches.len(),
        ..LaunchCounts::default()
    };
    for (position, cell) in run.cells.iter().enumerate() {
        let planned = run.plan.launches.iter().filter(|it| it.cell == position).count();
        let ended = run.launches.iter().filter(|it| it.planned.cell == position).count();
        let missing = planned.saturating_sub(ended);
        match cell.outcome {
            CellOutcome::Failed { .. } | CellOutcome::Unsupported { .. } => {
                counts.forgone += missing;
            }
            CellOutcome::Measured { .. } | CellOutcome::Pending
                if run.status == Status::Finished =>
            {
                counts.left_out += missing;
            }
            CellOutcome::Measured { .. } | CellOutcome::Pending => {}
        }
    }
    counts
}

/// Whether a launch goes on to steady state.
pub(super) fn is_steady(launch: &PlannedLaunch) -> bool {
    launch.kind == LaunchKind::Steady
}
