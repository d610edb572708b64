//! Shares of counted samples.

use super::{CONFIDENCE, Estimate, Interval};

/// Upper point of the chi-squared distribution with one degree of freedom at
/// which one of eight shares is beyond with a chance of 5% / 8: 2.7344 squared,
/// the normal distribution's two-sided point of that chance.
const CHI_SQUARED: f64 = 7.4768;

/// The share of `count` in `total` samples of several classes, with Goodman's
/// simultaneous interval ("On simultaneous confidence intervals for
/// multinomial proportions", Technometrics 7, 1965, equation 2.8): all eight
/// classes of a profile lie within theirs in 95% of profiles.
pub(crate) fn share_of_samples(count: u64, total: u64) -> Estimate {
    if total == 0 {
        return Estimate { value: 0.0, interval: None };
    }
    let (count, total) = (count as f64, total as f64);
    let root = (CHI_SQUARED * (CHI_SQUARED + 4.0 * count * (total - count) / total)).sqrt();
    let end = |root: f64| {
        ((CHI_SQUARED + 2.0 * count + root) / (2.0 * (total + CHI_SQUARED))).clamp(0.0, 1.0)
    };
    let value = count / total;
    // At 0 and 1 rounding must not leave the share outside.
    let (low, high) = (end(-root).min(value), end(root).max(value));
    let interval = Interval { low, high, confidence: CONFIDENCE };
    Estimate { value, interval: Some(interval) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_the_intervals_of_the_formula() {
        let Estimate { value, interval } = share_of_samples(300, 1000);
        let interval = interval.expect("an interval");
        assert!((value - 0.3).abs() < 1e-12);
        // By hand: (7.4768 + 600 -+ sqrt(7.4768 * (7.4768 + 840))) / 2014.9536.
        assert!((interval.low - 0.261_98).abs() < 1e-4, "{interval:?}");
        assert!((interval.high - 0.340_99).abs() < 1e-4, "{interval:?}");
    }

    #[test]
    fn the_ends_stay_shares() {
        for (count, total) in [(0, 1), (1, 1), (0, 1000), (1000, 1000)] {
            let interval = share_of_samples(count, total).interval.expect("an interval");
            assert!(interval.low >= 0.0 && interval.high <= 1.0 && interval.low < interval.high);
            assert!(interval.contains(count as f64 / total as f64));
        }
        assert_eq!(share_of_samples(0, 0).interval, None);
    }
}
