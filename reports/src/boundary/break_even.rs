//! From how many items in a crossing its fixed cost no longer matters.

use wasmfit_record::CrossingCost;

use crate::analysis::Analysis;
use crate::format::{count, counted, duration, percent};
use crate::verdict::Best;

/// A fixed cost of at most this share of a request does not matter.
pub(crate) const LARGEST_SHARE: f64 = 0.1;

/// The smallest number of items of which a request's fixed cost is at most
/// [`LARGEST_SHARE`], each item taking `item_ns` beside it:
/// `fixed / (fixed + n · item) ≤ s` where `n ≥ (1 / s − 1) · fixed / item`.
/// `None` where an item takes nothing.
pub(super) fn items(fixed_ns: f64, item_ns: f64) -> Option<u64> {
    if item_ns <= 0.0 {
        return None;
    }
    // Rounded before it is rounded up: 9.000000001 items are 9.
    let items = ((1.0 / LARGEST_SHARE - 1.0) * fixed_ns / item_ns * 1e6).round() / 1e6;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let items = items.ceil() as u64;
    Some(items.max(1))
}

/// From which batch size on the boundary no longer matters to a workload, in
/// a sentence; `None` where the cost of a crossing is not known.
pub(crate) fn sentence(analysis: &Analysis, best: &Best) -> Option<String> {
    let own = analysis.boundary.iter().flat_map(super::Lab::crossings);
    let known = own.chain(analysis.crossings.iter().cloned());
    let cost = known.into_iter().find(|it| it.target == best.target)?;
    let case = analysis.cases().find(|it| it.case == best.case)?;
    let measured = case.cell(&best.target)?.measured()?;
    let request_ns = measured.latency.as_ref()?.median_ns.value;
    Some(told(&cost, request_ns, best.case.batch.unwrap_or(1)))
}

fn told(cost: &CrossingCost, request_ns: f64, batch: u32) -> String {
    let fixed_ns = cost.fixed_ns;
    let share = if request_ns > 0.0 { fixed_ns / request_ns } else { 1.0 };
    let crossing = format!(
        "A crossing costs {} whatever it carries, {} of a request",
        duration(fixed_ns),
        if share < 0.001 { "less than 0.1%".to_owned() } else { percent(share.min(1.0)) }
    );
    let item_ns = (request_ns - fixed_ns) / f64::from(batch.max(1));
    let Some(items) = items(fixed_ns, item_ns) else {
        return format!("{crossing}: batch as many items as there are.");
    };
    if items <= 1 {
        return format!("{crossing}: one item at a time is as good as a batch.");
    }
    let items_told = counted(items, "item", "items");
    if items <= u64::from(batch) {
        return format!(
            "{crossing} of {}: from {items_told} in a request it is at most a tenth.",
            count(u64::from(batch))
        );
    }
    format!("{crossing}: with {items_told} in a request it would be a tenth.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(fixed_ns: f64) -> CrossingCost {
        CrossingCost {
            target: "wasmtime/cranelift@cpython-3.15".parse().unwrap(),
            runtime_version: "48".into(),
            boundary: None,
            measured_at: String::new(),
            fixed_ns,
            fixed_interval_ns: None,
            byte_ns: 0.1,
            error_share: 0.0,
        }
    }

    #[test]
    fn a_tenth_of_a_request_is_where_it_breaks_even() {
        assert_eq!(items(1000.0, 9000.0), Some(1));
        assert_eq!(items(1000.0, 1000.0), Some(9));
        assert_eq!(items(1000.0, 999.0), Some(10));
        assert_eq!(items(0.0, 5.0), Some(1));
        assert_eq!(items(1000.0, 0.0), None);
        assert_eq!(items(1000.0, -5.0), None);
    }

    #[test]
    fn every_case_has_its_sentence() {
        for (request_ns, batch, expected) in [
            (
                1e6,
                1,
                "1.00 µs whatever it carries, 0.1% of a request: one item at a time is as good as a batch.",
            ),
            (
                1e8,
                1,
                "1.00 µs whatever it carries, less than 0.1% of a request: one item at a time is as good as a batch.",
            ),
            (
                2000.0,
                1,
                "1.00 µs whatever it carries, 50.0% of a request: with 9 items in a request it would be a tenth.",
            ),
            (
                17_000.0,
                16,
                "1.00 µs whatever it carries, 5.9% of a request of 16: from 9 items in a request it is at most a tenth.",
            ),
            (
                900.0,
                1,
                "1.00 µs whatever it carries, 100% of a request: batch as many items as there are.",
            ),
        ] {
            assert_eq!(
                told(&cost(1000.0), request_ns, batch),
                format!("A crossing costs {expected}")
            );
        }
    }

    proptest! {
        #[test]
        fn one_item_fewer_would_be_too_few(fixed in 1.0..1e7_f64, item in 1.0..1e7_f64) {
            let found = items(fixed, item).unwrap();
            let share = |items: u64| fixed / (fixed + items as f64 * item);
            prop_assert!(share(found) <= LARGEST_SHARE * (1.0 + 1e-6));
            prop_assert!(found == 1 || share(found - 1) > LARGEST_SHARE * (1.0 - 1e-6));
        }
    }
}
