//! The fastest targets of a guest.
//!
//! Targets are ranked among those of one guest that execute it alike: another
//! guest is another Python over another boundary, and an interpreter beside a
//! compiler says more of the tier than of the runtime. A target with a limit is
//! left out where another has none.

use serde::{Deserialize, Serialize};
use wasmfit_record::Target;

use super::limits::contenders;
use super::{CaseAnalysis, CellAnalysis, Execution, Measured};
use crate::statistics::{Estimate, told_apart};

/// The fastest targets of a guest in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ranking {
    /// The guest.
    pub guest: String,
    /// How the targets compared execute it.
    pub execution: Execution,
    /// How many were compared.
    pub compared: usize,
    /// The fastest, and those that cannot be told apart from it, by ascending
    /// figure.
    pub fastest: Vec<Target>,
}

/// One per guest and execution of which something was measured, guests in
/// order of appearance.
pub(super) fn of(cells: &[CellAnalysis]) -> Vec<Ranking> {
    let mut groups: Vec<(&str, Execution, Vec<&CellAnalysis>)> = Vec::new();
    for cell in cells.iter().filter(|it| latency(it).is_some()) {
        let Some(execution) = cell.execution else { continue };
        let guest = cell.target.guest.as_str();
        match groups.iter_mut().find(|it| (it.0, it.1) == (guest, execution)) {
            Some((_, _, group)) => group.push(cell),
            None => groups.push((guest, execution, vec![cell])),
        }
    }
    groups
        .into_iter()
        .map(|(guest, execution, group)| {
            let group = contenders(&group);
            let (compared, fastest) = (group.len(), fastest(&group));
            Ranking { guest: guest.to_owned(), execution, compared, fastest }
        })
        .collect()
}

/// Over native where each of them has a ratio, else by time.
fn fastest(group: &[&CellAnalysis]) -> Vec<Target> {
    let ratios: Option<Vec<_>> = group.iter().map(|it| ratio(it)).collect();
    let figures = ratios.unwrap_or_else(|| group.iter().filter_map(|it| latency(it)).collect());
    let mut ranked: Vec<_> = group.iter().zip(figures).collect();
    ranked.sort_by(|(_, a), (_, b)| a.0.value.total_cmp(&b.0.value));
    let Some(first) = ranked.first().map(|(_, figure)| *figure) else { return Vec::new() };
    ranked
        .iter()
        .enumerate()
        .filter(|(position, (_, figure))| *position == 0 || !told_apart(first, *figure))
        .map(|(_, (cell, _))| cell.target.clone())
        .collect()
}

fn ratio(cell: &CellAnalysis) -> Option<(&Estimate, u32)> {
    let ratio = cell.measured()?.ratio.as_ref()?;
    Some((&ratio.times_native, ratio.rounds))
}

fn latency(cell: &CellAnalysis) -> Option<(&Estimate, u32)> {
    let latency = cell.measured().and_then(|it: &Measured| it.latency.as_ref())?;
    Some((&latency.median_ns, latency.launches))
}

impl CaseAnalysis {
    /// The ranking that a headline tells of `guest`: of its compiled targets,
    /// or of interpreted ones where no other was measured.
    #[must_use]
    pub fn leading(&self, guest: &str) -> Option<&Ranking> {
        self.rankings.iter().filter(|it| it.guest == guest).min_by_key(|it| it.execution)
    }
}
