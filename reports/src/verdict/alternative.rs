//! What to do instead, or beside a port: it follows from what decides, and
//! where that is time, from the class that takes most of it natively.

use wasmfit_record::Need;

use super::Grade;
use super::requirement::{Asked, Outcome, Requirement};
use crate::analysis::{
    Analysis, Attributed, CaseAnalysis, CellAnalysis, CostClass, Route, Survival,
};
use crate::format::{duration, ratio};

/// `None` where nothing needs one, or nothing is known.
pub(super) fn of(
    analysis: &Analysis,
    case: &CaseAnalysis,
    cell: &CellAnalysis,
    deciding: &Requirement,
    grade: Grade,
) -> Option<String> {
    if grade == Grade::Strong || deciding.outcome == Outcome::Passed {
        return None;
    }
    match &deciding.asked {
        Asked::Runs if deciding.outcome == Outcome::Failed => Some(
            "Stay native and isolate with a container, or leave out what the guest has not.".into(),
        ),
        Asked::Need(Need::Gpu | Need::Threads) => Some(
            "Stay native: WebAssembly outside the browser takes away accelerators and threads, and with them what a model server is bought for.".into(),
        ),
        Asked::Need(Need::Network) => Some(
            "Let the host open connections and hand bytes in, or stay native.".into(),
        ),
        Asked::Need(Need::Browser) => {
            Some("Measure it in a browser before deciding: target chromium/worker@….".into())
        }
        Asked::Need(_) | Asked::SameAnswers | Asked::Runs => None,
        Asked::Packages(_) => Some("Build a guest that carries the packages, or stay native.".into()),
        Asked::ColdStart => Some(cold_start(cell)),
        Asked::Size | Asked::CompressedSize => Some(
            "Trim the guest to what the workload reaches, or compile the kernel alone: most of the size is the interpreter and packages that are never called.".into(),
        ),
        Asked::Memory => Some(
            "Trim the guest, load less of it, or share an instance among requests.".into(),
        ),
        Asked::P50 | Asked::P99 | Asked::Slowdown | Asked::CostPerMillion => {
            by_class(analysis, case, cell)
        }
    }
}

fn cold_start(cell: &CellAnalysis) -> String {
    let starts = cell.measured().map(|it| &it.cold_starts[..]).unwrap_or_default();
    let told = starts.iter().map(|it| {
        let name = it.start.name();
        format!("{} from a {name} start", duration(it.total_ns.value))
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let longest = starts
        .first()
        .and_then(|it| it.phases.iter().max_by(|a, b| a.median_ns.total_cmp(&b.median_ns)))
        .map(|it| format!("; most of it is {}", it.phase.name()))
        .unwrap_or_default();
    format!(
        "Compile ahead of time, start from a snapshot that has the workload imported, or keep instances warm ({told}{longest})."
    )
}

/// By what takes most of native's time, since that travels along.
fn by_class(analysis: &Analysis, case: &CaseAnalysis, cell: &CellAnalysis) -> Option<String> {
    let Attributed::Assessed(native) = &case.native()?.attribution else { return None };
    let dominant = native.dominant()?;
    let share = format!("{:.0}%", dominant.share.value * 100.0);
    let of_cell = |it: &&Survival| it.case == case.case && it.target == cell.target;
    let survival = analysis.survivals.iter().find(of_cell);
    let class = survival.and_then(|it| it.classes.iter().find(|it| it.class == dominant.class));
    let slower = class
        .and_then(|it| it.times_native)
        .map(|it| format!(", {} native's on {}", ratio(it.value), cell.target))
        .unwrap_or_default();
    let advice = match dominant.class {
        CostClass::Interpreter => {
            "the interpreter is the bottleneck and travels along: vectorise, compile the hot part (Cython, C, Rust) and stay native, or compile that part alone to WebAssembly"
        }
        CostClass::Compute => {
            "kernels are the bottleneck: a native runtime or an accelerator takes them further; WebAssembly takes away vectors wider than 128 bits, fused multiply-add and threads"
        }
        CostClass::Marshalling => {
            "moving data is the bottleneck: batch, send bytes instead of text, or move the boundary to where less crosses it"
        }
        CostClass::System | CostClass::Unknown => return None,
    };
    let measured = compiled(analysis, case).map(|it| format!(" {it}")).unwrap_or_default();
    let class = dominant.class.name();
    Some(format!("{share} of native's time is {class}{slower}: {advice}.{measured}"))
}

/// What compiling buys this case: as it was measured, or else estimated and
/// said to be.
fn compiled(analysis: &Analysis, case: &CaseAnalysis) -> Option<String> {
    let routes = analysis.routes.iter().find(|it| it.case == case.case)?;
    let ways = [Route::Extension, Route::Kernel, Route::WasmKernel, Route::Model, Route::WasmModel];
    let told = ways.into_iter().filter_map(|route| {
        let (figures, times) = routes.fastest(route)?;
        Some(format!("{} {} ({})", figures.route.title(), ratio(times), figures.target))
    });
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        return Some(format!("Measured here, in times native: {}.", told.join("; ")));
    }
    let bound = routes.estimates.iter().find(|it| it.kernel.is_none())?;
    Some(format!(
        "Estimated: with infer compiled and taking no time, native Python would take {} of its time.",
        ratio(bound.times_native)
    ))
}
