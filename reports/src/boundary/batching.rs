//! What an item costs by how many cross together, and whether "batching is
//! orders of magnitude cheaper" holds.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::Boundary;
use wasmfit_record::{Direction, Target};

use super::curves::Observed;
use super::{RAW, break_even};
use crate::statistics::{Estimate, median_of_values};

/// Size of an item, as the items workload has it.
const ITEM_BYTES: u64 = 64;

/// Items of a batch: powers of four.
const LARGEST_BATCH: u64 = 4096;

/// Orders of magnitude, in the plural.
pub(crate) const ORDERS: f64 = 100.0;

/// What an item costs by the number of items in a crossing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Batching {
    /// The target.
    pub target: Target,
    /// How requests reach it; none natively.
    pub boundary: Option<Boundary>,
    /// Whether each item is taken apart and put together on its own, rather
    /// than all being one string of bytes.
    pub is_itemized: bool,
    /// Size of an item.
    pub item_bytes: u64,
    /// Rising by items.
    pub per_item: Vec<PerItem>,
    /// Cost of an item alone over that in the largest batch: median over
    /// rounds.
    pub gain: Estimate,
    /// Items from which the fixed cost of a crossing is at most a tenth of
    /// it; none where there is no fit.
    pub break_even_items: Option<u64>,
}

/// What an item costs in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PerItem {
    /// Items in a crossing.
    pub items: u64,
    /// Time of the crossing over them.
    pub item_ns: Estimate,
}

/// Whether a rule of thumb stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Even where each item is handled on its own.
    Holds,
    /// For the crossing, but not where each item is handled on its own.
    HoldsOnCondition,
    /// Not even for the crossing.
    DoesNotHold,
    /// The launches do not tell.
    Undecided,
}

impl Standing {
    /// What is said of the rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsOnCondition => "holds under a condition",
            Self::DoesNotHold => "does not hold",
            Self::Undecided => "undecided",
        }
    }
}

/// "Batching is orders of magnitude cheaper", on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RuleOfThumb {
    /// The target.
    pub target: Target,
    /// How requests reach it; none natively.
    pub boundary: Option<Boundary>,
    /// Whether it stands.
    pub standing: Standing,
    /// What the largest batch saves of an item's crossing.
    pub bare_gain: Estimate,
    /// What it saves where each item is handled on its own; none where that
    /// was not measured.
    pub itemized_gain: Option<Estimate>,
    /// Work per item up to which a batch without end makes an item a hundred
    /// times cheaper: a hundredth of the fixed cost, nearly; none without a
    /// fit.
    pub most_work_ns: Option<f64>,
}

/// Of raw bytes, and of items that are taken apart.
pub(super) fn of(curves: &[Observed]) -> Vec<Batching> {
    let both = curves.iter().filter(|it| it.curve.direction == Direction::Both);
    let relevant = both.filter(|it| it.curve.encoding == RAW || it.item_bytes.is_some());
    relevant.filter_map(of_curve).collect()
}

fn of_curve(observed: &Observed) -> Option<Batching> {
    let Observed { curve, item_bytes, rounds } = observed;
    let size = item_bytes.unwrap_or(ITEM_BYTES);
    let items_of = |payload: u64| {
        let items = payload / size;
        let is_batch = payload.is_multiple_of(size)
            && items.is_power_of_two()
            && items.ilog2().is_multiple_of(2)
            && items <= LARGEST_BATCH;
        is_batch.then_some(items)
    };
    let per_item: Vec<PerItem> = curve
        .points
        .iter()
        .filter_map(|point| {
            let items = items_of(point.payload_bytes)?;
            Some(PerItem { items, item_ns: divided(point.median_ns, items as f64) })
        })
        .collect();
    let (first, last) = (per_item.first()?, per_item.last()?);
    if first.items != 1 || last.items == 1 {
        return None;
    }
    let (alone, batched) = (rounds.get(&size)?, rounds.get(&(size * last.items))?);
    let gains = alone.iter().filter_map(|(round, alone_ns)| {
        let batched_ns = *batched.get(round)?;
        (batched_ns > 0.0).then(|| alone_ns * last.items as f64 / batched_ns)
    });
    let fit = curve.fit.as_ref();
    Some(Batching {
        target: curve.target.clone(),
        boundary: curve.boundary,
        is_itemized: item_bytes.is_some(),
        item_bytes: size,
        gain: median_of_values(&gains.collect::<Vec<_>>())?,
        break_even_items: fit
            .and_then(|it| break_even::items(it.fixed_ns.value, it.byte_ns.value * size as f64)),
        per_item,
    })
}

fn divided(estimate: Estimate, by: f64) -> Estimate {
    let interval = estimate.interval.map(|mut it| {
        it.low /= by;
        it.high /= by;
        it
    });
    Estimate { value: estimate.value / by, interval }
}

/// The rule on every target whose bare crossings were measured.
pub(super) fn rules(batching: &[Batching], curves: &[Observed]) -> Vec<RuleOfThumb> {
    let rule = |bare: &Batching| {
        let itemized = batching.iter().find(|it| it.is_itemized && it.target == bare.target);
        let raw = curves.iter().find(|it| {
            it.curve.encoding == RAW
                && it.curve.direction == Direction::Both
                && it.curve.target == bare.target
        });
        let fixed_ns = raw.and_then(|it| it.curve.fit.as_ref()).map(|it| it.fixed_ns.value);
        RuleOfThumb {
            target: bare.target.clone(),
            boundary: bare.boundary,
            standing: standing(bare.gain, itemized.map(|it| it.gain)),
            bare_gain: bare.gain,
            itemized_gain: itemized.map(|it| it.gain),
            // (fixed + work) / work is a hundred at fixed / 99.
            most_work_ns: fixed_ns.map(|it| it / (ORDERS - 1.0)),
        }
    };
    batching.iter().filter(|it| !it.is_itemized).map(rule).collect()
}

/// By whole intervals.
fn standing(bare: Estimate, itemized: Option<Estimate>) -> Standing {
    let ends = |it: Estimate| it.interval.map_or((it.value, it.value), |at| (at.low, at.high));
    let ((bare_low, bare_high), itemized) = (ends(bare), itemized.map(ends));
    match itemized {
        Some((low, _)) if low >= ORDERS => Standing::Holds,
        Some((_, high)) if bare_low >= ORDERS && high < ORDERS => Standing::HoldsOnCondition,
        None if bare_low >= ORDERS => Standing::HoldsOnCondition,
        _ if bare_high < ORDERS => Standing::DoesNotHold,
        _ => Standing::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Interval;

    fn gain(low: f64, high: f64) -> Estimate {
        let interval = Interval { low, high, confidence: 0.95 };
        Estimate { value: f64::midpoint(low, high), interval: Some(interval) }
    }

    #[test]
    fn a_rule_stands_by_whole_intervals() {
        for (bare, itemized, expected) in [
            (gain(900.0, 999.0), Some(gain(120.0, 150.0)), Standing::Holds),
            (gain(900.0, 999.0), Some(gain(9.0, 12.0)), Standing::HoldsOnCondition),
            (gain(900.0, 999.0), None, Standing::HoldsOnCondition),
            (gain(900.0, 999.0), Some(gain(90.0, 120.0)), Standing::Undecided),
            (gain(90.0, 120.0), Some(gain(9.0, 12.0)), Standing::Undecided),
            (gain(20.0, 30.0), Some(gain(9.0, 12.0)), Standing::DoesNotHold),
            (gain(20.0, 30.0), None, Standing::DoesNotHold),
        ] {
            assert_eq!(standing(bare, itemized), expected, "{bare:?} {itemized:?}");
        }
        let alone = Estimate { value: 500.0, interval: None };
        assert_eq!(standing(alone, Some(alone)), Standing::Holds);
    }
}
