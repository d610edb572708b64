//! A fixed cost and a cost per byte, fitted to latencies.
//!
//! Payloads span seven orders of magnitude, and so do their latencies: plain
//! least squares would fit the largest alone. What is minimised are relative
//! residuals, the sum over payloads of `((fixed + byte · bytes − y) / y)²`,
//! which is least squares with weights `1 / y²` (Draper and Smith, "Applied
//! Regression Analysis", 1998, section 9.2). Neither cost is negative: where
//! the best one would be, it is 0 and the other is fitted alone.
//!
//! No line holds from nothing to 64 MiB. Up to a mebibyte, payload and copies
//! stay in the processor's caches and in memory that the process has; beyond,
//! bytes come from main memory, and natively from pages that the system clears
//! for every request. The fit is of payloads up to a mebibyte; the others have
//! their points.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::curves::Rounds;
use crate::statistics::{Estimate, Interval, confidence_of, median, quantile};

/// Bootstrap replicates: what Efron and Tibshirani ask for the ends of a 95%
/// interval.
const REPLICATES: usize = 1000;

/// Every fit draws from the same seed, so that it depends on its own samples
/// alone.
const SEED: u64 = 0x626f_756e_6461_7279;

/// What a 95% interval leaves out on either side.
const TAIL: f64 = 0.025;

/// The largest payload that is fitted.
const LARGEST_FITTED_BYTES: u64 = 1 << 20;

/// Two costs and their error take three payloads.
const LEAST_PAYLOADS: usize = 3;

/// What a crossing costs: `fixed_ns + byte_ns · payload_bytes`, up to a
/// mebibyte.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fit {
    /// Cost of a crossing without payload.
    pub fixed_ns: Estimate,
    /// Cost of a byte of payload.
    pub byte_ns: Estimate,
    /// Root mean square of how far the measured latencies are from the fitted
    /// ones, as a share of the measured ones.
    pub error_share: f64,
    /// The largest of them.
    pub worst_share: f64,
}

/// A fixed cost and a cost per byte.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    fixed: f64,
    byte: f64,
}

impl Line {
    /// The line of the least relative residuals through payloads and
    /// latencies; `None` without two payloads that differ.
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let points = points.iter().filter(|(_, y)| *y > 0.0);
        // Sums of the weights, times powers of x and y.
        let [w, wx, wxx, wy, wxy] = points.fold([0.0; 5], |[w, wx, wxx, wy, wxy], (x, y)| {
            let weight = 1.0 / (y * y);
            let (x_weight, y_weight) = (x * weight, y * weight);
            [w + weight, wx + x_weight, wxx + x * x_weight, wy + y_weight, wxy + x * y_weight]
        });
        let determinant = w * wxx - wx * wx;
        if determinant <= 1e-12 * w * wxx || wxx <= 0.0 {
            return None;
        }
        let fixed = (wxx * wy - wx * wxy) / determinant;
        let byte = (w * wxy - wx * wy) / determinant;
        Some(if byte < 0.0 {
            Self { fixed: wy / w, byte: 0.0 }
        } else if fixed < 0.0 {
            Self { fixed: 0.0, byte: wxy / wxx }
        } else {
            Self { fixed, byte }
        })
    }

    /// How far it is from a latency, as a share of that.
    fn residual(self, (x, y): (f64, f64)) -> f64 {
        (self.fixed + self.byte * x) / y - 1.0
    }
}

/// Fits a curve. Its intervals come from drawing rounds with replacement, so
/// that launches of one round, which saw the same machine, stay together.
pub(super) fn of(rounds: &Rounds) -> Option<Fit> {
    let rounds = rounds.iter().filter(|(bytes, _)| **bytes <= LARGEST_FITTED_BYTES);
    let rounds: &Rounds = &rounds.map(|(bytes, medians)| (*bytes, medians.clone())).collect();
    let all: Vec<u32> = rounds.values().flat_map(|it| it.keys().copied()).collect();
    let all: Vec<u32> = all.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let points = points_of(rounds, &all);
    if points.len() < LEAST_PAYLOADS {
        return None;
    }
    let line = Line::through(&points)?;
    let residuals = || points.iter().map(|point| line.residual(*point));
    let squares: f64 = residuals().map(|it| it * it).sum();
    let [fixed_ns, byte_ns] = intervals(rounds, &all, line);
    Some(Fit {
        fixed_ns,
        byte_ns,
        error_share: (squares / points.len() as f64).sqrt(),
        worst_share: residuals().map(f64::abs).fold(0.0, f64::max),
    })
}

/// Each payload with the median of what the drawn rounds showed of it.
fn points_of(rounds: &Rounds, drawn: &[u32]) -> Vec<(f64, f64)> {
    let point = |(payload, medians): (&u64, &std::collections::BTreeMap<u32, f64>)| {
        let seen: Vec<f64> = drawn.iter().filter_map(|it| medians.get(it).copied()).collect();
        Some((*payload as f64, median(seen).filter(|it| *it > 0.0)?))
    };
    rounds.iter().filter_map(point).collect()
}

fn intervals(rounds: &Rounds, all: &[u32], line: Line) -> [Estimate; 2] {
    let alone = [line.fixed, line.byte].map(|value| Estimate { value, interval: None });
    if all.len() < 2 {
        return alone;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut fixed, mut byte) = (Vec::new(), Vec::new());
    let mut drawn = all.to_vec();
    for _ in 0..REPLICATES {
        for slot in &mut drawn {
            *slot = all[random.random_range(0..all.len())];
        }
        if let Some(line) = Line::through(&points_of(rounds, &drawn)) {
            fixed.push(line.fixed);
            byte.push(line.byte);
        }
    }
    let interval = |mut values: Vec<f64>, value: f64| {
        values.sort_by(f64::total_cmp);
        let end = |share| quantile(&values, share).unwrap_or(value);
        let (low, high) = (end(TAIL).min(value), end(1.0 - TAIL).max(value));
        let confidence = confidence_of(all.len());
        Estimate { value, interval: Some(Interval { low, high, confidence }) }
    };
    [interval(fixed, line.fixed), interval(byte, line.byte)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAYLOADS: [u64; 8] = [0, 64, 1024, 16_384, 262_144, 1 << 20, 1 << 24, 1 << 26];

    /// Latencies of a line, each times a factor that payload and round decide.
    fn rounds(line: Line, count: u32, factor: impl Fn(u64, u32) -> f64) -> Rounds {
        let of = |payload: u64| {
            let latency = line.fixed + line.byte * payload as f64;
            let each = (0..count).map(|round| (round, latency * factor(payload, round)));
            (payload, each.collect())
        };
        PAYLOADS.map(of).into()
    }

    #[test]
    fn fewer_than_three_payloads_have_no_fit() {
        let mut few = rounds(Line { fixed: 100.0, byte: 0.1 }, 3, |_, _| 1.0);
        while few.len() > 2 {
            few.pop_last();
        }
        assert_eq!(of(&few), None);
        assert_eq!(of(&Rounds::new()), None);
    }

    #[test]
    fn one_round_has_no_interval() {
        let fit = of(&rounds(Line { fixed: 100.0, byte: 0.1 }, 1, |_, _| 1.0)).unwrap();
        assert_eq!((fit.fixed_ns.interval, fit.byte_ns.interval), (None, None));
    }

    #[test]
    fn a_payload_missing_from_a_round_is_fitted_by_the_others() {
        let mut holed = rounds(Line { fixed: 100.0, byte: 0.1 }, 3, |_, _| 1.0);
        holed.get_mut(&1024).unwrap().remove(&1);
        assert!((of(&holed).unwrap().fixed_ns.value - 100.0).abs() < 1e-6);
    }

    #[test]
    fn payloads_beyond_a_mebibyte_do_not_bend_the_fit() {
        let slow = |payload: u64, _: u32| if payload > 1 << 20 { 5.0 } else { 1.0 };
        let fit = of(&rounds(Line { fixed: 100.0, byte: 0.1 }, 3, slow)).unwrap();
        assert!((fit.byte_ns.value - 0.1).abs() < 1e-9 && fit.worst_share < 1e-9);
    }

    #[test]
    fn no_cost_is_negative() {
        // Falling: the larger payload is the faster one.
        let falling = Line::through(&[(0.0, 10.0), (100.0, 9.0), (200.0, 8.0)]).unwrap();
        assert!(falling.byte.abs() < 1e-12 && falling.fixed > 8.0);
        let steep = Line::through(&[(100.0, 1.0), (200.0, 3.0), (300.0, 6.0)]).unwrap();
        assert!(steep.fixed.abs() < 1e-12 && steep.byte > 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn costs_that_are_known_are_found(fixed in 50.0..100_000.0_f64, byte in 0.001..100.0_f64) {
            let fit = of(&rounds(Line { fixed, byte }, 3, |_, _| 1.0)).unwrap();
            prop_assert!((fit.fixed_ns.value / fixed - 1.0).abs() < 1e-6);
            prop_assert!((fit.byte_ns.value / byte - 1.0).abs() < 1e-6);
            prop_assert!(fit.worst_share < 1e-6 && fit.error_share <= fit.worst_share + 1e-15);
        }

        #[test]
        fn noise_moves_costs_no_further_than_itself(
            fixed in 50.0..100_000.0_f64,
            byte in 0.001..100.0_f64,
            noise in prop::collection::vec(0.95..1.05_f64, PAYLOADS.len()),
        ) {
            let at = |payload: u64| PAYLOADS.iter().position(|it| *it == payload).unwrap();
            let fit = of(&rounds(Line { fixed, byte }, 3, |payload, _| noise[at(payload)])).unwrap();
            // The best line is no worse than the true one.
            prop_assert!(fit.error_share < 0.06);
            prop_assert!((fit.fixed_ns.value / fixed - 1.0).abs() < 0.2);
            prop_assert!((fit.byte_ns.value / byte - 1.0).abs() < 0.2);
        }

        #[test]
        fn intervals_hold_the_estimate(
            fixed in 50.0..100_000.0_f64,
            byte in 0.001..100.0_f64,
            noise in prop::collection::vec(0.8..1.2_f64, 5),
        ) {
            let fit = of(&rounds(Line { fixed, byte }, 5, |_, round| noise[round as usize])).unwrap();
            for estimate in [fit.fixed_ns, fit.byte_ns] {
                prop_assert!(estimate.interval.unwrap().contains(estimate.value));
            }
            // All payloads of a round are as far off: so are both costs.
            let low = noise.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(fit.byte_ns.interval.unwrap().low >= byte * low * (1.0 - 1e-6));
        }

        #[test]
        fn units_do_not_matter(fixed in 50.0..100_000.0_f64, byte in 0.001..100.0_f64, scale in 2.0..2000.0_f64) {
            let wobble = |payload: u64, round: u32| 1.0 + 0.01 * ((payload + u64::from(round)) % 7) as f64;
            let one = of(&rounds(Line { fixed, byte }, 4, wobble)).unwrap();
            let line = Line { fixed: fixed * scale, byte: byte * scale };
            let other = of(&rounds(line, 4, wobble)).unwrap();
            prop_assert!((one.fixed_ns.value * scale / other.fixed_ns.value - 1.0).abs() < 1e-6);
            prop_assert!((one.error_share - other.error_share).abs() < 1e-9);
        }
    }
}
