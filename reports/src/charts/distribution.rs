//! How latency is distributed: the share of requests served within a time.

use super::Figure;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, ChartError, Ink, WIDTH, draw};
use crate::analysis::{CaseAnalysis, CellAnalysis, Latency};
use crate::format::{counted, round_duration};
use crate::labels::Labels;

/// Edges of the plotting area and height of the chart.
const LEFT: f64 = 50.0;
const RIGHT: f64 = WIDTH - 16.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 276.0;
const HEIGHT: f64 = 302.0;

/// The distribution chart of a case; `None` without samples.
pub(crate) fn distribution(
    case: &CaseAnalysis,
    labels: Labels,
) -> Result<Option<Figure>, ChartError> {
    let lines: Vec<_> = case
        .cells
        .iter()
        .zip(inks(case))
        .filter_map(|(cell, ink)| Some((cell, ink, cell.measured()?.latency.as_ref()?)))
        .collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let axis = Axis::logarithmic(
        lines.iter().flat_map(|(_, _, latency)| latency.quantiles_ns.iter().copied()),
        (LEFT, RIGHT),
    );
    let legend: Vec<_> =
        lines.iter().map(|(cell, ink, latency)| (*ink, legend_of(cell, latency, labels))).collect();
    let told: Vec<_> = legend.iter().map(|(_, text)| text.as_str()).collect();
    let description = format!("Distribution of latency of {}. {}.", case.case, told.join("; "));
    let svg = draw(HEIGHT, &description, |canvas| {
        draw_grid(canvas, &axis)?;
        for (_, ink, latency) in &lines {
            draw_line(canvas, &axis, latency, *ink)?;
        }
        Ok(())
    })?;
    Ok(Some(Figure {
        title: "Distribution of latency",
        svg,
        legend,
        caption: "Share of requests served within a time, on a logarithmic axis. The dot is the median of the launch medians; off its line, launches differed. The steeper a line, the steadier the target.".to_owned(),
    }))
}

/// The colours of a case's cells: the same in all its charts.
pub(super) fn inks(case: &CaseAnalysis) -> impl Iterator<Item = Ink> + '_ {
    let mut targets = 0..=u8::MAX;
    case.cells.iter().map(move |cell| {
        if cell.target.is_native() {
            Ink::Native
        } else {
            Ink::Target(targets.next().unwrap_or_default())
        }
    })
}

fn legend_of(cell: &CellAnalysis, latency: &Latency, labels: Labels) -> String {
    let samples = counted(latency.samples, "sample", "samples");
    format!("{}, {samples}", labels.target(&cell.target))
}

fn draw_grid(canvas: &Canvas<'_>, axis: &Axis) -> Result<(), ChartError> {
    for (share, label) in [(0.0, "0%"), (0.25, ""), (0.5, "50%"), (0.75, ""), (1.0, "100%")] {
        let y = height_of(share);
        canvas.line(&[(LEFT, y), (RIGHT, y)], 1.0, Ink::Grid)?;
        canvas.text(label, 8, (LEFT - 6.0, y + 6.0), Anchor::End, Ink::Muted)?;
    }
    for tick in axis.ticks() {
        let x = axis.at(tick);
        canvas.line(&[(x, TOP), (x, BOTTOM)], 1.0, Ink::Grid)?;
        canvas.text(&round_duration(tick), 10, (x, BOTTOM + 19.0), Anchor::Middle, Ink::Muted)?;
    }
    Ok(())
}

fn draw_line(
    canvas: &Canvas<'_>,
    axis: &Axis,
    latency: &Latency,
    ink: Ink,
) -> Result<(), ChartError> {
    let count = latency.quantiles_ns.len() as f64;
    let points: Vec<_> = latency
        .quantiles_ns
        .iter()
        .enumerate()
        .map(|(position, wall)| (axis.at(*wall), height_of((position as f64 + 0.5) / count)))
        .collect();
    canvas.line(&points, 2.0, ink)?;
    canvas.dot((axis.at(latency.median_ns.value), height_of(0.5)), 4.5, ink)
}

fn height_of(share: f64) -> f64 {
    BOTTOM - share * (BOTTOM - TOP)
}
