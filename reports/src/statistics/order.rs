//! Whether one of two figures may be called the smaller.

use super::{Estimate, Interval};

/// The chance of a wrong order that is accepted.
const LARGEST_CHANCE: f64 = 0.05;

/// An estimate and how many launches it rests on.
pub(crate) type Resting<'a> = (&'a Estimate, u32);

/// Whether the figures may be ranked: their intervals have nothing in common,
/// and so many launches of equal speed would seldom fall apart like that.
pub(crate) fn told_apart((a, a_launches): Resting<'_>, (b, b_launches): Resting<'_>) -> bool {
    let apart = |a: Interval, b: Interval| !a.overlaps(b);
    a.interval.zip(b.interval).is_some_and(|(a, b)| apart(a, b))
        && chance_of_separation(a_launches, b_launches) <= LARGEST_CHANCE
}

/// How often `n` and `m` values drawn from one distribution do not mix: two
/// orders of all C(n + m, n) that are equally likely (Mann and Whitney, "On a
/// test of whether one of two random variables is stochastically larger than
/// the other", 1947).
fn chance_of_separation(n: u32, m: u32) -> f64 {
    let orders: f64 = (1..=n).map(|i| (f64::from(m) + f64::from(i)) / f64::from(i)).product();
    (2.0 / orders).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(value: f64) -> Estimate {
        let interval = Interval { low: value - 1.0, high: value + 1.0, confidence: 0.95 };
        Estimate { value, interval: Some(interval) }
    }

    #[test]
    fn chances_are_those_of_the_rank_sum_table() {
        for (n, m, expected) in [(3, 3, 0.1), (4, 4, 2.0 / 70.0), (2, 9, 2.0 / 55.0), (0, 3, 1.0)] {
            assert!((chance_of_separation(n, m) - expected).abs() < 1e-12, "{n}, {m}");
        }
    }

    #[test]
    fn order_needs_a_gap_and_launches() {
        let (small, near, large) = (around(10.0), around(11.5), around(20.0));
        assert!(told_apart((&small, 9), (&large, 9)));
        assert!(told_apart((&small, 9), (&large, 3)));
        assert!(!told_apart((&small, 3), (&large, 3)), "one in ten would be wrong");
        assert!(!told_apart((&small, 9), (&near, 9)));
        let single = Estimate { value: 20.0, interval: None };
        assert!(!told_apart((&small, 9), (&single, 1)));
    }
}
