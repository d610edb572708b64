//! Figures for people: three significant digits, one unit per figure.

use crate::statistics::{Estimate, Interval};

/// Stands where there is no figure.
pub(crate) const NONE: &str = "–";

const DURATIONS: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const SIZES: [(f64, &str); 4] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];

/// `84.1 µs`, of nanoseconds.
pub(crate) fn duration(ns: f64) -> String {
    in_units(ns, &DURATIONS)
}

/// `50 ms`, of a round number of nanoseconds.
pub(crate) fn round_duration(ns: f64) -> String {
    let (size, unit) = unit_of(ns, &DURATIONS);
    format!("{} {unit}", (ns / size * 1e4).round() / 1e4)
}

/// `83.2–86.0 µs` in the unit and decimals of the estimate; as
/// [`ratio_interval`].
pub(crate) fn duration_interval(estimate: &Estimate) -> Option<String> {
    let interval = estimate.interval?;
    let (size, unit) = unit_of(estimate.value, &DURATIONS);
    let decimals = decimals_of(estimate.value / size);
    let (low, high) = (interval.low / size, interval.high / size);
    Some(format!("{}{low:.decimals$}–{high:.decimals$} {unit}", lesser_level(interval)))
}

/// `98.6 MB`, of bytes, in decimal units.
pub(crate) fn size(bytes: u64) -> String {
    in_units(bytes as f64, &SIZES)
}

/// `64 B`, `16 KiB`, of a payload: a power of two in binary units.
pub(crate) fn payload(bytes: u64) -> String {
    let units = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    let fits = |(size, _): &&(u64, &str)| bytes >= *size && bytes.is_multiple_of(*size);
    match units.iter().find(fits) {
        Some((size, unit)) => format!("{} {unit}", bytes / size),
        None => format!("{bytes} B"),
    }
}

/// `2.91×`.
pub(crate) fn ratio(times: f64) -> String {
    format!("{}×", significant(times))
}

/// `2.84–3.02` in the decimals of the estimate; `75%: 2.84–3.02` where it is
/// not one of 95%.
pub(crate) fn ratio_interval(estimate: &Estimate) -> Option<String> {
    let interval = estimate.interval?;
    let decimals = decimals_of(estimate.value);
    let Interval { low, high, .. } = interval;
    Some(format!("{}{low:.decimals$}–{high:.decimals$}", lesser_level(interval)))
}

/// `75%: `, or nothing where the interval is one of 95%.
fn lesser_level(interval: Interval) -> String {
    if interval.is_confident() { String::new() } else { level(interval.confidence) + ": " }
}

/// `75%`, of how often an interval holds the true value.
pub(crate) fn level(confidence: f64) -> String {
    format!("{:.0}%", confidence * 100.0)
}

/// ` (2.84–3.02)`, or nothing.
pub(crate) fn in_brackets(interval: Option<String>) -> String {
    interval.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// ` (95%: 2.84–3.02)`, or nothing: where no caption tells what it is.
pub(crate) fn ratio_interval_in_brackets(estimate: &Estimate) -> String {
    let is_confident = estimate.interval.is_some_and(Interval::is_confident);
    let level = if is_confident { "95%: " } else { "" };
    in_brackets(ratio_interval(estimate).map(|interval| format!("{level}{interval}")))
}

/// `12.3%`, of a share from 0 to 1.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = usize::from(percent.abs() < 99.95);
    format!("{percent:.decimals$}%")
}

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 of 9`, or `9` where there are as many as were planned.
pub(crate) fn of_planned(number: u32, planned: u32) -> String {
    let made = count(u64::from(number));
    if number < planned { format!("{made} of {}", count(u64::from(planned))) } else { made }
}

/// `1 launch`, `3 launches`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `5.40e-7`, `0`.
pub(crate) fn deviation(largest: f64) -> String {
    if largest == 0.0 { "0".to_owned() } else { format!("{largest:.2e}") }
}

/// The first digits of a hash.
pub(crate) fn abbreviated(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// At most `limit` letters.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

fn in_units(value: f64, units: &[(f64, &str)]) -> String {
    let (size, unit) = unit_of(value, units);
    format!("{} {unit}", significant(value / size))
}

/// The largest unit of which `value`, once rounded to three digits, is at
/// least one.
fn unit_of<'a>(value: f64, units: &[(f64, &'a str)]) -> (f64, &'a str) {
    let fits = |(size, _): &&(f64, &'a str)| value.abs() / size >= 0.9995;
    let smallest = units.last().copied().unwrap_or((1.0, ""));
    units.iter().find(fits).copied().unwrap_or(smallest)
}

fn significant(value: f64) -> String {
    let decimals = decimals_of(value);
    format!("{value:.decimals$}")
}

/// Decimals that leave three significant digits.
fn decimals_of(value: f64) -> usize {
    match value.abs() {
        0.0 => 0,
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        size if size >= 0.09995 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_their_own_unit() {
        for (ns, expected) in [
            (0.0, "0 ns"),
            (412.0, "412 ns"),
            (999.6, "1.00 µs"),
            (84_123.0, "84.1 µs"),
            (999_499.0, "999 µs"),
            (999_600.0, "1.00 ms"),
            (9_996_000.0, "10.0 ms"),
            (31_400_000_000.0, "31.4 s"),
            (300e9, "300 s"),
            (-2_500.0, "-2.50 µs"),
        ] {
            assert_eq!(duration(ns), expected);
        }
    }

    #[test]
    fn intervals_follow_their_estimate() {
        let interval = Some(Interval { low: 983.0, high: 1_026.0, confidence: 0.95 });
        let estimate = Estimate { value: 1_004.0, interval };
        assert_eq!(duration_interval(&estimate).unwrap(), "0.98–1.03 µs");
        assert_eq!(duration_interval(&Estimate { interval: None, ..estimate }), None);
        let few = Interval { low: 983.0, high: 1_026.0, confidence: 0.75 };
        let few = Estimate { value: 1_004.0, interval: Some(few) };
        assert_eq!(duration_interval(&few).unwrap(), "75%: 0.98–1.03 µs");
        assert_eq!(ratio_interval_in_brackets(&few), " (75%: 983–1026)");
        let interval = Some(Interval { low: 2.836, high: 3.0201, confidence: 0.95 });
        assert_eq!(ratio_interval(&Estimate { value: 2.9, interval }).unwrap(), "2.84–3.02");
        let estimate = Estimate { value: 2.9, interval };
        assert_eq!(ratio_interval_in_brackets(&estimate), " (95%: 2.84–3.02)");
        assert_eq!(in_brackets(Some("1–2".to_owned())), " (1–2)");
        assert_eq!(in_brackets(None), "");
    }

    #[test]
    fn other_figures() {
        assert_eq!(round_duration(50_000_000.0), "50 ms");
        assert_eq!(round_duration(2_500.000_000_1), "2.5 µs");
        assert_eq!(ratio(2.914), "2.91×");
        assert_eq!(ratio(141.2), "141×");
        assert_eq!(ratio(0.9121), "0.912×");
        assert_eq!(size(98_600_000), "98.6 MB");
        assert_eq!(size(0), "0 B");
        assert_eq!(
            [0, 64, 4096, 1536, 1 << 26].map(payload),
            ["0 B", "64 B", "4 KiB", "1536 B", "64 MiB"]
        );
        assert_eq!(percent(0.1234), "12.3%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "launch", "launches"), "1 launch");
        assert_eq!(deviation(5.4e-7), "5.40e-7");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
    }
}
