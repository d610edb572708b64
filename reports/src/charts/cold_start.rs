//! Process start to first response.

use wasmfit_protocol::{ColdPhase, Start};

use super::Figure;
use super::bars::{Bar, draw_bars};
use super::canvas::{ChartError, Ink};
use crate::analysis::{CaseAnalysis, CellAnalysis, ColdStart};
use crate::format::{duration, round_duration};
use crate::labels::Labels;

/// The cold-start chart of a case; `None` without cold starts.
pub(crate) fn cold_start(
    case: &CaseAnalysis,
    labels: Labels,
) -> Result<Option<Figure>, ChartError> {
    let starts = |cell: &'_ CellAnalysis| cell.measured().map(|it| it.cold_starts.clone());
    let mut bars = Vec::new();
    let mut compiling = Vec::new();
    for cell in &case.cells {
        for cold in starts(cell).unwrap_or_default() {
            let name = name(labels.target(&cell.target), cell.target.is_native(), cold.start);
            compiling.extend(compile_of(&cold).map(|it| format!("{name} {}", duration(it))));
            bars.push(bar(name, &cold));
        }
    }
    if bars.is_empty() {
        return Ok(None);
    }
    let told: Vec<_> = bars.iter().map(|bar| format!("{}: {}", bar.name, bar.figure)).collect();
    let description = format!("Cold start of {}. {}.", case.case, told.join("; "));
    let svg = draw_bars(&bars, &description, None, round_duration)?;
    let mut caption = "Process start to first response, medians over launches.".to_owned();
    if !compiling.is_empty() {
        let compiling = compiling.join(", ");
        caption = format!("{caption} Compiling is left out of the bars: {compiling}.");
    }
    let drawn = ColdPhase::ALL.into_iter().filter_map(|it| Some((ink(it)?, it.name().to_owned())));
    let rest = (Ink::Rest, "unaccounted".to_owned());
    Ok(Some(Figure { title: "Cold start", svg, legend: drawn.chain([rest]).collect(), caption }))
}

/// Native has one way to start, which need not be named.
fn name(target: String, is_native: bool, start: Start) -> String {
    if is_native { target } else { format!("{target}, {} start", start.name()) }
}

/// A compilation is paid once per artifact, not per start.
fn compile_of(cold: &ColdStart) -> Option<f64> {
    let compile = cold.phases.iter().find(|it| it.phase == ColdPhase::Compile)?;
    Some(compile.median_ns)
}

fn bar(name: String, cold: &ColdStart) -> Bar {
    let parts = cold.phases.iter().filter_map(|it| Some((ink(it.phase)?, it.median_ns)));
    let rest = (Ink::Rest, cold.unaccounted_ns.max(0.0));
    Bar { name, figure: duration(cold.total_ns.value), parts: parts.chain([rest]).collect() }
}

const fn ink(phase: ColdPhase) -> Option<Ink> {
    Some(Ink::ColdPhase(match phase {
        ColdPhase::Spawn => 0,
        ColdPhase::Compile => return None,
        ColdPhase::LoadArtifact => 1,
        ColdPhase::Instantiate => 2,
        ColdPhase::Initialize => 3,
        ColdPhase::Import => 4,
        ColdPhase::ModelLoad => 5,
        ColdPhase::FirstRequest => 6,
    }))
}
