//! How a tier executes code, which decides what it may be compared with.

use serde::Serialize;
use wasmfit_record::{CellOutcome, Run, Target};

/// How a target executes a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Execution {
    /// As machine code.
    Compiled,
    /// By an interpreter.
    Interpreted,
}

impl Execution {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Interpreted => "interpreted",
        }
    }
}

/// Tiers known to interpret. Pulley's artifact is bytecode, so that it has
/// one does not tell.
const INTERPRETERS: [&str; 2] = ["interpreter", "pulley"];

/// How `target` executes; `None` natively, and where nothing tells: a tier
/// of another name that was measured nowhere in the run.
pub(super) fn of(target: &Target, run: &Run) -> Option<Execution> {
    if target.is_native() {
        return None;
    }
    if INTERPRETERS.contains(&target.tier.as_str()) {
        return Some(Execution::Interpreted);
    }
    let same_tier = |other: &Target| other.runtime == target.runtime && other.tier == target.tier;
    run.cells.iter().filter(|cell| same_tier(&cell.target)).find_map(|cell| match &cell.outcome {
        CellOutcome::Measured { artifacts, .. } if artifacts.is_empty() => {
            Some(Execution::Interpreted)
        }
        CellOutcome::Measured { .. } => Some(Execution::Compiled),
        _ => None,
    })
}
