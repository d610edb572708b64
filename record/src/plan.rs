//! What a run sets out to do.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Sampling, Start};

/// What a run sets out to do. Together with the cells it decides every
/// launch, so a run can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// The profile's name.
    pub profile: Profile,
    /// How often each cell is launched.
    pub rounds: u32,
    /// What a cell may take of the run's time; none in runs made before there
    /// was a budget.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// The rule by which a comparison ends; none where the rounds are all
    /// made.
    #[serde(default)]
    pub until_decided: Option<UntilDecided>,
    /// Sampling within a launch.
    pub sampling: Sampling,
    /// Limits of each job.
    pub limits: wasmfit_protocol::Limits,
    /// Seed of the order within each round.
    pub seed: u64,
    /// Every launch, in order.
    pub launches: Vec<PlannedLaunch>,
}

/// The rule by which slow cells are launched less often. A cell's launches
/// are left out once those made have taken `cell_ns`, but for the steady
/// launches of its first `least_rounds` rounds and the cold ones of its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Budget {
    /// Wall time for the launches of one cell.
    pub cell_ns: u64,
    /// Rounds that every cell gets, whatever they take.
    pub least_rounds: u32,
}

/// The rule by which a comparison with another version ends: after some rounds
/// it is looked at, and what is decided by then is launched no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UntilDecided {
    /// Wall time for all launches, of both versions.
    pub budget_ns: u64,
    /// After how many rounds it is looked at, rising. Each look is a chance to
    /// be misled, so their number is part of the evidence.
    pub looks: Vec<u32>,
    /// The smallest change that counts, as a share.
    pub least_effect: f64,
}

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A first look, and CI.
    Quick,
    /// Figures to decide by.
    Default,
    /// Figures to publish.
    Thorough,
    /// Mixes whose true split is known: `wasmfit calibrate`.
    Calibration,
    /// Every request once, natively and where asked: `wasmfit check`.
    Check,
}

impl Profile {
    /// The name used on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Default => "default",
            Self::Thorough => "thorough",
            Self::Calibration => "calibration",
            Self::Check => "check",
        }
    }
}

/// A launch that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedLaunch {
    /// Index into [`crate::Run::cells`].
    pub cell: usize,
    /// Which round, from 0.
    pub round: u32,
    /// How the interpreter comes up.
    pub start: Start,
    /// What is measured.
    pub kind: LaunchKind,
}

/// What a launch measures.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LaunchKind {
    /// Cold start only: the process ends after the first response.
    Cold,
    /// Cold start, then requests at steady state.
    Steady,
}

impl Budget {
    /// Whether `launch` is made although its cell has taken `used_ns`.
    #[must_use]
    pub fn grants(self, launch: &PlannedLaunch, used_ns: u64) -> bool {
        let always = match launch.kind {
            LaunchKind::Cold => launch.round == 0,
            LaunchKind::Steady => launch.round < self.least_rounds,
        };
        always || used_ns < self.cell_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_used_up_leaves_out_all_but_the_least() {
        let budget = Budget { cell_ns: 1000, least_rounds: 2 };
        let launch = |round, kind| PlannedLaunch { cell: 0, round, start: Start::Plain, kind };
        let granted = |used_ns| {
            let rounds = (0..4).map(|round| {
                let both = [LaunchKind::Steady, LaunchKind::Cold];
                both.map(|kind| budget.grants(&launch(round, kind), used_ns))
            });
            rounds.collect::<Vec<_>>()
        };
        assert_eq!(granted(999), [[true, true]; 4]);
        let least = [[true, true], [true, false], [false, false], [false, false]];
        assert_eq!(granted(1000), least);
    }
}
