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
mod multinomial;
mod normal;
mod order;
mod rank;
mod sorted;

pub(crate) use bootstrap::{Round, median_of_launches, median_of_values, ratio_of_rounds};
pub(crate) use multinomial::share_of_samples;
pub(crate) use normal::two_sided_point;
pub(crate) use order::told_apart;
pub(crate) use rank::{Shift, paired, unpaired};
pub(crate) use sorted::{Sorted, median, quantile};

use serde::{Deserialize, Serialize};

/// An estimate with its uncertainty. Its unit is the one in the name of the
/// field that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Estimate {
    /// The estimate itself.
    pub value: f64,
    /// None from a single launch, which says nothing about the next one.
    pub interval: Option<Interval>,
}

/// A percentile bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How often such an interval holds the true value: 0.95, or less where
    /// it rests on too few launches for that.
    pub confidence: f64,
}

/// What intervals are made for.
const CONFIDENCE: f64 = 0.95;

/// How often an interval from so many launches holds the true median.
///
/// The range of `n` launches holds it unless all of them fall on one side of
/// it, which has a chance of 2^(1-n) (David and Nagaraja, "Order Statistics",
/// 2003, section 7.1), and a bootstrap of them is hardly wider than that.
pub(crate) fn confidence_of(launches: usize) -> f64 {
    let launches = i32::try_from(launches).unwrap_or(i32::MAX);
    CONFIDENCE.min(1.0 - 0.5_f64.powi(launches.saturating_sub(1)))
}

impl Interval {
    /// Whether it holds as often as intervals are made for.
    pub(crate) fn is_confident(self) -> bool {
        self.confidence >= CONFIDENCE
    }

    /// Whether it has a value in common with `other`.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Whether `value` lies within, the ends included.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}
