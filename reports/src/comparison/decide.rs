//! What may be said of changes, all of them together.

use super::{Finding, Open};
use crate::statistics::{Shift, two_sided_point};

/// Chance of claiming anything of latencies between two equal versions, and of
/// anything else: together 1%. Latencies are what a comparison is made for, and
/// the more is tested together, the more launches a claim takes.
const CHANCE_OF_LATENCIES: f64 = 0.008;
const CHANCE_OF_OTHERS: f64 = 0.002;

/// Launches beyond which nobody would wait for a decision.
const FEASIBLE: f64 = 1000.0;

/// The shift of one measure, on a logarithmic scale, and what it rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    pub(super) shift: Shift,
    /// Launches, or pairs of them; of two sessions the fewer.
    pub(super) launches: u32,
    /// Whether it is of a latency.
    pub(super) is_latency: bool,
    /// The smallest change that counts, as a share.
    pub(super) least_effect: f64,
    /// Why nothing holds it to what the machine did, where that is so.
    pub(super) adrift: Option<Open>,
}

/// What may be said of each, and whether more launches could say no more.
pub(super) fn findings(tests: &[Test], looks: u32) -> Vec<(Finding, bool)> {
    let of = |is_latency: bool, chance: f64| {
        let tests: Vec<Test> =
            tests.iter().copied().filter(|it| it.is_latency == is_latency).collect();
        together(&tests, chance / f64::from(looks.max(1))).into_iter()
    };
    let (mut latencies, mut others) = (of(true, CHANCE_OF_LATENCIES), of(false, CHANCE_OF_OTHERS));
    let in_order =
        tests.iter().filter_map(|it| if it.is_latency { latencies.next() } else { others.next() });
    in_order.collect()
}

/// The same of tests that share `chance`.
fn together(tests: &[Test], chance: f64) -> Vec<(Finding, bool)> {
    let count = tests.len().max(1) as f64;
    let mut sorted: Vec<f64> = tests.iter().map(|it| it.shift.p_value).collect();
    sorted.sort_by(f64::total_cmp);
    // Benjamini and Hochberg: the largest p-value that is at most its share
    // of the chance, and all below it.
    let within =
        sorted.iter().enumerate().filter(|(at, p)| **p <= chance * (at + 1) as f64 / count);
    let largest = within.map(|(_, p)| *p).reduce(f64::max).unwrap_or(-1.0);
    // What is claimed under this bound stays claimed, whatever becomes of the
    // others: only then is it safe to stop.
    let alone = chance / count;
    tests.iter().map(|test| finding(test, largest, alone)).collect()
}

fn finding(test: &Test, claimed_up_to: f64, alone: f64) -> (Finding, bool) {
    let least = test.least_effect.ln_1p();
    let Shift { value, interval, p_value, .. } = test.shift;
    if value.abs() >= least && p_value <= claimed_up_to {
        let finding = if value > 0.0 { Finding::Worse } else { Finding::Better };
        return (finding, p_value <= alone);
    }
    if let Some(reason) = test.adrift {
        return (Finding::Inconclusive { reason }, false);
    }
    if interval.is_confident() && -least < interval.low && interval.high < least {
        return (Finding::Unchanged, true);
    }
    (Finding::Inconclusive { reason: open(test, least, alone) }, false)
}

/// How many launches would decide it: an interval narrows with the root of
/// their number.
fn open(test: &Test, least: f64, alone: f64) -> Open {
    let Shift { value, interval, .. } = test.shift;
    let made = f64::from(test.launches);
    let half = (interval.high - interval.low) / 2.0;
    // The interval of few launches is their range, of less confidence.
    let deviations = half / two_sided_point(1.0 - interval.confidence).max(0.1);
    let needed = if value.abs() >= least {
        let by_chance = 1.0 + (1.0 / alone).log2();
        (made * (two_sided_point(alone) * deviations / value.abs()).powi(2)).max(by_chance)
    } else {
        made * (two_sided_point(0.05) * deviations / (least - value.abs())).powi(2)
    };
    let more = (needed - made).ceil().max(1.0);
    if !more.is_finite() || more > FEASIBLE {
        return Open::AtTheLimit;
    }
    // Between 1 and a thousand.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Open::MoreLaunches { launches: more as u32 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::statistics::paired;

    fn test(differences: &[f64]) -> Test {
        let shift = paired(differences).expect("a shift");
        let launches = u32::try_from(differences.len()).expect("few");
        Test { shift, launches, is_latency: true, least_effect: 0.03, adrift: None }
    }

    /// Differences of logarithms with a spread of 4% and a long tail, as on a
    /// shared machine.
    fn noise(random: &mut ChaCha8Rng, count: usize, shift: f64) -> Vec<f64> {
        let one = |random: &mut ChaCha8Rng| {
            let spread: f64 = (0..6).map(|_| random.random_range(-0.03..0.03)).sum();
            let disturbed = random.random_range(0..10) == 0;
            let tail = if disturbed { random.random_range(-0.3..0.3) } else { 0.0 };
            shift + spread + tail
        };
        (0..count).map(|_| one(random)).collect()
    }

    #[test]
    fn equal_versions_are_hardly_ever_told_apart() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut claims = 0;
        for _ in 0..2000 {
            let tests: Vec<Test> = (0..4).map(|_| test(&noise(&mut random, 15, 0.0))).collect();
            let claimed = |(finding, _): &(Finding, bool)| {
                matches!(finding, Finding::Worse | Finding::Better)
            };
            claims += usize::from(findings(&tests, 1).iter().any(claimed));
        }
        // One comparison in a hundred at most; 30 of 2000 leaves the sampling
        // error of a fixed seed.
        assert!(claims <= 30, "{claims}");
    }

    #[test]
    fn what_is_slower_by_a_tenth_is_found() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..200 {
            let mut tests: Vec<Test> = (0..9).map(|_| test(&noise(&mut random, 48, 0.0))).collect();
            tests.push(test(&noise(&mut random, 48, 0.1)));
            let found = findings(&tests, 1);
            assert_eq!(found[9].0, Finding::Worse);
        }
    }

    #[test]
    fn a_small_change_does_not_count_however_certain() {
        let differences: Vec<f64> = (0..40).map(|at| 0.01 + f64::from(at) * 1e-6).collect();
        let found = findings(&[test(&differences)], 1);
        assert_eq!(found, [(Finding::Unchanged, true)]);
    }

    #[test]
    fn what_nothing_holds_is_claimed_only_beyond_any_drift() {
        let adrift = |shift: f64| {
            let differences: Vec<f64> = (0..20).map(|at| shift + f64::from(at) * 1e-6).collect();
            let reason = Open::NothingToHoldItTo;
            let test = Test { adrift: Some(reason), least_effect: 0.25, ..test(&differences) };
            findings(&[test], 1)[0].0
        };
        let reason = Open::NothingToHoldItTo;
        assert_eq!(adrift(0.0), Finding::Inconclusive { reason });
        assert_eq!(adrift(0.15), Finding::Inconclusive { reason });
        assert_eq!(adrift(0.4), Finding::Worse);
        assert_eq!(adrift(-0.4), Finding::Better);
    }

    #[test]
    fn few_launches_ask_for_more() {
        let found = findings(&[test(&[0.1, 0.11, 0.12, 0.1, 0.09])], 1);
        let [(Finding::Inconclusive { reason: Open::MoreLaunches { launches } }, false)] =
            found[..]
        else {
            panic!("{found:?}");
        };
        // Eight pairs can show a chance of 1 in 128, and 1 in 125 is asked for.
        assert!((2..=4).contains(&launches), "{launches}");
    }

    proptest! {
        #[test]
        fn what_is_settled_stays_so_whatever_else_is_compared(
            seed in 0..1000_u64, shift in -0.2..0.2_f64, others in 1..8_usize,
        ) {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut tests = vec![test(&noise(&mut random, 20, shift))];
            tests.extend((0..others).map(|_| test(&noise(&mut random, 20, 0.0))));
            let (finding, settled) = findings(&tests, 3)[0];
            for other in &mut tests[1..] {
                other.shift.p_value = 1.0;
            }
            if settled {
                prop_assert_eq!(findings(&tests, 3)[0].0, finding);
            }
        }
    }
}
