//! Where a request's time goes: native beside the targets.

use wasmfit_protocol::RequestPhase;

use super::Figure;
use super::canvas::{ChartError, Ink};
use super::rows::{Headings, Row, guest_of, told};
use super::stack::{Scale, Stack, draw_beside_native, scale_of};
use crate::analysis::{CaseAnalysis, CellAnalysis, Phases};
use crate::format::{duration, percent, ratio};

/// The phase chart of a case; `None` without phases.
pub(crate) fn phases(case: &CaseAnalysis) -> Result<Option<Figure>, ChartError> {
    let cells: Vec<_> = case
        .cells
        .iter()
        .filter_map(|cell| Some((cell, cell.measured()?.phases.as_ref()?)))
        .filter(|(_, phases)| phases.total_ns > 0.0)
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let native = cells.iter().find(|(cell, _)| cell.target.is_native());
    let native_ns = native.map(|(_, phases)| phases.total_ns);
    let mut headings = Headings::default();
    let rows: Vec<_> = cells
        .iter()
        .map(|(cell, phases)| Row {
            heading: headings.next(guest_of(cell)),
            name: cell.target.to_string(),
            figure: figure(phases, native_ns),
            mark: stack(phases, native_ns),
        })
        .collect();
    let marshalling = marshalling(&cells);
    let description =
        format!("Request phases of {}. {}. Marshalling: {marshalling}.", case.case, told(&rows));
    let svg = draw_beside_native(&rows, &description, native_ns)?;
    let lengths = match (scale_of(&rows), native_ns) {
        (Scale::Share, _) => "The sums differ too much for one scale: each bar is its own 100%.",
        (Scale::Common, Some(_)) => "Lengths are times native’s sum of phases.",
        (Scale::Common, None) => "Lengths are times: native was not measured.",
    };
    Ok(Some(Figure {
        title: "Where a request’s time goes".to_owned(),
        svg,
        legend: RequestPhase::ALL.map(|it| (ink(it), it.name().to_owned())).to_vec(),
        caption: format!(
            "Marshalling, which is all but infer: {marshalling}. {lengths} Medians of the phase pass."
        ),
    }))
}

/// Its share natively and, over each boundary, its smallest and largest.
fn marshalling(cells: &[(&CellAnalysis, &Phases)]) -> String {
    let mut ranges: Vec<(String, f64, f64)> = Vec::new();
    for (cell, phases) in cells {
        let over = match cell.boundary {
            _ if cell.target.is_native() => "native".to_owned(),
            Some(boundary) => format!("over {}", boundary.name()),
            None => cell.target.to_string(),
        };
        let share = phases.marshalling_share;
        match ranges.iter_mut().find(|(known, ..)| *known == over) {
            Some((_, low, high)) => (*low, *high) = (low.min(share), high.max(share)),
            None => ranges.push((over, share, share)),
        }
    }
    let told = ranges.into_iter().map(|(over, low, high)| {
        let (low, high) = (percent(low), percent(high));
        if low == high { format!("{over} {low}") } else { format!("{over} {low} to {high}") }
    });
    told.collect::<Vec<_>>().join(", ")
}

fn figure(phases: &Phases, native_ns: Option<f64>) -> String {
    let times = native_ns
        .map(|native| phases.total_ns / native)
        .filter(|times| (times - 1.0).abs() > f64::EPSILON)
        .map(|times| format!(", {}", ratio(times)))
        .unwrap_or_default();
    format!("{}{times}", duration(phases.total_ns))
}

/// In times native's sum, or in time without native.
fn stack(phases: &Phases, native_ns: Option<f64>) -> Stack {
    let unit = native_ns.unwrap_or(1.0);
    phases.parts.iter().map(|it| (ink(it.phase), it.median_ns / unit)).collect()
}

/// The colour of a phase.
pub(crate) const fn ink(phase: RequestPhase) -> Ink {
    Ink::RequestPhase(match phase {
        RequestPhase::Deliver => 0,
        RequestPhase::Decode => 1,
        RequestPhase::Infer => 2,
        RequestPhase::Encode => 3,
        RequestPhase::Collect => 4,
    })
}
