//! Runs that belong together: two versions measured in turn, parts of a matrix.

use serde::{Deserialize, Serialize};

use crate::Environment;

/// Two versions measured in turn, launch by launch, so that both saw the same
/// machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Session {
    /// The same in the runs of both versions, and in no others.
    pub id: String,
    /// Which of them this is.
    pub side: Side,
}

/// The two sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The version to compare with.
    Base,
    /// The version in question.
    New,
}

/// A part of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Shard {
    /// Which, from 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// A run that was merged into another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShardRun {
    /// Which part of the matrix it was.
    pub shard: Shard,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// The machine it was measured on.
    pub environment: Environment,
}
