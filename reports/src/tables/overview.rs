//! Every target in every case: what it costs, or why it is not there.

use wasmfit_record::Target;

use super::{Entry, Heat, Style, Table};
use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, CellState, Execution};
use crate::format::{NONE, counted, duration, ratio};

/// One row per target and one column per case, or where there are many cases
/// the other way round: targets that take none are then left to the list of
/// reasons.
pub(crate) fn overview(analysis: &Analysis) -> Table {
    let cases: Vec<_> = analysis.cases().map(|case| case.case.to_string()).collect();
    let mut targets = analysis.targets();
    let is_long = analysis.has_many_cases() && cases.len() > targets.len();
    if is_long {
        targets.retain(|target| is_supported(analysis, target));
    }
    let titles: Vec<_> = cases.iter().map(String::as_str).collect();
    let mut table = Table::new(&["target"], &titles).followed_by(&ABOUT, &[]);
    for target in targets {
        let cell = analysis.cases().find_map(|case| case.cell(target));
        let boundary = cell.and_then(|it| it.boundary).map(|it| it.name().to_owned());
        let execution = cell.and_then(|it| it.execution).map(|it| it.name().to_owned());
        let mut row = vec![Entry::new(target.to_string())];
        row.extend(analysis.cases().map(|case| match case.cell(target) {
            Some(cell) => entry(analysis, case, cell),
            None => Entry::new(""),
        }));
        let mean = geometric_mean(analysis, target)
            .map(|(mean, cases)| format!("{} ({})", ratio(mean), counted(cases, "case", "cases")));
        row.extend([Entry::figure(mean), Entry::figure(execution), Entry::figure(boundary)]);
        table.rows.push(row);
    }
    if is_long { table.turned("case", ABOUT.len()) } else { table.without_empty_columns() }
}

/// What is told of a target beside its figures.
const ABOUT: [&str; 3] = ["geometric mean", "executed", "boundary"];

/// Of the ratios in all cases that it takes, and how many those are. It says
/// nothing of any of them, and a target that takes other cases has another.
fn geometric_mean(analysis: &Analysis, target: &Target) -> Option<(f64, u64)> {
    let ratios = analysis.cases().filter_map(|case| case.cell(target)?.measured()?.ratio);
    let logarithms: Vec<f64> = ratios.map(|it| it.times_native.value.ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
    (logarithms.len() > 1 && mean.is_finite()).then(|| (mean.exp(), logarithms.len() as u64))
}

/// Whether it takes any case.
fn is_supported(analysis: &Analysis, target: &Target) -> bool {
    let cells = analysis.cases().filter_map(|case| case.cell(target));
    cells.into_iter().any(|cell| !matches!(cell.state, CellState::Unsupported { .. }))
}

fn entry(analysis: &Analysis, case: &CaseAnalysis, cell: &CellAnalysis) -> Entry {
    match &cell.state {
        CellState::Pending => Entry::new("not yet").style(Style::Quiet),
        CellState::Failed { .. } => Entry::new("✗ failed").style(Style::Bad),
        CellState::Unsupported { reason } => {
            let number = analysis.unsupported.iter().position(|it| it.reason == *reason);
            let number = number.map(|it| format!(" [{}]", it + 1)).unwrap_or_default();
            Entry::new(format!("{NONE}{number}")).style(Style::Quiet)
        }
        CellState::Measured(measured) => {
            let latency = measured.latency.as_ref().map(|it| duration(it.median_ns.value));
            let figure = measured.ratio.map(|it| ratio(it.times_native.value)).or(latency);
            let style = if leads(case, cell) { Style::Strong } else { Style::Plain };
            let heat = measured.ratio.map(|it| Heat::of(it.times_native.value));
            Entry { heat, ..Entry::figure(figure).style(style) }
        }
    }
}

/// Whether it is among the fastest compiled targets of its guest.
fn leads(case: &CaseAnalysis, cell: &CellAnalysis) -> bool {
    case.rankings
        .iter()
        .filter(|it| it.execution == Execution::Compiled)
        .any(|it| it.fastest.contains(&cell.target))
}
