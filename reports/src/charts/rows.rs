//! Rows, one below the other: a name, a figure, and a mark below them.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, ChartError, Ink, WIDTH, draw};
use crate::analysis::{CellAnalysis, Execution};

/// Heights of a heading, of a row, of the name in it, and of the axis below.
const HEADING: f64 = 26.0;
const ROW: f64 = 44.0;
const NAME: f64 = 19.0;
const AXIS: f64 = 24.0;
/// Tick labels are centred on their ticks and need room at the edges.
const EDGE: f64 = 12.0;
/// Where marks begin and end.
pub(super) const ACROSS: (f64, f64) = (EDGE, WIDTH - EDGE);
/// Height of a mark.
pub(super) const MARK: f64 = 18.0;
/// Letters that fit across.
const LETTERS: usize = 58;

/// A row whose mark is an `M`.
pub(super) struct Row<M> {
    /// Stands above the first row of several that it is true of.
    pub(super) heading: Option<String>,
    pub(super) name: String,
    /// Stands right.
    pub(super) figure: String,
    pub(super) mark: M,
}

impl<M> Row<M> {
    /// What the row shows, for those who cannot see it.
    pub(super) fn told(&self) -> String {
        let heading = self.heading.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
        format!("{heading}{}: {}", self.name, self.figure)
    }
}

/// Everything that rows show.
pub(super) fn told<M>(rows: &[Row<M>]) -> String {
    rows.iter().map(Row::told).collect::<Vec<_>>().join("; ")
}

/// The headings of rows: each where it differs from the one before.
#[derive(Default)]
pub(super) struct Headings {
    last: Option<String>,
}

impl Headings {
    /// The heading of the next row, unless the one above has it.
    pub(super) fn next(&mut self, heading: Option<String>) -> Option<String> {
        let is_new = heading != self.last;
        self.last.clone_from(&heading);
        heading.filter(|_| is_new)
    }
}

/// What is true of all targets of a guest: which it is, and how requests
/// reach it. Nothing natively.
pub(super) fn guest_of(cell: &CellAnalysis) -> Option<String> {
    if cell.target.is_native() {
        return None;
    }
    let guest = &cell.target.guest;
    Some(match cell.boundary {
        Some(boundary) => format!("{guest} · {}", boundary.name()),
        None => guest.clone(),
    })
}

/// The colour of a target.
pub(super) fn ink_of(cell: &CellAnalysis) -> Ink {
    match cell.execution {
        _ if cell.target.is_native() => Ink::Native,
        Some(Execution::Interpreted) => Ink::Interpreted,
        Some(Execution::Compiled) | None => Ink::Compiled,
    }
}

/// What the colours of targets mean, of those in use; nothing where all have
/// one.
pub(super) fn legend_of(inks: impl Iterator<Item = Ink>) -> Vec<(Ink, String)> {
    let inks: Vec<_> = inks.collect();
    let known = [
        (Ink::Native, "native"),
        (Ink::Compiled, Execution::Compiled.name()),
        (Ink::Interpreted, Execution::Interpreted.name()),
    ];
    let used: Vec<_> = known.into_iter().filter(|(ink, _)| inks.contains(ink)).collect();
    if used.len() < 2 {
        return Vec::new();
    }
    used.into_iter().map(|(ink, name)| (ink, name.to_owned())).collect()
}

/// Draws `rows` over `axis`. `mark` draws the mark of a row whose upper edge
/// it is given; `reference` is a line across all of them.
pub(super) fn draw_rows<M>(
    rows: &[Row<M>],
    axis: &Axis,
    description: &str,
    reference: Option<f64>,
    label: impl Fn(f64) -> String,
    mark: impl Fn(&Canvas<'_>, &M, f64) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut bottom = 0.0;
    let mut tops = Vec::with_capacity(rows.len());
    for row in rows {
        let top = bottom + if row.heading.is_some() { HEADING } else { 0.0 };
        tops.push(top);
        bottom = top + ROW;
    }
    draw(bottom + AXIS, description, |canvas| {
        for tick in axis.ticks() {
            let x = axis.at(tick);
            draw_across(canvas, x, &tops, 1.0, Ink::Grid)?;
            canvas.text(&label(tick), 16, (x, bottom + 18.0), Anchor::Middle, Ink::Muted)?;
        }
        if let Some(at) = reference {
            draw_across(canvas, axis.at(at), &tops, 2.0, Ink::Reference)?;
        }
        rows.iter().zip(&tops).try_for_each(|(row, top)| {
            draw_texts(canvas, row, *top)?;
            mark(canvas, &row.mark, top + NAME + 3.0)
        })
    })
}

/// A vertical line across every row that spares the texts between them.
fn draw_across(
    canvas: &Canvas<'_>,
    x: f64,
    tops: &[f64],
    width: f64,
    ink: Ink,
) -> Result<(), ChartError> {
    tops.iter().try_for_each(|top| {
        let top = top + NAME;
        canvas.line(&[(x, top + 1.0), (x, top + MARK + 5.0)], width, ink)
    })
}

fn draw_texts<M>(canvas: &Canvas<'_>, row: &Row<M>, top: f64) -> Result<(), ChartError> {
    let baseline = top + NAME - 1.0;
    if let Some(heading) = &row.heading {
        let above = (EDGE, baseline - NAME - 2.0);
        canvas.text(heading, LETTERS, above, Anchor::Start, Ink::Text)?;
    }
    let room = LETTERS.saturating_sub(row.figure.chars().count());
    canvas.text(&row.name, room, (EDGE, baseline), Anchor::Start, Ink::Muted)?;
    canvas.text(&row.figure, 40, (WIDTH - EDGE, baseline), Anchor::End, Ink::Text)
}
