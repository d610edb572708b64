//! Intervals by the percentile bootstrap (Efron and Tibshirani, "An
//! Introduction to the Bootstrap", 1993, chapter 13), hierarchical: launches
//! are resampled, and samples within each of them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use super::sorted::{median_of_sorted, quantile};
use super::{Estimate, Interval, Sorted, confidence_of};

/// Bootstrap replicates. Efron and Tibshirani ask for 1000 at least for the
/// ends of a 95% interval.
const REPLICATES: usize = 4000;

/// Every interval draws from the same seed, so a figure depends on its own
/// samples alone and not on what else the run measured.
const SEED: u64 = 0x7761_736d_6669_7421;

/// What a 95% interval leaves out on either side.
const TAIL: f64 = 0.025;

/// The launches of a target and of native that ran next to each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round<'a> {
    pub(crate) target: &'a Sorted,
    pub(crate) native: &'a Sorted,
}

/// The median of launch medians; `None` without launches.
pub(crate) fn median_of_launches(launches: &[&Sorted]) -> Option<Estimate> {
    let value = super::median(launches.iter().map(|launch| launch.median()).collect())?;
    let launches: Vec<_> = launches.iter().map(|launch| Resampled::new(launch)).collect();
    Some(estimate(value, &launches, Resampled::draw))
}

/// The median over rounds of target / native; `None` without rounds, or
/// where a native sample took no time at all.
pub(crate) fn ratio_of_rounds(rounds: &[Round<'_>]) -> Option<Estimate> {
    if rounds.iter().any(|round| round.native.smallest() == 0) {
        return None;
    }
    let ratios = rounds.iter().map(|round| round.target.median() / round.native.median());
    let value = super::median(ratios.collect())?;
    let pairs: Vec<_> = rounds
        .iter()
        .map(|round| (Resampled::new(round.target), Resampled::new(round.native)))
        .collect();
    Some(estimate(value, &pairs, |(target, native), random| {
        target.draw(random) / native.draw(random)
    }))
}

/// The median of one value per launch; `None` without any.
pub(crate) fn median_of_values(values: &[f64]) -> Option<Estimate> {
    let value = super::median(values.to_vec())?;
    Some(estimate(value, values, |value, _| *value))
}

/// Draws `units` with replacement, one value from each, and takes the
/// median, [`REPLICATES`] times.
fn estimate<T>(value: f64, units: &[T], draw: impl Fn(&T, &mut ChaCha8Rng) -> f64) -> Estimate {
    if units.len() < 2 {
        return Estimate { value, interval: None };
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = vec![0.0; units.len()];
    let mut replicates = Vec::with_capacity(REPLICATES);
    for _ in 0..REPLICATES {
        for slot in &mut drawn {
            let unit = random.random_range(0..units.len());
            *slot = draw(&units[unit], &mut random);
        }
        drawn.sort_by(f64::total_cmp);
        replicates.extend(median_of_sorted(&drawn));
    }
    replicates.sort_by(f64::total_cmp);
    let end = |share| quantile(&replicates, share).unwrap_or(value);
    // The estimate lies within all but always; where very few skewed samples
    // would put it outside, the interval is widened to hold it.
    let interval = Interval {
        low: end(TAIL).min(value),
        high: end(1.0 - TAIL).max(value),
        confidence: confidence_of(units.len()),
    };
    Estimate { value, interval: Some(interval) }
}

/// Draws the median of a resample of a launch without making the resample.
///
/// A resample of `n` sorted values with replacement takes the values at
/// `floor(n * U)` for `n` uniforms `U`, so its `m`-th smallest value is the
/// one at `floor(n * U_(m))`, and `U_(m)` is Beta(m, n + 1 - m) distributed
/// (David and Nagaraja, "Order Statistics", 2003, section 2.3). For even `n`
/// the next order statistic is the smallest of the `n - m` uniforms left
/// above `U_(m)`. Exact, and O(1) whatever `n`.
struct Resampled<'a> {
    samples: &'a Sorted,
    /// Of `U_(m)`; `None` for a single sample.
    lower_middle: Option<Beta<f64>>,
    /// `n - m` for even `n`: how many uniforms are left above `U_(m)`.
    above: Option<f64>,
}

impl<'a> Resampled<'a> {
    fn new(samples: &'a Sorted) -> Self {
        let count = samples.len();
        let middle = count.div_ceil(2);
        let lower_middle = (count > 1)
            .then(|| Beta::new(middle as f64, (count + 1 - middle) as f64).ok())
            .flatten();
        let above = count.is_multiple_of(2).then_some((count - middle) as f64);
        Self { samples, lower_middle, above }
    }

    fn draw(&self, random: &mut ChaCha8Rng) -> f64 {
        let Some(beta) = &self.lower_middle else { return self.samples.median() };
        let lower = beta.sample(random);
        let Some(above) = self.above else { return self.at(lower) };
        let uniform: f64 = random.random();
        let upper = lower + (1.0 - lower) * (1.0 - uniform.powf(1.0 / above));
        f64::midpoint(self.at(lower), self.at(upper))
    }

    fn at(&self, uniform: f64) -> f64 {
        let position = uniform * self.samples.len() as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=n")]
        self.samples.at(position as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(samples: Vec<u64>) -> Sorted {
        Sorted::new(samples).unwrap()
    }

    /// Between 2 and 8 launches of 1 to 60 samples.
    fn launches() -> impl Strategy<Value = Vec<Vec<u64>>> {
        prop::collection::vec(prop::collection::vec(1..1_000_000_u64, 1..60), 2..8)
    }

    fn estimate_of(launches: &[Vec<u64>]) -> Estimate {
        let launches: Vec<_> = launches.iter().cloned().map(sorted).collect();
        median_of_launches(&launches.iter().collect::<Vec<_>>()).unwrap()
    }

    /// The same as [`Resampled::draw`], by making the resample.
    fn naive(samples: &Sorted, random: &mut ChaCha8Rng) -> f64 {
        let count = samples.len();
        let mut resample: Vec<_> =
            (0..count).map(|_| samples.at(random.random_range(0..count))).collect();
        resample.sort_by(f64::total_cmp);
        median_of_sorted(&resample).unwrap()
    }

    #[test]
    fn order_statistics_draw_as_a_naive_bootstrap_does() {
        const DRAWS: usize = 20_000;
        for count in [2, 3, 4, 7, 10, 31, 100] {
            // Skewed, as latencies are.
            let samples = sorted((1..=count).map(|i| 1000 + i * i * i).collect());
            let mut random = ChaCha8Rng::seed_from_u64(5);
            let fast = Resampled::new(&samples);
            let mut fast: Vec<_> = (0..DRAWS).map(|_| fast.draw(&mut random)).collect();
            let mut slow: Vec<_> = (0..DRAWS).map(|_| naive(&samples, &mut random)).collect();
            fast.sort_by(f64::total_cmp);
            slow.sort_by(f64::total_cmp);
            // Two-sample Kolmogorov-Smirnov distance. Its 99.9% point for
            // 20,000 draws each is 0.0195; the seed is fixed.
            let below = |draws: &[f64], at: f64| draws.partition_point(|draw| *draw <= at);
            let distance =
                fast.iter().map(|&at| below(&fast, at).abs_diff(below(&slow, at))).max().unwrap();
            assert!((distance as f64) < 0.02 * DRAWS as f64, "n = {count}: {distance}");
        }
    }

    #[test]
    fn one_launch_has_no_interval() {
        let only = sorted(vec![1, 2, 3]);
        let expected = Some(Estimate { value: 2.0, interval: None });
        assert_eq!(median_of_launches(&[&only]), expected);
        assert_eq!(median_of_values(&[2.0]), expected);
    }

    #[test]
    fn nothing_has_no_estimate() {
        assert_eq!(median_of_launches(&[]), None);
        assert_eq!(ratio_of_rounds(&[]), None);
        assert_eq!(median_of_values(&[]), None);
    }

    #[test]
    fn a_native_time_of_zero_has_no_ratio() {
        let (zero, one) = (sorted(vec![0, 1, 1]), sorted(vec![1]));
        assert_eq!(ratio_of_rounds(&[Round { target: &one, native: &zero }]), None);
        let round = Round { target: &zero, native: &one };
        assert_eq!(ratio_of_rounds(&[round]), Some(Estimate { value: 1.0, interval: None }));
    }

    #[test]
    fn launches_that_differ_widen_the_interval() {
        let quiet = estimate_of(&vec![(900..1100).collect(); 8]);
        let moody: Vec<Vec<u64>> =
            (0..8).map(|launch| (900 + 50 * launch..1100 + 50 * launch).collect()).collect();
        let width = |estimate: Estimate| estimate.interval.map(|i| i.high - i.low).unwrap();
        assert!(width(estimate_of(&moody)) > 3.0 * width(quiet));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn intervals_hold_the_estimate_and_stay_within_the_samples(launches in launches()) {
            let Estimate { value, interval } = estimate_of(&launches);
            let interval = interval.unwrap();
            let all: Vec<_> = launches.iter().flatten().map(|&sample| sample as f64).collect();
            let smallest = all.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = all.iter().copied().fold(0.0, f64::max);
            prop_assert!(interval.contains(value));
            prop_assert!(smallest <= interval.low && interval.high <= largest);
        }

        #[test]
        fn the_unit_does_not_matter(launches in launches(), scale in 2..2000_u64) {
            let scaled: Vec<Vec<_>> = launches
                .iter()
                .map(|samples| samples.iter().map(|sample| sample * scale).collect())
                .collect();
            let (plain, scaled) = (estimate_of(&launches), estimate_of(&scaled));
            let near = |a: f64, b: f64| (a * scale as f64 - b).abs() <= 1e-9 * b;
            let (a, b) = (plain.interval.unwrap(), scaled.interval.unwrap());
            prop_assert!(near(plain.value, scaled.value));
            prop_assert!(near(a.low, b.low) && near(a.high, b.high));
        }

        #[test]
        fn the_order_of_samples_does_not_matter(launches in launches()) {
            let reversed: Vec<Vec<_>> =
                launches.iter().map(|samples| samples.iter().rev().copied().collect()).collect();
            prop_assert_eq!(estimate_of(&launches), estimate_of(&reversed));
        }

        #[test]
        fn a_target_is_once_itself(launches in launches()) {
            let launches: Vec<_> = launches.into_iter().map(sorted).collect();
            let rounds: Vec<_> =
                launches.iter().map(|own| Round { target: own, native: own }).collect();
            let ratio = ratio_of_rounds(&rounds).unwrap();
            prop_assert!((ratio.value - 1.0).abs() < 1e-12);
            prop_assert!(ratio.interval.unwrap().contains(1.0));
        }
    }
}
