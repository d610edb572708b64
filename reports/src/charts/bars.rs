//! Stacked bars, one below the other, each under its name.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, ChartError, Ink, WIDTH, draw};

/// Heights of a row, of its name, of the bar, and of the axis below.
const ROW: f64 = 48.0;
const NAME: f64 = 19.0;
const BAR: f64 = 18.0;
const AXIS: f64 = 22.0;
/// Tick labels are centred on their ticks and need room at the edges.
const EDGE: f64 = 10.0;

/// A bar.
pub(super) struct Bar {
    pub(super) name: String,
    /// Stands right, above its end.
    pub(super) figure: String,
    /// Lengths from the left.
    pub(super) parts: Vec<(Ink, f64)>,
}

impl Bar {
    pub(super) fn length(&self) -> f64 {
        self.parts.iter().map(|(_, length)| length).sum()
    }
}

/// Bars over a linear axis; `reference` is a line across all of them.
pub(super) fn draw_bars(
    bars: &[Bar],
    description: &str,
    reference: Option<f64>,
    label: impl Fn(f64) -> String,
) -> Result<String, ChartError> {
    let longest = bars.iter().map(Bar::length).fold(0.0, f64::max);
    let axis = Axis::linear(longest * 1.02, (EDGE, WIDTH - EDGE));
    let bottom = ROW * bars.len() as f64;
    draw(bottom + AXIS, description, |canvas| {
        for tick in axis.ticks() {
            let x = axis.at(tick);
            draw_across(canvas, x, bars.len(), 1.0, Ink::Grid)?;
            let label = if tick == 0.0 { "0".to_owned() } else { label(tick) };
            canvas.text(&label, 16, (x, bottom + 18.0), Anchor::Middle, Ink::Muted)?;
        }
        for (row, bar) in bars.iter().enumerate() {
            draw_bar(canvas, &axis, bar, ROW * row as f64)?;
        }
        match reference {
            Some(at) => draw_across(canvas, axis.at(at), bars.len(), 1.5, Ink::Reference),
            None => Ok(()),
        }
    })
}

/// A vertical line across every bar that spares the names between them.
fn draw_across(
    canvas: &Canvas<'_>,
    x: f64,
    bars: usize,
    width: f64,
    ink: Ink,
) -> Result<(), ChartError> {
    (0..bars).try_for_each(|row| {
        let top = ROW * row as f64 + NAME;
        canvas.line(&[(x, top + 1.0), (x, top + BAR + 7.0)], width, ink)
    })
}

fn draw_bar(canvas: &Canvas<'_>, axis: &Axis, bar: &Bar, top: f64) -> Result<(), ChartError> {
    let baseline = top + NAME - 1.0;
    let room = 58_usize.saturating_sub(bar.figure.chars().count());
    canvas.text(&bar.name, room, (EDGE, baseline), Anchor::Start, Ink::Text)?;
    canvas.text(&bar.figure, 40, (WIDTH - EDGE, baseline), Anchor::End, Ink::Text)?;
    let (top, bottom) = (top + NAME + 4.0, top + NAME + 4.0 + BAR);
    let mut from = 0.0;
    for (ink, length) in bar.parts.iter().filter(|(_, length)| *length > 0.0) {
        let until = from + length;
        canvas.rectangle((axis.at(from), top), (axis.at(until), bottom), *ink)?;
        from = until;
    }
    Ok(())
}
