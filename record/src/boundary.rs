//! What a lab workload measures of the boundary, and what was found.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::Boundary;

use crate::Target;

/// The crossings that a lab workload measures: `[boundary]` of its
/// `workload.toml`. Its requests are every payload in every direction, the
/// directions of one payload next to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossingPlan {
    /// How values become bytes and bytes values.
    pub encoding: String,
    /// Which way payloads go.
    pub directions: Vec<Direction>,
    /// Sizes of the payload, by batch size from 1: each list is a case of its
    /// own, so that no small payload is measured with the caches swept by a
    /// large one. What crosses may be more: see the encoding.
    pub payload_bytes: Vec<Vec<u64>>,
    /// Size of an item, where a payload is items that are taken apart and put
    /// together one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_bytes: Option<u64>,
}

/// Which way a payload goes. The other way goes next to nothing.
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
pub enum Direction {
    /// From the host into the guest.
    In,
    /// From the guest out to the host.
    Out,
    /// In, and out again.
    Both,
}

impl Direction {
    /// The name used in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Both => "both",
        }
    }
}

impl CrossingPlan {
    /// The crossings of a case, in the order of its requests.
    #[must_use]
    pub fn crossings(&self, batch: Option<u32>) -> Vec<(u64, Direction)> {
        let group = batch.unwrap_or(1).saturating_sub(1) as usize;
        let payloads = self.payload_bytes.get(group).into_iter().flatten();
        payloads
            .flat_map(|bytes| self.directions.iter().map(move |direction| (*bytes, *direction)))
            .collect()
    }
}

/// How long the machine itself took, just before a launch, to copy as many
/// bytes as cross in it: raw samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MemoryCopies {
    /// [`crate::Launch::id`] of the launch that followed.
    pub launch: u32,
    /// Bytes of one copy.
    pub bytes: u64,
    /// Copies in a sample, each from memory of its own to memory of its own.
    pub copies: u32,
    /// Wall times.
    pub wall_ns: Vec<u64>,
}

/// What a crossing of a target's boundary costs, as `wasmfit boundary` found:
/// raw bytes, in and out again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CrossingCost {
    /// The target.
    pub target: Target,
    /// Version of its runtime; the interpreter's natively.
    pub runtime_version: String,
    /// How requests reach it; none natively.
    pub boundary: Option<Boundary>,
    /// When it was measured, RFC 3339, UTC.
    pub measured_at: String,
    /// Cost of a crossing without payload.
    pub fixed_ns: f64,
    /// Ends of its bootstrap interval; none from a single launch.
    #[serde(default)]
    pub fixed_interval_ns: Option<(f64, f64)>,
    /// Cost of each byte that goes in and out again.
    pub byte_ns: f64,
    /// Root mean square of how far crossings are from that, as a share.
    pub error_share: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_crosses_with_every_payload_in_every_direction() {
        let plan = CrossingPlan {
            encoding: "raw".into(),
            directions: vec![Direction::In, Direction::Both],
            payload_bytes: vec![vec![0, 64], vec![1024]],
            item_bytes: None,
        };
        let (into, both) = (Direction::In, Direction::Both);
        assert_eq!(plan.crossings(Some(1)), [(0, into), (0, both), (64, into), (64, both)]);
        assert_eq!(plan.crossings(Some(2)), [(1024, into), (1024, both)]);
        assert_eq!(plan.crossings(None), plan.crossings(Some(1)));
        assert_eq!(plan.crossings(Some(3)), []);
    }
}
