//! What crossing the boundary costs.

use wasmfit_protocol::{Boundary, RequestPhase};
use wasmfit_record::{Direction, Target};

use super::{Entry, Style, Table};
use crate::analysis::distinct;
use crate::boundary::{
    Batching, CopyRatio, Curve, Fit, Lab, Missing, Point, RuleOfThumb, Standing,
};
use crate::format::{
    count, counted, duration, duration_interval, payload, percent, ratio, ratio_interval,
    ratio_interval_in_brackets,
};

/// What a byte costs is told of so many of them.
const KIB: f64 = 1024.0;

/// A boundary's name; native calls cross none.
const fn name_of(boundary: Option<Boundary>) -> &'static str {
    match boundary {
        Some(boundary) => boundary.name(),
        None => "native call",
    }
}

fn per_kib(fit: &Fit) -> String {
    if fit.byte_ns.value <= 0.0 {
        return "0".to_owned();
    }
    duration(fit.byte_ns.value * KIB)
}

/// One row per curve.
pub(crate) fn fits(lab: &Lab) -> Table {
    let mut table = Table::new(
        &["encoding", "direction", "target", "boundary"],
        &[
            "fixed cost",
            "95% interval",
            "per KiB",
            "GB/s",
            "error",
            "at worst",
            "largest",
            "per KiB there",
        ],
    );
    for curve in &lab.curves {
        let fit = curve.fit.as_ref();
        let largest = curve.points.last().map(|it| payload(it.payload_bytes));
        table.rows.push(vec![
            Entry::new(curve.encoding.as_str()),
            Entry::new(curve.direction.name()),
            Entry::new(curve.target.to_string()),
            Entry::new(name_of(curve.boundary)).style(Style::Quiet),
            Entry::figure(fit.map(|it| duration(it.fixed_ns.value))).style(Style::Strong),
            Entry::figure(fit.and_then(|it| duration_interval(&it.fixed_ns))),
            Entry::figure(fit.map(per_kib)).style(Style::Strong),
            Entry::figure(fit.and_then(throughput)),
            Entry::figure(fit.map(|it| percent(it.error_share))),
            Entry::figure(fit.map(|it| percent(it.worst_share))),
            Entry::figure(largest).style(Style::Quiet),
            Entry::figure(curve.points.last().and_then(per_kib_of)),
        ]);
    }
    table
}

/// Latency over payload of a point; none where there is no payload.
fn per_kib_of(point: &Point) -> Option<String> {
    let bytes = point.payload_bytes as f64;
    (bytes > 0.0).then(|| duration(point.median_ns.value / bytes * KIB))
}

/// Gigabytes of payload per second where the fixed cost is nothing: bytes per
/// nanosecond.
fn throughput(fit: &Fit) -> Option<String> {
    (fit.byte_ns.value > 0.0).then(|| format!("{:.3}", 1.0 / fit.byte_ns.value))
}

/// The same of payloads that go in and out again, as far as a terminal has
/// room.
pub(crate) fn fits_both_ways(lab: &Lab) -> Table {
    let mut table = fits(lab);
    table.rows.retain(|row| row.get(1).is_some_and(|it| it.text == Direction::Both.name()));
    table.only(&[
        "encoding",
        "target",
        "boundary",
        "fixed cost",
        "per KiB",
        "GB/s",
        "error",
        "largest",
        "per KiB there",
    ])
}

/// One row per encoding and one column per target: both ways.
pub(crate) fn overview(lab: &Lab) -> Table {
    let targets: Vec<&Target> = lab.targets.iter().map(|it| &it.target).collect();
    let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut table = Table::new(&["encoding"], &names);
    let both = || lab.curves.iter().filter(|it| it.direction == Direction::Both);
    for encoding in distinct(both().map(|it| it.encoding.as_str())) {
        let entry = |target: &&Target| {
            let curve = both().find(|it| it.encoding == encoding && it.target == **target);
            let fit = curve.and_then(|it| it.fit.as_ref());
            Entry::figure(
                fit.map(|it| format!("{} + {}", duration(it.fixed_ns.value), per_kib(it))),
            )
        };
        let row = [Entry::new(encoding)].into_iter().chain(targets.iter().map(entry));
        table.rows.push(row.collect());
    }
    table
}

/// Every payload of every curve, with its phases.
pub(crate) fn points(lab: &Lab) -> Table {
    let phases = RequestPhase::ALL.map(RequestPhase::name);
    let figures: Vec<&str> =
        ["payload", "median", "95% interval"].into_iter().chain(phases).collect();
    let mut table = Table::new(&["encoding", "direction", "target"], &figures)
        .followed_by(&[], &["launches", "samples"]);
    let rows = lab.curves.iter().flat_map(|curve| curve.points.iter().map(move |it| (curve, it)));
    for (curve, point) in rows {
        let mut row = vec![
            Entry::new(curve.encoding.as_str()),
            Entry::new(curve.direction.name()),
            Entry::new(curve.target.to_string()),
            Entry::new(payload(point.payload_bytes)),
            Entry::new(duration(point.median_ns.value)).style(Style::Strong),
            Entry::figure(duration_interval(&point.median_ns)),
        ];
        row.extend(RequestPhase::ALL.map(|phase| {
            let time = point.phases.iter().find(|it| it.phase == phase);
            Entry::figure(time.map(|it| duration(it.median_ns)))
        }));
        row.extend([
            Entry::new(count(u64::from(point.launches))).style(Style::Quiet),
            Entry::new(count(point.samples)).style(Style::Quiet),
        ]);
        table.rows.push(row);
    }
    table
}

/// What an item costs, by items in a crossing.
pub(crate) fn batching(lab: &Lab) -> Table {
    let items = distinct(lab.batching.iter().flat_map(|it| &it.per_item).map(|it| it.items));
    let titles: Vec<String> = items.iter().map(|it| counted(*it, "item", "items")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let mut table = Table::new(&["items of 64 B", "target", "boundary"], &titles)
        .followed_by(&[], &["saved", "fixed cost a tenth from"]);
    for it in &lab.batching {
        let Batching { target, boundary, is_itemized, per_item, gain, break_even_items, .. } = it;
        let mut row = vec![
            Entry::new(if *is_itemized { "each taken apart" } else { "as one string" }),
            Entry::new(target.to_string()),
            Entry::new(name_of(*boundary)).style(Style::Quiet),
        ];
        row.extend(items.iter().map(|items| {
            let cost = per_item.iter().find(|it| it.items == *items);
            Entry::figure(cost.map(|it| duration(it.item_ns.value)))
        }));
        row.push(Entry::new(ratio(gain.value)).style(Style::Strong));
        row.push(Entry::figure(break_even_items.map(|it| counted(it, "item", "items"))));
        table.rows.push(row);
    }
    table
}

/// Raw bytes in and out, against copies of as many.
pub(crate) fn copies(lab: &Lab) -> Table {
    let mut table = Table::new(
        &["target", "boundary"],
        &["payload", "in and out", "two copies", "times copies", "95% interval"],
    )
    .followed_by(&["goal of 3×"], &[]);
    for it in &lab.copies {
        let CopyRatio { target, boundary, payload_bytes, crossing_ns, copies_ns, times_copies } =
            it;
        let goal = match it.keeps_goal() {
            Some(true) => Entry::new("✓ kept"),
            Some(false) => Entry::new("✗ missed").style(Style::Bad),
            None => Entry::figure(None),
        };
        table.rows.push(vec![
            Entry::new(target.to_string()),
            Entry::new(name_of(*boundary)).style(Style::Quiet),
            Entry::new(payload(*payload_bytes)),
            Entry::new(duration(crossing_ns.value)),
            Entry::new(duration(copies_ns.value)),
            Entry::new(ratio(times_copies.value)).style(Style::Strong),
            Entry::figure(ratio_interval(times_copies)),
            goal,
        ]);
    }
    table
}

/// What becomes of the rule of thumb on each target, in a sentence.
pub(crate) fn rules(lab: &Lab) -> Vec<String> {
    lab.rules.iter().map(rule).collect()
}

fn rule(rule: &RuleOfThumb) -> String {
    let RuleOfThumb { target, boundary, standing, bare_gain, itemized_gain, most_work_ns } = rule;
    let bare = format!(
        "an item of 64 B alone costs {}{} what it costs among 4096",
        ratio(bare_gain.value),
        ratio_interval_in_brackets(bare_gain)
    );
    let itemized = itemized_gain.map_or_else(String::new, |it| {
        format!(
            ", and {}{} where each is taken apart and put together",
            ratio(it.value),
            ratio_interval_in_brackets(&it)
        )
    });
    let condition = match (standing, most_work_ns) {
        (Standing::HoldsOnCondition, Some(ns)) => {
            format!(
                "; the condition: an item takes less than {} of its own, the copying of its bytes included",
                duration(*ns)
            )
        }
        _ => String::new(),
    };
    format!(
        "“Batching is orders of magnitude cheaper” {} on {target} ({}): {bare}{itemized}{condition}.",
        standing.name(),
        name_of(*boundary),
    )
}

/// What was not measured, each reason once.
pub(crate) fn missing(lab: &Lab) -> Vec<String> {
    let reasons = distinct(lab.missing.iter().map(|it| (&it.reason, it.is_failure)));
    let told = |(reason, is_failure): (&String, bool)| {
        let of_reason = lab.missing.iter().filter(|it| it.reason == *reason);
        let places: Vec<String> = of_reason.map(place).collect();
        let what = if is_failure { "failed" } else { "not measured" };
        format!("{}: {what}: {reason}", places.join("; "))
    };
    reasons.into_iter().map(told).collect()
}

fn place(missing: &Missing) -> String {
    let Missing { encoding, payload_bytes: (low, high), target, .. } = missing;
    if low == high {
        return format!("{encoding}, {}, on {target}", payload(*low));
    }
    format!("{encoding}, {} to {}, on {target}", payload(*low), payload(*high))
}

/// What a curve is called.
pub(crate) fn title_of(curve: &Curve) -> String {
    format!("{} on {}", curve.encoding, curve.target)
}
