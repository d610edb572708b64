//! Every target against native, at a glance.

use super::Figure;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, ChartError, Ink, WIDTH, draw};
use super::distribution::inks;
use crate::analysis::{Analysis, Ratio};
use crate::format::{in_brackets, ratio, ratio_interval};
use crate::labels::Labels;
use crate::statistics::Interval;

/// Height of a case's name above its targets, of a row, of the name in it,
/// and of the axis below.
const HEADING: f64 = 24.0;
const ROW: f64 = 42.0;
const NAME: f64 = 19.0;
const AXIS: f64 = 24.0;
const EDGE: f64 = 12.0;

struct Row {
    /// The case, above the first of its several targets.
    heading: Option<String>,
    /// Where it begins, below its heading.
    top: f64,
    name: String,
    figure: String,
    /// The colour of the name: context where a heading tells the case.
    name_ink: Ink,
    ratio: Ratio,
    ink: Ink,
}

/// The chart of all ratios; `None` without any.
pub(crate) fn ratios(analysis: &Analysis, labels: Labels) -> Result<Option<Figure>, ChartError> {
    let rows = rows(analysis, labels);
    if rows.is_empty() {
        return Ok(None);
    }
    let ends = rows.iter().flat_map(|row| {
        let Interval { low, high } = range(&row.ratio);
        [low, high, 1.0]
    });
    let axis = Axis::logarithmic(ends, (EDGE, WIDTH - EDGE));
    let told = rows.iter().map(|row| {
        let case = row.heading.as_ref().map(|case| format!("{case}: ")).unwrap_or_default();
        format!("{case}{}: {}", row.name, row.figure)
    });
    let told: Vec<_> = told.collect();
    let description = format!("Latency in times native. {}.", told.join("; "));
    let bottom = rows.last().map_or(0.0, |row| row.top) + ROW;
    let svg = draw(bottom + AXIS, &description, |canvas| {
        for tick in axis.ticks() {
            let x = axis.at(tick);
            draw_across(canvas, x, &rows, 1.0, Ink::Grid)?;
            let label = format!("{}×", round(tick));
            canvas.text(&label, 10, (x, bottom + 18.0), Anchor::Middle, Ink::Muted)?;
        }
        draw_across(canvas, axis.at(1.0), &rows, 2.0, Ink::Reference)?;
        rows.iter().try_for_each(|row| draw_row(canvas, &axis, row))
    })?;
    Ok(Some(Figure {
        title: "Latency in times native",
        svg,
        legend: Vec::new(),
        caption: "Dots are medians over rounds, lines their 95% intervals; the line at 1× is native. Right of it is slower.".to_owned(),
    }))
}

fn rows(analysis: &Analysis, labels: Labels) -> Vec<Row> {
    let several = analysis
        .cases()
        .any(|case| case.cells.iter().filter_map(|cell| cell.measured()?.ratio).count() > 1);
    let mut rows: Vec<Row> = Vec::new();
    let mut top = 0.0;
    for case in analysis.cases() {
        let mut heading = several.then(|| case.case.to_string());
        for (cell, ink) in case.cells.iter().zip(inks(case)) {
            let Some(found) = cell.measured().and_then(|it| it.ratio) else { continue };
            let heading = heading.take();
            if heading.is_some() {
                top += HEADING;
            }
            let target = labels.target(&cell.target);
            let (name, name_ink) =
                if several { (target, Ink::Muted) } else { (case.case.to_string(), Ink::Text) };
            let interval = in_brackets(ratio_interval(&found.times_native));
            let figure = format!("{}{interval}", ratio(found.times_native.value));
            rows.push(Row { heading, top, name, figure, name_ink, ratio: found, ink });
            top += ROW;
        }
    }
    rows
}

fn range(ratio: &Ratio) -> Interval {
    let value = ratio.times_native.value;
    ratio.times_native.interval.unwrap_or(Interval { low: value, high: value })
}

/// A vertical line across every row that spares the names between them.
fn draw_across(
    canvas: &Canvas<'_>,
    x: f64,
    rows: &[Row],
    width: f64,
    ink: Ink,
) -> Result<(), ChartError> {
    rows.iter().try_for_each(|row| {
        let top = row.top + NAME;
        canvas.line(&[(x, top + 1.0), (x, top + 17.0)], width, ink)
    })
}

fn draw_row(canvas: &Canvas<'_>, axis: &Axis, row: &Row) -> Result<(), ChartError> {
    let baseline = row.top + NAME - 2.0;
    if let Some(heading) = &row.heading {
        let above = (EDGE, baseline - NAME - 2.0);
        canvas.text(heading, 58, above, Anchor::Start, Ink::Text)?;
    }
    let room = 58_usize.saturating_sub(row.figure.chars().count());
    canvas.text(&row.name, room, (EDGE, baseline), Anchor::Start, row.name_ink)?;
    canvas.text(&row.figure, 40, (WIDTH - EDGE, baseline), Anchor::End, Ink::Text)?;
    let y = row.top + NAME + 9.0;
    let Interval { low, high } = range(&row.ratio);
    canvas.line(&[(axis.at(low), y), (axis.at(high), y)], 3.0, row.ink)?;
    canvas.dot((axis.at(row.ratio.times_native.value), y), 5.0, row.ink)
}

/// A tick without the dust of floating point.
fn round(tick: f64) -> f64 {
    (tick * 1e6).round() / 1e6
}
