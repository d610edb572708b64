//! The answer in a sentence.

use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, CellState, Comparison, Measured};
use crate::format::{duration, ratio, ratio_interval_in_brackets};
use crate::labels::Labels;

/// What a target is for a case: `before`, the figure, `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Headline {
    /// Begins with the target's name.
    pub(crate) before: String,
    /// What to print bold.
    pub(crate) figure: String,
    pub(crate) after: String,
}

impl Headline {
    fn new(before: String, figure: String, after: &str) -> Self {
        Self { before, figure, after: after.to_owned() }
    }
}

/// The headlines of each case: one per target but native.
pub(crate) fn of(analysis: &Analysis) -> Vec<(&CaseAnalysis, Vec<Headline>)> {
    let labels = Labels::of(analysis);
    analysis.cases().map(|case| (case, of_case(case, labels))).collect()
}

fn of_case(case: &CaseAnalysis, labels: Labels) -> Vec<Headline> {
    let guests = || case.cells.iter().filter(|cell| !cell.target.is_native());
    if guests().next().is_none() {
        return case.cells.iter().map(|cell| of_cell(cell, labels)).collect();
    }
    guests().map(|cell| of_cell(cell, labels)).collect()
}

fn of_cell(cell: &CellAnalysis, labels: Labels) -> Headline {
    let name = labels.target(&cell.target);
    match &cell.state {
        CellState::Measured(measured) => of_measured(name, cell.target.is_native(), measured),
        CellState::Pending => Headline::new(name, "not measured yet".into(), ""),
        CellState::Unsupported { reason } => {
            Headline::new(name, "unsupported".into(), &format!(": {reason}"))
        }
        CellState::Failed { failure, .. } => Headline::new(
            name,
            "failed".into(),
            &format!(" during {}: {}", failure.during, failure.message),
        ),
    }
}

fn of_measured(name: String, is_native: bool, measured: &Measured) -> Headline {
    let takes = format!("{name} takes");
    if let Some(found) = measured.ratio {
        let figure = ratio(found.times_native.value);
        let interval = ratio_interval_in_brackets(&found.times_native);
        return match found.comparison {
            Comparison::Slower | Comparison::Faster => {
                Headline::new(takes, figure, &format!(" native's time{interval}"))
            }
            Comparison::NoDifferenceShown => Headline::new(
                format!("{name}: no difference from native shown,"),
                figure,
                &interval,
            ),
            Comparison::SingleRound => {
                Headline::new(takes, figure, " native's time (one round, hence no interval)")
            }
        };
    }
    match (&measured.latency, measured.cold_starts.first()) {
        (Some(latency), _) => Headline::new(
            takes,
            duration(latency.median_ns.value),
            if is_native { "" } else { "; no native figure to compare with" },
        ),
        (None, Some(cold)) => {
            Headline::new(format!("{name}: cold start only,"), duration(cold.total_ns.value), "")
        }
        (None, None) => Headline::new(name, "has no samples".into(), ""),
    }
}
