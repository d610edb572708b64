//! One row per cell.

use wasmfit_protocol::Start;
use wasmfit_record::{Deviation, DeviationCause, OutputFormat, Tolerance};

use super::{Entry, Style, Table};
use crate::analysis::{
    Analysis, CaseAnalysis, CellAnalysis, CellState, Comparison, Footprint, Measured, Outputs,
    Ratio,
};
use crate::format::{
    count, deviation, duration, duration_interval, of_planned, ratio, ratio_interval, size,
};
use crate::warnings::is_disturbed;

/// Stands behind a target that was disturbed.
const DISTURBED: &str = " ‡";

/// What the mark means; none where no cell has it.
pub(crate) fn disturbed(analysis: &Analysis) -> Option<String> {
    let any = analysis.measured().any(|(_, _, measured)| is_disturbed(&measured.noise));
    any.then(|| {
        format!(
            "{} measured while processor time was stolen, had by other processes or throttled.",
            DISTURBED.trim()
        )
    })
}

/// The result table: every cell but those that are not supported.
pub(crate) fn results(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        &["case", "target", "outputs"],
        &["median", "95% interval", "× native", "95% of ratio"],
    )
    .followed_by(&["boundary"], &["launches", "samples", "p90", "p99", "CPU median"]);
    for (case, cell) in analysis.cells() {
        let mut row = name(case, cell);
        match &cell.state {
            CellState::Unsupported { .. } => continue,
            CellState::Measured(measured) => {
                row[1] = Entry::new(marked(cell, measured));
                row.extend(result(cell, measured));
            }
            CellState::Pending => row.extend(without_figures("not measured yet")),
            CellState::Failed { failure, .. } => {
                row.extend(without_figures(format!("✗ failed during {}", failure.during)));
            }
        }
        table.rows.push(row);
    }
    table.with_quiet_repeats()
}

/// Case and target.
fn name(case: &CaseAnalysis, cell: &CellAnalysis) -> Vec<Entry> {
    vec![Entry::new(case.case.to_string()), Entry::new(cell.target.to_string())]
}

/// The target, with a mark where something else took processor time while it
/// was measured.
fn marked(cell: &CellAnalysis, measured: &Measured) -> String {
    let mark = if is_disturbed(&measured.noise) { DISTURBED } else { "" };
    format!("{}{mark}", cell.target)
}

fn without_figures(why: impl Into<String>) -> Vec<Entry> {
    let why = Entry::new(why).style(Style::Bad);
    std::iter::once(why).chain((0..10).map(|_| Entry::figure(None))).collect()
}

fn result(cell: &CellAnalysis, measured: &Measured) -> [Entry; 11] {
    let latency = measured.latency.as_ref();
    let ratio_style = match measured.ratio {
        None => Style::Quiet,
        Some(Ratio { comparison: Comparison::NoDifferenceShown, .. }) => Style::Plain,
        Some(_) => Style::Strong,
    };
    let figure = Entry::figure;
    [
        verification(&measured.outputs),
        figure(latency.map(|it| duration(it.median_ns.value))).style(Style::Strong),
        figure(latency.and_then(|it| duration_interval(&it.median_ns))),
        figure(measured.ratio.map(|it| ratio(it.times_native.value))).style(ratio_style),
        figure(measured.ratio.and_then(|it| ratio_interval(&it.times_native))),
        figure(cell.boundary.map(|it| it.name().to_owned())),
        figure(latency.map(|it| of_planned(it.launches, it.launches_planned))),
        figure(latency.map(|it| count(it.samples))),
        figure(latency.and_then(|it| it.p90_ns).map(duration)),
        figure(latency.and_then(|it| it.p99_ns).map(duration)),
        figure(latency.and_then(|it| it.cpu_median_ns).map(duration)),
    ]
}

fn verification(outputs: &Outputs) -> Entry {
    match outputs {
        Outputs::Baseline => Entry::new("baseline").style(Style::Quiet),
        Outputs::Identical { .. } => Entry::new("✓ identical"),
        Outputs::WithinTolerance { .. } => Entry::new("✓ within tolerance"),
        Outputs::Unverified => Entry::new("not verified").style(Style::Bad),
    }
}

/// How far outputs are from native's.
pub(crate) fn outputs(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        &["case", "target", "outcome", "allowed"],
        &["requests", "identical", "largest |a − b|", "largest |a − b| / |b|"],
    )
    .followed_by(&["known cause"], &[]);
    for workload in &analysis.workloads {
        let tolerance = workload.record.as_ref().map(|record| record.tolerance);
        let causes = workload.record.as_ref().map_or(&[][..], |record| &record.deviations);
        let cells =
            workload.cases.iter().flat_map(|case| case.cells.iter().map(move |it| (case, it)));
        for (case, cell) in cells {
            let Some((outcome, found)) = comparison(&cell.state) else { continue };
            let mut row = name(case, cell);
            row.push(outcome);
            row.push(Entry::figure(tolerance.map(allowed)));
            row.extend([
                Entry::figure(found.map(|it| count(u64::from(it.requests)))),
                Entry::figure(found.map(|it| count(u64::from(it.identical)))),
                Entry::figure(found.map(|it| deviation(it.largest_absolute))),
                Entry::figure(found.map(|it| deviation(it.largest_relative))),
            ]);
            let differs = found.is_some_and(|it| it.identical < it.requests);
            row.push(Entry::new(if differs { causes_in_words(causes) } else { String::new() }));
            table.rows.push(row);
        }
    }
    table.with_quiet_repeats()
}

fn comparison(state: &CellState) -> Option<(Entry, Option<Deviation>)> {
    let (outputs, found) = match state {
        CellState::Failed { deviation: Some(found), .. } => {
            return Some((Entry::new("✗ beyond tolerance").style(Style::Bad), Some(*found)));
        }
        CellState::Measured(measured) => match measured.outputs {
            Outputs::Baseline => return None,
            Outputs::Identical { requests } => {
                let found = Deviation { requests, identical: requests, ..Deviation::default() };
                (measured.outputs, Some(found))
            }
            Outputs::WithinTolerance { deviation, .. } => (measured.outputs, Some(deviation)),
            Outputs::Unverified => (measured.outputs, None),
        },
        CellState::Pending | CellState::Unsupported { .. } | CellState::Failed { .. } => {
            return None;
        }
    };
    Some((verification(&outputs), found))
}

/// Why outputs differ, where the workload's author knows.
pub(super) fn causes_in_words(causes: &[DeviationCause]) -> String {
    causes.iter().map(|cause| cause.title()).collect::<Vec<_>>().join(", ")
}

pub(super) fn allowed(tolerance: Tolerance) -> String {
    let Tolerance { absolute, relative, .. } = tolerance;
    let within = |format| format!("{format}: {absolute:e} + {relative:e} |b|");
    match tolerance.format {
        OutputFormat::Bytes => "equal bytes".to_owned(),
        OutputFormat::F32 => within("f32"),
        OutputFormat::F64 => within("f64"),
        OutputFormat::Json => within("JSON"),
    }
}

/// The memory that each cell takes.
pub(crate) fn footprint(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        &["case", "target", "start"],
        &["peak resident", "of it the runner's", "linear memory"],
    );
    for (case, cell, measured) in analysis.measured() {
        for footprint in &measured.footprints {
            let mut row = name(case, cell);
            row.extend(taken_up(footprint, cell.target.is_native()));
            table.rows.push(row);
        }
    }
    table.without_empty_columns().with_quiet_repeats()
}

fn taken_up(footprint: &Footprint, is_native: bool) -> [Entry; 4] {
    [
        Entry::figure(
            (!is_native || footprint.start != Start::Plain)
                .then(|| footprint.start.name().to_owned()),
        ),
        Entry::figure(footprint.peak_resident_bytes.map(size)),
        Entry::figure(footprint.runner_bytes.map(size)),
        Entry::figure(footprint.linear_memory_bytes.map(size)),
    ]
}
