//! Targets against native, on a logarithmic axis.

use wasmfit_record::Case;

use super::Figure;
use super::axis::Axis;
use super::canvas::{Canvas, ChartError, Ink};
use super::rows::{ACROSS, Headings, MARK, Row, draw_rows, guest_of, ink_of, legend_of, told};
use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, Ratio, distinct};
use crate::format::{in_brackets, ratio, ratio_interval};

const CAPTION: &str = "Dots are medians over rounds, lines their 95% intervals, or of the level beside them; the line at 1× is native. Right of it is slower. The axis is logarithmic.";

struct Dot {
    ink: Ink,
    ratio: Ratio,
}

/// The chart of what the headlines name; `None` without any.
pub(crate) fn overview(analysis: &Analysis) -> Result<Option<Figure>, ChartError> {
    let mut headings = Headings::default();
    let mut rows = Vec::new();
    for case in analysis.cases() {
        let named = case.guests().into_iter().filter_map(|guest| case.leading(guest));
        for cell in named.flat_map(|it| &it.fastest).filter_map(|it| case.cell(it)) {
            let heading = guest_of(cell).map(|guest| format!("{} · {guest}", case.case));
            rows.extend(row(cell, heading, &mut headings));
        }
    }
    let compared = analysis.cases().flat_map(|case| &case.rankings).any(|it| it.compared > 1);
    let title = if compared {
        "Each guest’s fastest, in times native"
    } else {
        "Latency in times native"
    };
    chart(title, "Latency in times native", &rows)
}

/// The chart of every target of a case; `None` unless there are several.
pub(crate) fn ratios(case: &CaseAnalysis) -> Result<Option<Figure>, ChartError> {
    let mut headings = Headings::default();
    let rows: Vec<_> =
        case.cells.iter().filter_map(|it| row(it, guest_of(it), &mut headings)).collect();
    if rows.len() < 2 {
        return Ok(None);
    }
    let subject = format!("Latency of {} in times native", case.case);
    chart("Latency in times native", &subject, &rows)
}

/// One chart per case that several of `runs` have: each target of it in each
/// run, the earliest first.
pub(crate) fn histories(runs: &[&Analysis]) -> Result<Vec<Figure>, ChartError> {
    let cases = distinct(runs.iter().flat_map(|run| run.cases()).map(|it| &it.case));
    let charts: Result<Vec<_>, _> = cases.into_iter().map(|case| history(runs, case)).collect();
    Ok(charts?.into_iter().flatten().collect())
}

fn history(runs: &[&Analysis], case: &Case) -> Result<Option<Figure>, ChartError> {
    let targets = runs.iter().flat_map(|run| run.targets());
    let targets = distinct(targets.filter(|target| !target.is_native()));
    let mut headings = Headings::default();
    let mut rows = Vec::new();
    for target in targets {
        let of_target = runs.iter().filter_map(|run| {
            let cell = run.cases().find(|it| it.case == *case)?.cell(target)?;
            cell.measured()?.ratio.map(|_| (run, cell))
        });
        let of_target: Vec<_> = of_target.collect();
        if of_target.len() < 2 {
            continue;
        }
        for (run, cell) in of_target {
            let found = row(cell, Some(target.to_string()), &mut headings);
            rows.extend(found.map(|it| Row { name: run.started_at.clone(), ..it }));
        }
    }
    let subject = format!("Latency of {case} in times native from run to run");
    chart(&case.to_string(), &subject, &rows)
}

fn row(cell: &CellAnalysis, heading: Option<String>, headings: &mut Headings) -> Option<Row<Dot>> {
    let found = cell.measured()?.ratio?;
    let interval = in_brackets(ratio_interval(&found.times_native));
    Some(Row {
        heading: headings.next(heading),
        name: cell.target.to_string(),
        figure: format!("{}{interval}", ratio(found.times_native.value)),
        mark: Dot { ink: ink_of(cell), ratio: found },
    })
}

fn chart(title: &str, subject: &str, rows: &[Row<Dot>]) -> Result<Option<Figure>, ChartError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let ends = rows.iter().flat_map(|row| {
        let (low, high) = range(&row.mark.ratio);
        [low, high, 1.0]
    });
    let axis = Axis::logarithmic(ends, ACROSS);
    let description = format!("{subject}. {}.", told(rows));
    // A tick without the dust of floating point.
    let label = |tick: f64| format!("{}×", (tick * 1e6).round() / 1e6);
    let svg = draw_rows(rows, &axis, &description, Some(1.0), label, |canvas, dot, top| {
        draw_dot(canvas, &axis, dot, top)
    })?;
    let legend = legend_of(rows.iter().map(|row| row.mark.ink));
    Ok(Some(Figure { title: title.to_owned(), svg, legend, caption: CAPTION.to_owned() }))
}

fn range(ratio: &Ratio) -> (f64, f64) {
    let value = ratio.times_native.value;
    ratio.times_native.interval.map_or((value, value), |it| (it.low, it.high))
}

fn draw_dot(canvas: &Canvas<'_>, axis: &Axis, dot: &Dot, top: f64) -> Result<(), ChartError> {
    let y = top + MARK / 2.0 - 2.0;
    let (low, high) = range(&dot.ratio);
    canvas.line(&[(axis.at(low), y), (axis.at(high), y)], 3.0, dot.ink)?;
    canvas.dot((axis.at(dot.ratio.times_native.value), y), 5.0, dot.ink)
}
