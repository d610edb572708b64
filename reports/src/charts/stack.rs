//! Bars of stacked parts, in one unit or each as its own whole.

use super::axis::Axis;
use super::canvas::{Canvas, ChartError, Ink};
use super::rows::{ACROSS, MARK, Row, draw_rows};
use crate::format::round_duration;

/// Lengths that differ more than this leave nothing to see of the shorter
/// bar: then each bar is its own whole.
const LARGEST_RATIO: f64 = 10.0;

/// The parts of a bar, from the left, with their lengths.
pub(super) type Stack = Vec<(Ink, f64)>;

/// How lengths are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// In the unit of the parts.
    Common,
    /// As shares of their bar.
    Share,
}

/// The scale that shows all of `rows`.
pub(super) fn scale_of(rows: &[Row<Stack>]) -> Scale {
    let lengths = rows.iter().map(|row| length(&row.mark)).filter(|length| *length > 0.0);
    let (low, high) =
        lengths.fold((f64::INFINITY, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
    if high / low > LARGEST_RATIO { Scale::Share } else { Scale::Common }
}

/// Draws `rows` on the scale that shows all of them; `label` tells a length
/// on the common one, and `reference` is a line across it.
pub(super) fn draw_stacks(
    rows: &[Row<Stack>],
    description: &str,
    reference: Option<f64>,
    label: impl Fn(f64) -> String,
) -> Result<String, ChartError> {
    let longest = rows.iter().map(|row| length(&row.mark)).fold(0.0, f64::max);
    let scale = scale_of(rows);
    let (axis, reference) = match scale {
        Scale::Common => (Axis::linear(longest * 1.02, ACROSS), reference),
        Scale::Share => (Axis::share(ACROSS), None),
    };
    let label = |tick: f64| match scale {
        _ if tick == 0.0 => "0".to_owned(),
        Scale::Common => label(tick),
        Scale::Share => format!("{:.0}%", tick * 100.0),
    };
    draw_rows(rows, &axis, description, reference, label, |canvas, stack, top| {
        let whole = match scale {
            Scale::Common => 1.0,
            Scale::Share => length(stack),
        };
        draw_stack(canvas, &axis, stack, whole, top)
    })
}

/// The same of times in units of native's, which is a line across them; where
/// native was not measured, of times.
pub(super) fn draw_beside_native(
    rows: &[Row<Stack>],
    description: &str,
    native_ns: Option<f64>,
) -> Result<String, ChartError> {
    draw_stacks(rows, description, native_ns.map(|_| 1.0), |tick| match native_ns {
        Some(_) => format!("{tick}×"),
        None => round_duration(tick),
    })
}

fn draw_stack(
    canvas: &Canvas<'_>,
    axis: &Axis,
    stack: &Stack,
    whole: f64,
    top: f64,
) -> Result<(), ChartError> {
    let mut from = 0.0;
    for (ink, length) in stack.iter().filter(|(_, length)| *length > 0.0) {
        let until = from + length / whole;
        canvas.rectangle((axis.at(from), top), (axis.at(until), top + MARK), *ink)?;
        from = until;
    }
    Ok(())
}

fn length(stack: &Stack) -> f64 {
    stack.iter().map(|(_, length)| length).sum()
}
