//! What the machine itself takes to copy bytes: what a crossing of the
//! boundary is held against.

use std::hint::black_box;

use wasmfit_protocol::monotonic_ns;
use wasmfit_record::{CrossingPlan, Direction, MemoryCopies};

/// The payload that is held against copies of itself.
const BYTES: usize = 1 << 20;

/// A payload that goes in and out has to be copied twice.
const COPIES: usize = 2;

/// Samples before a launch: some milliseconds.
const SAMPLES: usize = 101;

/// Whether a case's crossings are held against copies: raw bytes alone, whose
/// cost is that of the boundary.
pub(crate) fn is_reference_of(plan: &CrossingPlan, batch: Option<u32>) -> bool {
    plan.encoding == "raw" && plan.crossings(batch).contains(&(BYTES as u64, Direction::Both))
}

/// Times copies, each from memory of its own to memory of its own. All of it
/// has been written before, so that no sample pays for pages.
pub(crate) fn measure(launch: u32) -> MemoryCopies {
    let memory = |fill: usize| vec![u8::try_from(fill % 251).unwrap_or(1); BYTES];
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> =
        (1..=COPIES).map(|pair| (memory(pair), memory(100 + pair))).collect();
    let mut sample = || {
        let began_ns = monotonic_ns();
        for (from, to) in &mut pairs {
            to.copy_from_slice(black_box(from));
            black_box(to);
        }
        monotonic_ns() - began_ns
    };
    // The first finds no cache warm.
    sample();
    MemoryCopies {
        launch,
        bytes: BYTES as u64,
        copies: u32::try_from(COPIES).unwrap_or(u32::MAX),
        wall_ns: (0..SAMPLES).map(|_| sample()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_takes_time() {
        let copies = measure(7);
        assert_eq!((copies.launch, copies.wall_ns.len()), (7, SAMPLES));
        assert!(copies.wall_ns.iter().all(|ns| *ns > 0));
    }

    #[test]
    fn raw_bytes_of_that_size_both_ways_are_held_against_copies() {
        let plan = |encoding: &str, direction| CrossingPlan {
            encoding: encoding.into(),
            directions: vec![direction],
            payload_bytes: vec![vec![64], vec![BYTES as u64]],
            item_bytes: None,
        };
        assert!(is_reference_of(&plan("raw", Direction::Both), Some(2)));
        assert!(!is_reference_of(&plan("raw", Direction::Both), Some(1)));
        assert!(!is_reference_of(&plan("raw", Direction::In), Some(2)));
        assert!(!is_reference_of(&plan("json", Direction::Both), Some(2)));
    }
}
