//! How steady each target is: its latencies in times its own median.

use super::Figure;
use super::axis::Axis;
use super::canvas::{Canvas, ChartError, Ink};
use super::rows::{ACROSS, Headings, MARK, Row, draw_rows, guest_of, ink_of, legend_of, told};
use crate::analysis::{CaseAnalysis, CellAnalysis, Latency};
use crate::format::{duration, ratio};

/// Quantiles over the median.
struct Strip {
    ink: Ink,
    /// From the first to the last per cent.
    whole: (f64, f64),
    /// The middle half.
    half: (f64, f64),
}

/// The spread chart of a case; `None` without samples.
pub(crate) fn spread(case: &CaseAnalysis) -> Result<Option<Figure>, ChartError> {
    let mut headings = Headings::default();
    let rows: Vec<_> = case.cells.iter().filter_map(|cell| row(cell, &mut headings)).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let ends = rows.iter().flat_map(|row| [row.mark.whole.0, row.mark.whole.1, 1.0]);
    let axis = Axis::logarithmic(ends, ACROSS);
    let description = format!("Spread of latency of {}. {}.", case.case, told(&rows));
    let label = |tick: f64| format!("{}×", (tick * 1e6).round() / 1e6);
    let svg = draw_rows(&rows, &axis, &description, Some(1.0), label, |canvas, strip, top| {
        draw_strip(canvas, &axis, strip, top)
    })?;
    Ok(Some(Figure {
        title: "How steady each target is".to_owned(),
        svg,
        legend: legend_of(rows.iter().map(|row| row.mark.ink)),
        caption: "Requests of all launches in times their target’s own median, which stands right. The thin line holds 98% of them, the thick one the middle half. The axis is logarithmic. Lengths compare steadiness, not speed.".to_owned(),
    }))
}

fn row(cell: &CellAnalysis, headings: &mut Headings) -> Option<Row<Strip>> {
    let latency = cell.measured()?.latency.as_ref()?;
    let median = latency.median_ns.value;
    let at = |share| quantile(latency, share).filter(|_| median > 0.0).map(|ns| ns / median);
    let (whole, half) = ((at(0.01)?, at(0.99)?), (at(0.25)?, at(0.75)?));
    Some(Row {
        heading: headings.next(guest_of(cell)),
        name: cell.target.to_string(),
        figure: format!("{}, {} to {}", duration(median), ratio(whole.0), ratio(whole.1)),
        mark: Strip { ink: ink_of(cell), whole, half },
    })
}

/// The nearest of the quantiles that are known.
fn quantile(latency: &Latency, share: f64) -> Option<f64> {
    let points = latency.quantiles_ns.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..points")]
    let position = (share * points as f64) as usize;
    latency.quantiles_ns.get(position.min(points.checked_sub(1)?)).copied()
}

fn draw_strip(canvas: &Canvas<'_>, axis: &Axis, strip: &Strip, top: f64) -> Result<(), ChartError> {
    let middle = top + MARK / 2.0;
    let (low, high) = (axis.at(strip.whole.0), axis.at(strip.whole.1));
    canvas.line(&[(low, middle), (high, middle)], 2.0, strip.ink)?;
    let (low, high) = (axis.at(strip.half.0), axis.at(strip.half.1));
    canvas.rectangle((low, top + 3.0), (high.max(low + 1.0), top + MARK - 3.0), strip.ink)
}
