//! A requirement held against a figure.

use serde::{Deserialize, Serialize};
use wasmfit_record::{Budgets, Need};

use crate::format::{duration, ratio, size};
use crate::statistics::Estimate;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// That it runs on the target at all.
    Runs,
    /// That it answers as native does.
    SameAnswers,
    /// What the deployment cannot do without.
    Need(Need),
    /// Packages beyond the workload's own.
    Packages(Vec<String>),
    /// Median latency, nanoseconds.
    P50,
    /// 99th percentile of latency, nanoseconds.
    P99,
    /// Process start to first response, nanoseconds.
    ColdStart,
    /// Bytes deployed.
    Size,
    /// Bytes sent.
    CompressedSize,
    /// Peak resident set, bytes.
    Memory,
    /// Latency over native's.
    Slowdown,
    /// US dollars per million requests.
    CostPerMillion,
}

impl Asked {
    /// Every budget that there is, with its limit.
    pub(crate) fn limits(budgets: &Budgets) -> impl Iterator<Item = (Self, f64)> {
        let exact = |it: Option<u64>| it.map(|it| it as f64);
        let limits = [
            (Self::P50, exact(budgets.p50_ns)),
            (Self::P99, exact(budgets.p99_ns)),
            (Self::ColdStart, exact(budgets.cold_start_ns)),
            (Self::Size, exact(budgets.size_bytes)),
            (Self::CompressedSize, exact(budgets.compressed_bytes)),
            (Self::Memory, exact(budgets.memory_bytes)),
            (Self::Slowdown, budgets.slowdown),
            (Self::CostPerMillion, budgets.cost_per_million),
        ];
        limits.into_iter().filter_map(|(asked, limit)| Some((asked, limit?)))
    }

    /// What reports call it.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Runs => "running there".into(),
            Self::SameAnswers => "the same answers".into(),
            Self::Need(need) => need.name().into(),
            Self::Packages(names) => names.join(", "),
            Self::P50 => "median latency".into(),
            Self::P99 => "99th percentile of latency".into(),
            Self::ColdStart => "cold start".into(),
            Self::Size => "size".into(),
            Self::CompressedSize => "compressed size".into(),
            Self::Memory => "memory".into(),
            Self::Slowdown => "slowdown".into(),
            Self::CostPerMillion => "cost of a million requests".into(),
        }
    }

    /// A figure or a budget of it, with its unit.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes")]
    pub fn told(&self, value: f64) -> String {
        match self {
            Self::P50 | Self::P99 | Self::ColdStart => duration(value),
            Self::Size | Self::CompressedSize | Self::Memory => size(value as u64),
            Self::Slowdown => ratio(value),
            Self::CostPerMillion => format!("${value:.2}"),
            Self::Runs | Self::SameAnswers | Self::Need(_) | Self::Packages(_) => String::new(),
        }
    }
}

/// How a requirement comes out, the best first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Kept, by the whole interval.
    Passed,
    /// The budget lies within the interval, or there is none.
    Undecided,
    /// There is no figure.
    Unknown,
    /// Missed, by the whole interval.
    Failed,
}

impl Outcome {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Undecided => "undecided",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// A figure that a budget is held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// From samples: without an interval it decides nothing but a failure
    /// that is beyond doubt.
    Measured(Estimate),
    /// Counted, the same every time: a size.
    Counted(f64),
}

impl Figure {
    /// The figure itself.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::Measured(estimate) => estimate.value,
            Self::Counted(value) => value,
        }
    }

    /// How it stands to a budget.
    pub(super) fn against(self, limit: f64) -> Outcome {
        let (low, high) = match self {
            Self::Counted(value) => (value, value),
            // One launch says nothing about the next.
            Self::Measured(Estimate { interval: None, .. }) => return Outcome::Undecided,
            Self::Measured(Estimate { interval: Some(it), .. }) => (it.low, it.high),
        };
        if high <= limit {
            Outcome::Passed
        } else if low > limit {
            Outcome::Failed
        } else if low <= limit {
            Outcome::Undecided
        } else {
            // Not a number.
            Outcome::Unknown
        }
    }
}

/// A requirement of a scenario, held against a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Requirement {
    /// What is asked.
    pub asked: Asked,
    /// The budget, in the unit of what is asked; none where it is yes or no.
    pub limit: Option<f64>,
    /// What it is held against.
    pub figure: Option<Figure>,
    /// How it comes out.
    pub outcome: Outcome,
    /// What the outcome rests on, where that is no figure.
    pub because: String,
}

impl Requirement {
    /// Budget over figure: above 1 is room, below 1 is missing.
    #[must_use]
    pub fn margin(&self) -> Option<f64> {
        let (limit, figure) = (self.limit?, self.figure?.value());
        (figure > 0.0).then(|| limit / figure)
    }

    pub(super) fn budget(asked: Asked, limit: f64, figure: Option<Figure>, missing: &str) -> Self {
        let outcome = figure.map_or(Outcome::Unknown, |it| it.against(limit));
        let because = if figure.is_none() { missing } else { "" };
        Self { asked, limit: Some(limit), figure, outcome, because: because.to_owned() }
    }

    pub(super) fn fact(asked: Asked, outcome: Outcome, because: impl Into<String>) -> Self {
        Self { asked, limit: None, figure: None, outcome, because: because.into() }
    }
}
