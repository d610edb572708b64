//! Shifts between two samples of launches, by ranks: exact for any number of
//! launches and any distribution, however long its tail.
//!
//! Launches in pairs are compared by Wilcoxon's signed-rank test, those of two
//! sessions by his rank-sum test ("Individual comparisons by ranking
//! methods", Biometrics Bulletin 1, 1945). The shift is the estimator that
//! belongs to each test and its interval holds the shifts that the test does
//! not reject (Hodges and Lehmann, "Estimates of location based on rank
//! tests", Annals of Mathematical Statistics 34, 1963). Under no change a
//! launch of either version may as well be one of the other, which is all that
//! the tests assume. A percentile bootstrap cannot say what is asked here:
//! where ten differences have one sign by chance, as happens once in 512 times,
//! so has every resample of them, and the bootstrap is certain.

use std::cmp::Ordering;

use super::normal::normal_at_most;
use super::{CONFIDENCE, Interval, median};

/// Ranks beyond which the normal approximation takes over: exact counting
/// would take longer than a launch and change no digit that is shown.
const EXACT_PAIRS: usize = 150;
const EXACT_PRODUCT: usize = 900;

/// How far the second sample lies from the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    /// The estimate.
    pub(crate) value: f64,
    /// The shifts that are not rejected.
    pub(crate) interval: Interval,
    /// Chance of so large a shift when there is none, two-sided.
    pub(crate) p_value: f64,
    /// The smallest such chance that so many launches could show.
    pub(crate) least_p_value: f64,
}

/// The shift within pairs, of which `differences` has one each; `None` from
/// fewer than two.
pub(crate) fn paired(differences: &[f64]) -> Option<Shift> {
    if differences.len() < 2 {
        return None;
    }
    let mut averages: Vec<f64> = Vec::new();
    for (at, one) in differences.iter().enumerate() {
        averages.extend(differences[at..].iter().map(|other| f64::midpoint(*one, *other)));
    }
    averages.sort_by(f64::total_cmp);
    let count = differences.len();
    let untied: Vec<u64> = (1..=count as u64).map(|rank| 2 * rank).collect();
    // Pairs without a difference say nothing of its direction.
    let moved: Vec<f64> = differences.iter().copied().filter(|it| *it != 0.0).collect();
    let magnitudes: Vec<f64> = moved.iter().map(|it| it.abs()).collect();
    let ranks = doubled_ranks(&magnitudes);
    let risen = moved.iter().zip(&ranks).filter(|(it, _)| **it > 0.0);
    let rank_sum = risen.map(|(_, rank)| *rank).sum();
    Some(Shift {
        value: median(averages.clone())?,
        interval: not_rejected(&averages, &SignedRanks::new(&untied)),
        p_value: SignedRanks::new(&ranks).two_sided(rank_sum),
        least_p_value: SignedRanks::new(&untied).two_sided(0),
    })
}

/// The shift from `base` to `new`; `None` where either has fewer than two.
pub(crate) fn unpaired(base: &[f64], new: &[f64]) -> Option<Shift> {
    if base.len() < 2 || new.len() < 2 {
        return None;
    }
    let mut differences: Vec<f64> =
        new.iter().flat_map(|new| base.iter().map(move |base| new - base)).collect();
    differences.sort_by(f64::total_cmp);
    let pooled: Vec<f64> = new.iter().chain(base).copied().collect();
    let ranks = doubled_ranks(&pooled);
    let untied: Vec<u64> = (1..=pooled.len() as u64).map(|rank| 2 * rank).collect();
    let least: u64 = untied[..new.len()].iter().sum();
    let counts = RankSums::new(&untied, new.len());
    Some(Shift {
        value: median(differences.clone())?,
        interval: not_rejected(&differences, &Shifted { least, of: &counts }),
        p_value: RankSums::new(&ranks, new.len()).two_sided(ranks[..new.len()].iter().sum()),
        least_p_value: counts.two_sided(least),
    })
}

/// Twice the rank of each value, so that the mean ranks of ties are whole.
fn doubled_ranks(values: &[f64]) -> Vec<u64> {
    let below = |value: f64| values.iter().filter(|it| **it < value).count() as u64;
    let is_equal = |it: &&f64, value: &f64| it.partial_cmp(&value).is_some_and(Ordering::is_eq);
    let equal = |value: f64| values.iter().filter(|it| is_equal(it, &value)).count() as u64;
    values.iter().map(|value| 2 * below(*value) + equal(*value) + 1).collect()
}

/// How a sum of doubled ranks is distributed when nothing has changed.
trait Null {
    /// Chance of at most `sum`.
    fn at_most(&self, sum: u64) -> f64;
    /// Chance of at least `sum`, counted from that end: a small one would be
    /// lost in the difference from 1.
    fn at_least(&self, sum: u64) -> f64;

    /// Chance of so extreme a sum on either side.
    fn two_sided(&self, sum: u64) -> f64 {
        (2.0 * self.at_most(sum).min(self.at_least(sum))).min(1.0)
    }
}

/// Between the sorted candidates that the test does not reject: of each `k`
/// that are left out on either side, the chance is that of a sum of `k`.
fn not_rejected(candidates: &[f64], null: &impl Null) -> Interval {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let middle = candidates.len() / 2;
    let beyond = |left_out: usize| null.at_most(2 * left_out as u64);
    // As many are left out as the confidence allows.
    let rejected = (0..middle).take_while(|left_out| beyond(*left_out) <= tail).count();
    let (left_out, chance) = match rejected.checked_sub(1) {
        Some(last) => (rejected, beyond(last)),
        None => (0, 0.0),
    };
    // The range of few launches holds the shift less often than is asked for.
    let confidence =
        if left_out == 0 { 1.0 - 2.0 * beyond(0) } else { CONFIDENCE.min(1.0 - 2.0 * chance) };
    let (low, high) = (left_out.saturating_sub(1), candidates.len() - left_out.max(1));
    Interval { low: candidates[low], high: candidates[high], confidence }
}

/// Sums of the doubled ranks of those pairs that rose: each rises or falls
/// with equal chance.
struct SignedRanks {
    /// Chance of each sum; empty for so many that the normal distribution
    /// stands for it.
    chances: Vec<f64>,
    total: u64,
    squares: f64,
}

impl SignedRanks {
    fn new(doubled: &[u64]) -> Self {
        let total: u64 = doubled.iter().sum();
        let squares = doubled.iter().map(|it| (*it as f64).powi(2)).sum();
        let mut chances = Vec::new();
        if doubled.len() <= EXACT_PAIRS {
            chances = vec![0.0; index(total) + 1];
            chances[0] = 1.0;
            let mut most = 0;
            for rank in doubled.iter().map(|it| index(*it)) {
                most += rank;
                for sum in (0..=most).rev() {
                    let with = if sum >= rank { chances[sum - rank] } else { 0.0 };
                    chances[sum] = f64::midpoint(chances[sum], with);
                }
            }
        }
        Self { chances, total, squares }
    }
}

impl Null for SignedRanks {
    fn at_most(&self, sum: u64) -> f64 {
        if self.chances.is_empty() {
            return normal_at_most(sum as f64 + 1.0, self.total as f64 / 2.0, self.squares / 4.0);
        }
        self.chances.iter().take(index(sum) + 1).sum::<f64>().min(1.0)
    }

    fn at_least(&self, sum: u64) -> f64 {
        // Signs are symmetric, whatever the ranks.
        self.at_most(self.total.saturating_sub(sum))
    }
}

/// Sums of the doubled ranks of so many launches, drawn from all of them.
struct RankSums {
    chances: Vec<f64>,
    mean: f64,
    variance: f64,
}

impl RankSums {
    fn new(doubled: &[u64], drawn: usize) -> Self {
        let mut sorted = doubled.to_vec();
        sorted.sort_unstable();
        let most: u64 = sorted[sorted.len() - drawn..].iter().sum();
        let (count, others) = (drawn as f64, (doubled.len() - drawn) as f64);
        let all = count + others;
        let mean = doubled.iter().sum::<u64>() as f64 / all;
        let spread: f64 = doubled.iter().map(|it| (*it as f64 - mean).powi(2)).sum();
        // Of a sum drawn without replacement.
        let variance = count * others * spread / (all * (all - 1.0));
        let mut chances = Vec::new();
        if drawn * (doubled.len() - drawn) <= EXACT_PRODUCT {
            chances = draws(&sorted, drawn, index(most));
        }
        Self { chances, mean: mean * count, variance }
    }
}

/// Chance of each sum of `drawn` of the values.
fn draws(values: &[u64], drawn: usize, most: usize) -> Vec<f64> {
    let mut ways = vec![vec![0.0; most + 1]; drawn + 1];
    ways[0][0] = 1.0;
    for (seen, value) in values.iter().map(|it| index(*it)).enumerate() {
        for taken in (1..=drawn.min(seen + 1)).rev() {
            let (before, at) = ways.split_at_mut(taken);
            for sum in value..=most {
                at[0][sum] += before[taken - 1][sum - value];
            }
        }
    }
    let chances = ways.pop().unwrap_or_default();
    let all: f64 = chances.iter().sum();
    chances.into_iter().map(|it| it / all).collect()
}

impl Null for RankSums {
    fn at_most(&self, sum: u64) -> f64 {
        if self.chances.is_empty() {
            return normal_at_most(sum as f64 + 1.0, self.mean, self.variance);
        }
        self.chances.iter().take(index(sum) + 1).sum::<f64>().min(1.0)
    }

    fn at_least(&self, sum: u64) -> f64 {
        if self.chances.is_empty() {
            return 1.0 - normal_at_most(sum as f64 - 1.0, self.mean, self.variance);
        }
        self.chances.iter().skip(index(sum)).rev().sum::<f64>().min(1.0)
    }
}

/// The same, counted from the smallest sum.
struct Shifted<'a, N> {
    least: u64,
    of: &'a N,
}

impl<N: Null> Null for Shifted<'_, N> {
    fn at_most(&self, sum: u64) -> f64 {
        self.of.at_most(self.least + sum)
    }

    fn at_least(&self, sum: u64) -> f64 {
        self.of.at_least(self.least + sum)
    }
}

/// Sums fit into memory as indices, as their chances lie there.
fn index(sum: u64) -> usize {
    usize::try_from(sum).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_signed_rank_sum_has_the_chance_that_tables_give() {
        // Critical values of Wilcoxon's T: n = 10, T = 8: two-sided 0.048828;
        // n = 5, T = 0: 0.0625 (Hollander, Wolfe and Chicken, "Nonparametric
        // Statistical Methods", 2014, table A.4).
        let of = |count: u64| SignedRanks::new(&(1..=count).map(|it| 2 * it).collect::<Vec<_>>());
        assert!((of(10).two_sided(16) - 0.048_828_125).abs() < 1e-12);
        assert!((of(5).two_sided(0) - 0.0625).abs() < 1e-12);
        assert!((of(10).two_sided(2 * 47) - 0.048_828_125).abs() < 1e-12);
    }

    #[test]
    fn a_rank_sum_has_the_chance_that_counting_gives() {
        // Of 252 ways to draw 5 of 10 launches, 1 has the least sum.
        let shift = unpaired(&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0]);
        let shift = shift.expect("a shift");
        assert!((shift.p_value - 2.0 / 252.0).abs() < 1e-12, "{shift:?}");
        assert!((shift.least_p_value - 2.0 / 252.0).abs() < 1e-12);
        assert!((shift.value - 5.0).abs() < 1e-12);
    }

    #[test]
    fn intervals_are_those_of_the_tests() {
        // n = 10: 8 of the 55 averages are left out on either side
        // (P(T <= 8) = 0.0244), so the interval runs from the 9th to the 47th.
        let differences: Vec<f64> = (1..=10).map(|it| f64::from(it * it)).collect();
        let mut averages = Vec::new();
        for (at, one) in differences.iter().enumerate() {
            averages.extend(differences[at..].iter().map(|other| f64::midpoint(*one, *other)));
        }
        averages.sort_by(f64::total_cmp);
        let shift = paired(&differences).expect("a shift");
        assert_eq!((shift.interval.low, shift.interval.high), (averages[8], averages[46]));
        assert!((shift.interval.confidence - 0.95).abs() < 1e-12);
    }

    #[test]
    fn few_launches_have_the_interval_that_they_can_have() {
        let shift = paired(&[1.0, 2.0, 4.0]).expect("a shift");
        assert_eq!((shift.interval.low, shift.interval.high), (1.0, 4.0));
        assert!((shift.interval.confidence - 0.75).abs() < 1e-12);
        assert!((shift.p_value - 0.25).abs() < 1e-12);
        assert_eq!(paired(&[1.0]), None);
        assert_eq!(unpaired(&[1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn ties_do_not_hide_a_shift() {
        // One of 56 ways to draw 3 of 8 launches puts the three below.
        let shift = unpaired(&[1.0; 3], &[2.0; 5]).expect("a shift");
        assert!((shift.p_value - 2.0 / 56.0).abs() < 1e-12, "{shift:?}");
        let back = unpaired(&[2.0; 5], &[1.0; 3]).expect("a shift");
        assert!((back.p_value - 2.0 / 56.0).abs() < 1e-12, "{back:?}");
    }

    #[test]
    fn what_never_moves_has_not_changed() {
        let shift = paired(&[0.0; 20]).expect("a shift");
        assert!((shift.p_value - 1.0).abs() < 1e-12);
        let same = unpaired(&[3.0; 8], &[3.0; 8]).expect("a shift");
        assert!((same.p_value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_normal_distribution_continues_the_exact_one() {
        let ranks: Vec<u64> = (1..=EXACT_PAIRS as u64).map(|it| 2 * it).collect();
        let exact = SignedRanks::new(&ranks);
        let approximate = SignedRanks { chances: Vec::new(), ..SignedRanks::new(&ranks) };
        let sum = 2 * 4300;
        let (exact, approximate) = (exact.two_sided(sum), approximate.two_sided(sum));
        assert!(exact > 1e-4 && (exact / approximate - 1.0).abs() < 0.05, "{exact} {approximate}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_interval_holds_zero_unless_the_test_rejects_it(
            differences in prop::collection::vec(-100.0..100.0_f64, 6..30),
        ) {
            let shift = paired(&differences).expect("a shift");
            prop_assert!(shift.interval.contains(shift.value));
            let rejected = shift.p_value <= 1.0 - CONFIDENCE;
            prop_assert_eq!(rejected, !shift.interval.contains(0.0), "{:?}", shift);
        }

        #[test]
        fn the_same_of_two_sessions(
            base in prop::collection::vec(-100.0..100.0_f64, 5..16),
            new in prop::collection::vec(-100.0..100.0_f64, 5..16),
        ) {
            let shift = unpaired(&base, &new).expect("a shift");
            prop_assert!(shift.interval.contains(shift.value));
            let rejected = shift.p_value <= 1.0 - CONFIDENCE;
            prop_assert_eq!(rejected, !shift.interval.contains(0.0), "{:?}", shift);
            let back = unpaired(&new, &base).expect("a shift");
            prop_assert!((back.p_value - shift.p_value).abs() < 1e-9);
            prop_assert!((back.value + shift.value).abs() < 1e-9);
        }
    }
}
