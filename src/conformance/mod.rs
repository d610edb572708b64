//! Checks whether an executable speaks the runner protocol, as
//! `runners/protocol/README.md` states it: a list of checks, each about one
//! thing that the protocol asks for.
//!
//! A runner that breaks one thing is told so once: what another check has
//! found makes those that need it not tried, and no second fault.

mod checks;
mod conversation;
mod endings;
mod files;
mod limits;
mod serving;
mod trials;
mod workloads;

use serde::Serialize;

pub(crate) use self::checks::CHECKS;
pub(crate) use self::trials::Subject;

/// A thing that the protocol asks for.
pub(crate) struct Check {
    /// Its name, which stays.
    pub(crate) name: &'static str,
    /// One line: what the protocol asks for.
    pub(crate) asks: &'static str,
    probe: fn(&Subject<'_>) -> Result<(), Objection>,
}

impl Check {
    /// Tries it.
    pub(crate) fn of(&self, subject: &Subject<'_>) -> Checked {
        let outcome = match (self.probe)(subject) {
            Ok(()) => Outcome::Kept,
            Err(Objection::Broken(reason)) => Outcome::Broken { reason },
            Err(Objection::NotTried(reason)) => Outcome::NotTried { reason },
        };
        Checked { name: self.name, asks: self.asks, outcome }
    }
}

/// Why a check does not come out as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// The runner does otherwise.
    Broken(String),
    /// It could not be found out, or does not concern the runner.
    NotTried(String),
}

/// An objection unless a condition holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Objection> {
    if holds { Ok(()) } else { Err(Objection::Broken(otherwise())) }
}

/// A check, and how it came out.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    /// The check's name.
    pub(crate) name: &'static str,
    /// What the protocol asks for.
    pub(crate) asks: &'static str,
    /// How it came out.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The runner does as the protocol asks.
    Kept,
    /// It does not.
    Broken {
        /// What it did instead.
        reason: String,
    },
    /// Nothing was found out.
    NotTried {
        /// Why.
        reason: String,
    },
}
