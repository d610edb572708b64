//! Every target in every case: what it costs, or why it is not there.

use wasmfit_record::Target;

use super::{Entry, Style, Table};
use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, CellState, Execution};
use crate::format::{NONE, duration, ratio};

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
    let mut table = Table::new(&["target"], &titles).followed_by(&["executed", "boundary"], &[]);
    for target in targets {
        let cell = analysis.cases().find_map(|case| case.cell(target));
        let boundary = cell.and_then(|it| it.boundary).map(|it| it.name().to_owned());
        let execution = cell.and_then(|it| it.execution).map(|it| it.name().to_owned());
        let mut row = vec![Entry::new(target.to_string())];
        row.extend(analysis.cases().map(|case| match case.cell(target) {
            Some(cell) => entry(analysis, case, cell),
            None => Entry::new(""),
        }));
        row.extend([Entry::figure(execution), Entry::figure(boundary)]);
        table.rows.push(row);
    }
    if is_long { table.turned("case") } else { table }
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
            Entry::figure(figure).style(style)
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
