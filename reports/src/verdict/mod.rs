//! Verdicts: should a workload be ported in a scenario, what decides it, what
//! would change it, what to do instead.
//!
//! A scenario asks for requirements. Each is held against a figure of a target
//! and passes, fails, is undecided (the budget lies within the figure's
//! interval) or unknown (there is no figure). The worst outcome makes the
//! grade of a case on a target:
//!
//! | worst outcome | grade | because |
//! |---|---|---|
//! | passed | strong | every figure keeps its budget with its whole interval |
//! | undecided | conditional | more launches could turn it over |
//! | unknown | not assessable | what was not measured is never taken for granted |
//! | failed | weak | no other figure makes up for it |
//!
//! A strong one on conditions (another Python than native's, a snapshot, some
//! batch sizes only) is conditional. A workload's verdict is that of its best
//! case and target. So no tighter budget and no worse figure ever improves a
//! verdict.

mod alternative;
mod evidence;
mod judge;
mod requirement;

use serde::{Deserialize, Serialize};
use wasmfit_record::{Case, Target};

pub use judge::judge;
pub use requirement::{Asked, Figure, Outcome, Requirement};

/// How well a workload fits a scenario, the best first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Port it: it keeps every requirement.
    Strong,
    /// Port it if the conditions are met.
    Conditional,
    /// It is not known: something that is asked for was not measured.
    NotAssessable,
    /// Do not port it for this: a requirement is missed.
    Weak,
}

impl Grade {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Strong, Self::Conditional, Self::NotAssessable, Self::Weak];

    /// The name used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Conditional => "conditional",
            Self::NotAssessable => "not assessable",
            Self::Weak => "weak",
        }
    }
}

impl Grade {
    /// Stands beside the name, so that colour says nothing alone.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Strong => "✓",
            Self::Conditional => "◐",
            Self::NotAssessable => "?",
            Self::Weak => "✗",
        }
    }

    /// The class of elements that show it.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Strong => "is-strong",
            Self::Conditional => "is-conditional",
            Self::NotAssessable => "is-unknown",
            Self::Weak => "is-weak",
        }
    }
}

/// A workload in a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    /// The workload.
    pub workload: String,
    /// The scenario's name.
    pub scenario: String,
    /// How well it fits.
    pub grade: Grade,
    /// The case on the target that fits best; none where no target was to be
    /// measured.
    pub best: Option<Best>,
    /// What it holds under, and what it would take to hold.
    pub conditions: Vec<String>,
    /// What decides it, in a sentence.
    pub reason: String,
    /// What to do instead, or beside it.
    pub alternative: Option<String>,
    /// From which batch size on the boundary no longer matters; none where the
    /// cost of a crossing is not known.
    pub batching: Option<String>,
}

/// The case on the target that fits best, held against what is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Best {
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
    /// Everything that is asked.
    pub requirements: Vec<Requirement>,
    /// Index of the requirement that decides: the worst, and of those the one
    /// with the least room.
    pub deciding: usize,
}
