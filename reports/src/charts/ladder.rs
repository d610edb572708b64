//! The deployment ladder: size against time to the first response.

use wasmfit_record::Rung;

use super::Figure;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, ChartError, Ink, WIDTH, draw};
use crate::analysis::{Ladder, RungStep};
use crate::format::{duration, round_duration, size};

const HEIGHT: f64 = 300.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 40.0;

/// The chart of a ladder; `None` without two rungs to compare.
pub(crate) fn ladder(ladder: &Ladder) -> Result<Option<Figure>, ChartError> {
    if ladder.rungs.len() < 2 {
        return Ok(None);
    }
    let bytes = |it: &RungStep| it.module_compressed.map_or(it.module_bytes, |it| it.brotli_bytes);
    let time = |it: &RungStep| it.step.cold_start_ns.value;
    let native = ladder.native.map(|it| it.cold_start_ns.value);
    let across = Axis::logarithmic(ladder.rungs.iter().map(|it| bytes(it) as f64), (LEFT, RIGHT));
    let upwards =
        Axis::logarithmic(ladder.rungs.iter().map(time).chain(native), (BOTTOM, TOP + 12.0));
    let told: Vec<String> = ladder
        .rungs
        .iter()
        .map(|it| format!("{} {}, {}", it.rung.title(), size(bytes(it)), duration(time(it))))
        .collect();
    let description =
        format!("Deployment of {} on {}. {}.", ladder.case, ladder.runtime, told.join("; "));
    let svg = draw(HEIGHT, &description, |canvas| {
        grid(canvas, &across, &upwards)?;
        if let Some(native) = native {
            let y = upwards.at(native);
            canvas.line(&[(LEFT, y), (RIGHT, y)], 2.0, Ink::Reference)?;
            canvas.text("native", 20, (RIGHT, y - 4.0), Anchor::End, Ink::Muted)?;
        }
        let mut labels: Vec<((f64, f64), String)> = Vec::new();
        for rung in &ladder.rungs {
            let (x, y) = (across.at(bytes(rung) as f64), upwards.at(time(rung)));
            canvas.dot((x, y), 5.0, Ink::Compiled)?;
            // Dots that touch share a label.
            let near = |((left, top), _): &&mut ((f64, f64), String)| {
                (left - x).abs() < 16.0 && (top - y).abs() < 16.0
            };
            match labels.iter_mut().find(near) {
                Some(((_, top), label)) => {
                    *top = top.min(y);
                    label.push_str(&letter(rung.rung));
                }
                None => labels.push(((x, y), letter(rung.rung))),
            }
        }
        labels.iter().try_for_each(|((x, y), label)| {
            canvas.text(label, 11, (*x, y - 8.0), Anchor::Middle, Ink::Text)
        })
    })?;
    let names = ladder.rungs.iter().map(|it| format!("{} {}", letter(it.rung), it.rung.title()));
    Ok(Some(Figure {
        title: format!("Size against first response, {}", ladder.runtime),
        svg,
        legend: Vec::new(),
        caption: format!(
            "Size of the module after Brotli, to the right, and process start to first response, upwards; both axes are logarithmic. {}.",
            names.collect::<Vec<_>>().join(", ")
        ),
    }))
}

/// What stands at its dot.
fn letter(rung: Rung) -> String {
    let position = Rung::ALL.iter().position(|it| *it == rung).unwrap_or(0);
    u8::try_from(position).map_or_else(|_| String::new(), |it| char::from(b'A' + it).to_string())
}

fn grid(canvas: &Canvas<'_>, across: &Axis, upwards: &Axis) -> Result<(), ChartError> {
    for tick in across.ticks() {
        let x = across.at(tick);
        canvas.line(&[(x, TOP), (x, BOTTOM)], 1.0, Ink::Grid)?;
        // Ticks are round numbers of bytes.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let label = size(tick as u64).replace(".0 ", " ");
        canvas.text(&label, 8, (x, BOTTOM + 18.0), Anchor::Middle, Ink::Muted)?;
    }
    for tick in upwards.ticks() {
        let y = upwards.at(tick);
        canvas.line(&[(LEFT, y), (RIGHT, y)], 1.0, Ink::Grid)?;
        canvas.text(&round_duration(tick), 8, (LEFT - 6.0, y + 5.0), Anchor::End, Ink::Muted)?;
    }
    canvas.text("module after Brotli", 30, (RIGHT, HEIGHT - 4.0), Anchor::End, Ink::Muted)
}
