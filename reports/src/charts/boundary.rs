//! Latency against payload size, both logarithmic.

use wasmfit_record::Direction;

use super::Figure;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, ChartError, Ink, WIDTH, draw};
use crate::analysis::distinct;
use crate::boundary::{Curve, Lab};
use crate::format::{duration, payload};
use crate::tables::boundary::title_of;

const HEIGHT: f64 = 300.0;
/// Room for the labels of the axes.
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = HEIGHT - 26.0;
/// Labels that fit below.
const MOST_LABELS: usize = 7;

const CAPTION: &str = "Payloads that go in and out again: medians over launches. A payload is as many doubles of eight bytes, whatever the encoding makes of them. Both axes are logarithmic; 0 B is in the table.";

/// One chart per encoding, a line per target.
pub(crate) fn by_encoding(lab: &Lab) -> Result<Vec<Figure>, ChartError> {
    let encodings = distinct(both(lab).map(|it| it.encoding.as_str()));
    let chart_of = |encoding: &str| {
        let curves: Vec<&Curve> = both(lab).filter(|it| it.encoding == encoding).collect();
        chart(encoding, &curves, |curve| curve.target.to_string())
    };
    let charts: Result<Vec<_>, _> = encodings.into_iter().map(chart_of).collect();
    Ok(charts?.into_iter().flatten().collect())
}

/// One chart per target, a line per encoding.
pub(crate) fn by_target(lab: &Lab) -> Result<Vec<Figure>, ChartError> {
    let chart_of = |target: &crate::boundary::LabTarget| {
        let curves: Vec<&Curve> = both(lab).filter(|it| it.target == target.target).collect();
        chart(&target.target.to_string(), &curves, |curve| curve.encoding.clone())
    };
    let charts: Result<Vec<_>, _> = lab.targets.iter().map(chart_of).collect();
    Ok(charts?.into_iter().flatten().collect())
}

fn both(lab: &Lab) -> impl Iterator<Item = &Curve> {
    lab.curves.iter().filter(|it| it.direction == Direction::Both)
}

/// The points that have a place on a logarithmic axis.
fn points(curve: &Curve) -> impl Iterator<Item = (f64, f64)> + '_ {
    let shown = curve.points.iter().filter(|it| it.payload_bytes > 0 && it.median_ns.value > 0.0);
    shown.map(|it| (it.payload_bytes as f64, it.median_ns.value))
}

/// `None` without points.
fn chart(
    title: &str,
    curves: &[&Curve],
    name: impl Fn(&Curve) -> String,
) -> Result<Option<Figure>, ChartError> {
    let all: Vec<(f64, f64)> = curves.iter().flat_map(|it| points(it)).collect();
    if all.is_empty() {
        return Ok(None);
    }
    let across = Axis::logarithmic(all.iter().map(|it| it.0), (LEFT, RIGHT));
    let up = Axis::logarithmic(all.iter().map(|it| it.1), (BOTTOM, TOP));
    let told = |curve: &&Curve| {
        let each = points(curve).map(|(bytes, ns)| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "were u64")]
            let bytes = bytes as u64;
            format!("{} {}", payload(bytes), duration(ns))
        });
        format!("{}: {}", title_of(curve), each.collect::<Vec<_>>().join(", "))
    };
    let description = curves.iter().map(told).collect::<Vec<_>>().join("; ");
    let description = format!("Latency against payload size. {description}.");
    let svg = draw(HEIGHT, &description, |canvas| {
        draw_axes(canvas, &across, &up, curves)?;
        for (curve, ink) in curves.iter().zip(inks(curves)) {
            let line: Vec<_> = points(curve).map(|(x, y)| (across.at(x), up.at(y))).collect();
            canvas.line(&line, 1.6, ink)?;
            line.iter().try_for_each(|point| canvas.dot(*point, 2.4, ink))?;
        }
        Ok(())
    })?;
    let legend = curves.iter().zip(inks(curves)).map(|(curve, ink)| (ink, name(curve)));
    Ok(Some(Figure {
        title: title.to_owned(),
        svg,
        legend: legend.collect(),
        caption: CAPTION.to_owned(),
    }))
}

/// Places of cost classes whose colours differ most, the most different first.
const COLOURS: [u8; 8] = [0, 5, 8, 7, 3, 1, 6, 2];

/// Colours that differ; native has its own where lines are targets.
fn inks(curves: &[&Curve]) -> Vec<Ink> {
    let targets = distinct(curves.iter().map(|it| &it.target));
    let mut colours = COLOURS.into_iter().cycle();
    let ink = |curve: &&Curve| {
        if targets.len() > 1 && curve.target.is_native() {
            return Ink::Native;
        }
        Ink::Cost(colours.next().unwrap_or_default())
    };
    curves.iter().map(ink).collect()
}

fn draw_axes(
    canvas: &Canvas<'_>,
    across: &Axis,
    up: &Axis,
    curves: &[&Curve],
) -> Result<(), ChartError> {
    for tick in up.ticks() {
        let y = up.at(tick);
        canvas.line(&[(LEFT, y), (RIGHT, y)], 1.0, Ink::Grid)?;
        canvas.text(&duration(tick), 9, (LEFT - 6.0, y + 5.0), Anchor::End, Ink::Muted)?;
    }
    let mut payloads = distinct(
        curves.iter().flat_map(|it| &it.points).map(|it| it.payload_bytes).filter(|it| *it > 0),
    );
    payloads.sort_unstable();
    let step = payloads.len().div_ceil(MOST_LABELS).max(1);
    for bytes in payloads.iter().step_by(step) {
        let x = across.at(*bytes as f64);
        canvas.line(&[(x, TOP), (x, BOTTOM)], 1.0, Ink::Grid)?;
        canvas.text(&payload(*bytes), 9, (x, HEIGHT - 6.0), Anchor::Middle, Ink::Muted)?;
    }
    Ok(())
}
