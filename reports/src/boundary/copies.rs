//! Raw bytes in and out, against copies of as many.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::Boundary;
use wasmfit_record::{Direction, MemoryCopies, Run, Target};

use super::RAW;
use super::curves::Observed;
use crate::statistics::{Estimate, median, median_of_values};

/// A payload in and out again through a host call is to take at most so many
/// times as long as copying it twice.
pub(crate) const GOAL: f64 = 3.0;

/// A payload in and out, against copying it as often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CopyRatio {
    /// The target.
    pub target: Target,
    /// How requests reach it; none natively.
    pub boundary: Option<Boundary>,
    /// Size of the payload.
    pub payload_bytes: u64,
    /// In and out, raw: median of the launch medians.
    pub crossing_ns: Estimate,
    /// The copies, timed just before those launches: median of their medians.
    pub copies_ns: Estimate,
    /// Median over launches of the one over the other, each by the copies
    /// that were timed before it.
    pub times_copies: Estimate,
}

impl CopyRatio {
    /// Whether it keeps the goal, by its whole interval; `None` where there is
    /// none for this boundary.
    #[must_use]
    pub fn keeps_goal(&self) -> Option<bool> {
        let high = self.times_copies.interval.map_or(self.times_copies.value, |it| it.high);
        (self.boundary == Some(Boundary::HostCall)).then_some(high <= GOAL)
    }
}

pub(super) fn of(run: &Run, curves: &[Observed]) -> Vec<CopyRatio> {
    let raw = curves
        .iter()
        .filter(|it| it.curve.encoding == RAW && it.curve.direction == Direction::Both);
    raw.filter_map(|it| of_target(run, it)).collect()
}

fn of_target(run: &Run, raw: &Observed) -> Option<CopyRatio> {
    let copies_of = |copies: &MemoryCopies| -> Option<(u32, f64)> {
        let launch = run.launches.iter().find(|it| it.id == copies.launch)?;
        let cell = run.cells.get(launch.planned.cell)?;
        let walls = copies.wall_ns.iter().map(|ns| *ns as f64).collect();
        let median_ns = median(walls).filter(|ns| *ns > 0.0)?;
        (cell.target == raw.curve.target).then_some((launch.planned.round, median_ns))
    };
    let payload_bytes = run.memory_copies.first()?.bytes;
    let copies: Vec<(u32, f64)> = run.memory_copies.iter().filter_map(copies_of).collect();
    let crossings = raw.rounds.get(&payload_bytes)?;
    let pairs: Vec<(f64, f64)> = copies
        .iter()
        .filter_map(|(round, copies_ns)| Some((*crossings.get(round)?, *copies_ns)))
        .collect();
    let each =
        |of: fn(&(f64, f64)) -> f64| median_of_values(&pairs.iter().map(of).collect::<Vec<_>>());
    Some(CopyRatio {
        target: raw.curve.target.clone(),
        boundary: raw.curve.boundary,
        payload_bytes,
        crossing_ns: each(|it| it.0)?,
        copies_ns: each(|it| it.1)?,
        times_copies: each(|it| it.0 / it.1)?,
    })
}
