//! What a figure rests on.
//!
//! A launch is the unit of repetition: memory layout, the artifact's mapping
//! and the machine's mood are drawn once per process, so a thousand more
//! requests in the same process say little about the next one (Kalibera and
//! Jones, "Rigorous benchmarking in reasonable time", ISMM 2013). A figure is
//! therefore a median over launches, and its interval comes from resampling
//! launches first and samples within them second.
//!
//! Nothing here panics, returns NaN, or depends on the order of its samples.

mod bootstrap;
mod sorted;

pub(crate) use bootstrap::{Round, median_of_launches, median_of_values, ratio_of_rounds};
pub(crate) use sorted::{Sorted, median, quantile};

use serde::Serialize;

/// An estimate with its uncertainty. Its unit is the one in the name of the
/// field that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate itself.
    pub value: f64,
    /// 95% interval; none from a single launch, which says nothing about the
    /// next one.
    pub interval: Option<Interval>,
}

/// A 95% percentile bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies within, the ends included.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}
