//! What two runs compared show.

use super::{Entry, Style, Table};
use crate::comparison::{
    CellState, Change, ClassChange, Comparison, Finding, Measure, Open, OutputChange, SizeChange,
};
use crate::format::{duration, level, size};
use crate::statistics::Estimate;

/// How much of a change makes a class stand out that has no factor.
const GOOD_PART: f64 = 0.25;

/// A row per cell: its latency before and now.
pub(crate) fn changes(comparison: &Comparison) -> Table {
    let mut table = Table::new(
        &["case", "target", "finding"],
        &["before", "now", "change", "95% interval", "launches"],
    );
    for cell in &comparison.cells {
        let mut row = vec![Entry::new(cell.case.to_string()), Entry::new(cell.target.to_string())];
        match &cell.state {
            CellState::Compared(changes) => match changes.of(Measure::Latency) {
                Some(change) => row.extend(figures(change)),
                None => row.push(Entry::new("no requests timed")),
            },
            CellState::Broken { .. } => row.push(Entry::new("broken").style(Style::Bad)),
            CellState::Mended { .. } => row.push(Entry::new("mended").style(Style::Strong)),
            CellState::NotMeasured { .. } => {
                row.push(Entry::new("not measured").style(Style::Quiet));
            }
        }
        row.resize_with(table.columns.len(), || Entry::figure(None));
        table.rows.push(row);
    }
    table.with_quiet_repeats()
}

/// A row for each other measure of which something is to be told.
pub(crate) fn other_changes(comparison: &Comparison) -> Table {
    let mut table = Table::new(
        &["case", "target", "measure", "finding"],
        &["before", "now", "change", "95% interval", "launches"],
    );
    for (cell, change) in comparison.changes() {
        if change.measure == Measure::Latency || !change.finding.is_change() {
            continue;
        }
        let mut row = vec![
            Entry::new(cell.case.to_string()),
            Entry::new(cell.target.to_string()),
            Entry::new(change.measure.to_string()),
        ];
        row.extend(figures(change));
        table.rows.push(row);
    }
    for it in &comparison.sizes {
        table.rows.push(size_row(it));
    }
    table.with_quiet_repeats()
}

/// Of each cell that changed and was attributed, the classes that stand out:
/// those whose interval says so, and those that were next to nothing before
/// and are a good part of the change now.
pub(crate) fn class_changes(comparison: &Comparison) -> Table {
    let mut table = Table::new(
        &["case", "target", "class"],
        &["before", "now", "change", "at least 95% interval"],
    );
    for (cell, changes) in comparison.compared() {
        let latency = changes.of(Measure::Latency);
        let moved = latency.filter(|it| it.finding.is_change());
        let Some(latency) = moved else { continue };
        let whole_ns = latency.base * (latency.ratio.value - 1.0).abs();
        let stands_out = |it: &&ClassChange| {
            let part_ns = (it.new_ns - it.base_ns).abs();
            it.is_shown || (it.ratio.is_none() && part_ns >= GOOD_PART * whole_ns)
        };
        for change in changes.classes.iter().filter(stands_out) {
            let mut row =
                vec![Entry::new(cell.case.to_string()), Entry::new(cell.target.to_string())];
            row.extend(class_row(change));
            table.rows.push(row);
        }
    }
    table.with_quiet_repeats()
}

fn class_row(change: &ClassChange) -> Vec<Entry> {
    let style = if change.is_shown { Style::Strong } else { Style::Plain };
    vec![
        Entry::new(change.class.name()),
        Entry::new(duration(change.base_ns)),
        Entry::new(duration(change.new_ns)),
        Entry::figure(change.ratio.map(|it| percent_of(it.value))).style(style),
        Entry::figure(change.ratio.as_ref().and_then(interval)),
    ]
}

fn size_row(change: &SizeChange) -> Vec<Entry> {
    let ratio = change.new as f64 / change.base.max(1) as f64;
    let (finding, style) = match (change.counts, change.new > change.base) {
        (true, true) => ("larger", Style::Bad),
        (true, false) => ("smaller", Style::Strong),
        (false, _) => ("as large", Style::Quiet),
    };
    vec![
        Entry::new("all"),
        Entry::new(change.target.to_string()),
        Entry::new(format!("{} of a {} start", change.what.name(), change.start.name())),
        Entry::new(finding).style(style),
        Entry::new(size(change.base)),
        Entry::new(size(change.new)),
        Entry::new(percent_of(ratio)),
        Entry::figure(None),
        Entry::figure(None),
    ]
}

/// The finding and its figures.
fn figures(change: &Change) -> Vec<Entry> {
    let [before, now] = change.launches;
    let launches = if before == now { now.to_string() } else { format!("{before}, {now}") };
    vec![
        Entry::new(finding(change)).style(style(change.finding)),
        Entry::new(value(change, change.base)),
        Entry::new(value(change, change.new)),
        Entry::new(percent_of(change.ratio.value)),
        Entry::figure(interval(&change.ratio)),
        Entry::new(launches),
    ]
}

/// A figure of `change` in its unit.
pub(crate) fn value(change: &Change, value: f64) -> String {
    match change.measure {
        // Bytes are whole, and far below 2^63.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Measure::Memory(_) => size(value as u64),
        Measure::Latency | Measure::ColdStart(_) => duration(value),
    }
}

const fn style(finding: Finding) -> Style {
    match finding {
        Finding::Worse => Style::Bad,
        Finding::Better => Style::Strong,
        Finding::Unchanged => Style::Quiet,
        Finding::Inconclusive { .. } => Style::Plain,
    }
}

/// What may be said, in words.
pub(crate) fn finding(change: &Change) -> String {
    let is_memory = matches!(change.measure, Measure::Memory(_));
    match (change.finding, is_memory) {
        (Finding::Worse, false) => "slower".into(),
        (Finding::Worse, true) => "larger".into(),
        (Finding::Better, false) => "faster".into(),
        (Finding::Better, true) => "smaller".into(),
        (Finding::Unchanged, _) => "unchanged".into(),
        (Finding::Inconclusive { reason }, _) => match reason {
            Open::MoreLaunches { launches } => {
                let launches = crate::format::counted(u64::from(launches), "launch", "launches");
                format!("inconclusive: some {launches} more would decide it")
            }
            Open::AtTheLimit => "inconclusive: too near to the least change that counts".into(),
            Open::NothingToHoldItTo => "inconclusive: measure both in turn".into(),
            Open::NativeChanged => "inconclusive: native changed too".into(),
        },
    }
}

/// `+5.2%`, of a ratio; `2.31×` where that says it better.
pub(crate) fn percent_of(ratio: f64) -> String {
    if (0.5..2.0).contains(&ratio) {
        let percent = (ratio - 1.0) * 100.0;
        // No minus zero.
        if percent.abs() < 0.05 { "0.0%".into() } else { format!("{percent:+.1}%") }
    } else {
        crate::format::ratio(ratio)
    }
}

/// `+4.1% to +6.0%`.
pub(crate) fn interval(ratio: &Estimate) -> Option<String> {
    let interval = ratio.interval?;
    let ends = format!("{} to {}", percent_of(interval.low), percent_of(interval.high));
    let is_lower = interval.confidence < 0.95;
    Some(if is_lower { format!("{}: {ends}", level(interval.confidence)) } else { ends })
}

/// What is to be told of a cell's responses.
pub(crate) const fn output(change: OutputChange) -> Option<&'static str> {
    match change {
        OutputChange::Same => None,
        OutputChange::OtherBytes => Some("other bytes than before, within the tolerance of native"),
        OutputChange::OtherRequests => Some("asked other things than before"),
        OutputChange::NotTold => Some("not told whether the same as before"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_percent() {
        for (ratio, text) in
            [(1.0, "0.0%"), (0.9999, "0.0%"), (1.052, "+5.2%"), (0.9, "-10.0%"), (3.0, "3.00×")]
        {
            assert_eq!(percent_of(ratio), text);
        }
    }
}
