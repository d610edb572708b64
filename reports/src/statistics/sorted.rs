//! Sorted samples and their quantiles.

/// Samples of one launch in ascending order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sorted(Vec<u64>);

impl Sorted {
    /// `None` without samples.
    pub(crate) fn new(mut samples: Vec<u64>) -> Option<Self> {
        samples.sort_unstable();
        (!samples.is_empty()).then_some(Self(samples))
    }

    /// The samples of several launches together.
    pub(crate) fn pooled(launches: &[&Self]) -> Option<Self> {
        Self::new(launches.iter().flat_map(|launch| launch.0.iter().copied()).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample.
    pub(crate) fn smallest(&self) -> u64 {
        self.0[0]
    }

    /// The sample at `position`, or the last one.
    pub(crate) fn at(&self, position: usize) -> f64 {
        self.0[position.min(self.0.len() - 1)] as f64
    }

    /// The middle sample, or the mean of the two middle ones.
    pub(crate) fn median(&self) -> f64 {
        let (lower, upper) = (self.len().div_ceil(2) - 1, self.len() / 2);
        f64::midpoint(self.at(lower), self.at(upper))
    }

    /// The `share` quantile by linear interpolation: type 7 of Hyndman and
    /// Fan, "Sample quantiles in statistical packages", 1996.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        interpolate(self.len(), share, |position| self.at(position))
    }
}

/// The median of `values`; `None` without any.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    median_of_sorted(&values)
}

/// The median of values in ascending order; `None` without any.
pub(super) fn median_of_sorted(values: &[f64]) -> Option<f64> {
    let lower = values.get(values.len().div_ceil(2).checked_sub(1)?)?;
    let upper = values.get(values.len() / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The `share` quantile of values in ascending order, as
/// [`Sorted::quantile`]; `None` without any.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    Some(interpolate(values.len(), share, |position| values[position.min(last)]))
}

fn interpolate(count: usize, share: f64, at: impl Fn(usize) -> f64) -> f64 {
    let position = share.clamp(0.0, 1.0) * (count - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..count")]
    let below = position.floor() as usize;
    let (low, high) = (at(below), at(below + 1));
    low + (high - low) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(samples: &[u64]) -> Sorted {
        Sorted::new(samples.to_vec()).unwrap()
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "small whole numbers and halves are exact")]
    fn medians_and_quantiles_of_small_samples() {
        for (samples, expected) in
            [(&[7][..], 7.0), (&[3, 1], 2.0), (&[9, 1, 5], 5.0), (&[4, 1, 3, 2], 2.5)]
        {
            let floats: Vec<_> = samples.iter().map(|&sample| sample as f64).collect();
            assert_eq!(sorted(samples).median(), expected);
            assert_eq!(sorted(samples).quantile(0.5), expected);
            assert_eq!(median(floats), Some(expected));
        }
        assert_eq!(sorted(&[0, 10]).quantile(0.9), 9.0);
        assert_eq!(Sorted::new(vec![]), None);
        assert_eq!(median(vec![]), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    proptest! {
        #[test]
        fn quantiles_stay_within_the_samples_and_rise(
            samples in prop::collection::vec(0..1_u64 << 50, 1..200),
            a in 0.0..=1.0,
            b in 0.0..=1.0,
        ) {
            let sorted = sorted(&samples);
            let (low, high) = (sorted.quantile(f64::min(a, b)), sorted.quantile(f64::max(a, b)));
            prop_assert!(sorted.at(0) <= low && low <= high && high <= sorted.at(usize::MAX));
            prop_assert!(sorted.at(0) <= sorted.median());
            prop_assert!(sorted.median() <= sorted.at(usize::MAX));
        }
    }
}
