//! Process start to first response.

use wasmfit_protocol::{ColdPhase, Start};

use super::Figure;
use super::canvas::{ChartError, Ink};
use super::rows::{Headings, Row, guest_of, told};
use super::stack::{Scale, Stack, draw_stacks, scale_of};
use crate::analysis::{CaseAnalysis, CellAnalysis, ColdStart};
use crate::format::{duration, round_duration};

/// The cold-start chart of a case; `None` without cold starts.
pub(crate) fn cold_start(case: &CaseAnalysis) -> Result<Option<Figure>, ChartError> {
    let mut headings = Headings::default();
    let mut rows = Vec::new();
    let mut compiling = Vec::new();
    for cell in &case.cells {
        for cold in cell.measured().map_or(&[][..], |it| &it.cold_starts) {
            let name = name(cell, cold.start);
            compiling.extend(left_out(cold).map(|it| format!("{name} {}", duration(it))));
            let heading = headings.next(guest_of(cell));
            rows.push(Row {
                heading,
                name,
                figure: duration(cold.total_ns.value),
                mark: stack(cold),
            });
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let description = format!("Cold start of {}. {}.", case.case, told(&rows));
    let svg = draw_stacks(&rows, &description, None, round_duration)?;
    let mut caption = "Process start to first response, medians over launches.".to_owned();
    if scale_of(&rows) == Scale::Share {
        caption.push_str(" The times differ too much for one scale: each bar is its own 100%.");
    }
    if !compiling.is_empty() {
        let compiling = compiling.join(", ");
        caption = format!("{caption} Compiling is left out of the bars: {compiling}.");
    }
    let drawn = ColdPhase::ALL.into_iter().map(|it| (ink(it), it.name().to_owned()));
    let rest = (Ink::Rest, "unaccounted".to_owned());
    let (title, legend) = ("Cold start".to_owned(), drawn.chain([rest]).collect());
    Ok(Some(Figure { title, svg, legend, caption }))
}

/// Native has one way to start, which need not be named, and containers.
fn name(cell: &CellAnalysis, start: Start) -> String {
    match start {
        Start::Container => format!("{}, in a container", cell.target),
        _ if cell.target.is_native() => cell.target.to_string(),
        _ => format!("{}, {} start", cell.target, start.name()),
    }
}

/// How long compiling takes where it takes longer than all else together, and
/// would leave nothing to be seen of that: a deployment compiles ahead.
fn left_out(cold: &ColdStart) -> Option<f64> {
    let compile = cold.phases.iter().find(|it| it.phase == ColdPhase::Compile)?;
    Some(compile.median_ns).filter(|it| *it > cold.total_ns.value / 2.0)
}

fn stack(cold: &ColdStart) -> Stack {
    let is_drawn = |phase| phase != ColdPhase::Compile || left_out(cold).is_none();
    let phases = cold.phases.iter().filter(|it| is_drawn(it.phase));
    let parts = phases.map(|it| (ink(it.phase), it.median_ns));
    parts.chain([(Ink::Rest, cold.unaccounted_ns.max(0.0))]).collect()
}

const fn ink(phase: ColdPhase) -> Ink {
    Ink::ColdPhase(match phase {
        ColdPhase::Spawn => 0,
        ColdPhase::Fetch => 7,
        ColdPhase::Compile => 8,
        ColdPhase::LoadArtifact => 1,
        ColdPhase::Instantiate => 2,
        ColdPhase::Initialize => 3,
        ColdPhase::Import => 4,
        ColdPhase::ModelLoad => 5,
        ColdPhase::FirstRequest => 6,
    })
}
