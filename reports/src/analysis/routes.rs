//! The ways beside porting a whole interpreter: what each of them takes, and
//! how much of the time a kernel has to be before compiling it pays.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{Boundary, Interpreter, RequestPhase, Start};
use wasmfit_record::{Case, GuestRecord, RewriteRecord, RewrittenPart, Target};

use super::{CaseAnalysis, CellAnalysis, Measured, Outputs, Phases, WorkloadAnalysis};
use crate::statistics::Estimate;

/// The ways of one case that were measured, and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Routes {
    /// The case.
    pub case: Case,
    /// Share of native Python's request that is `infer`, 0 to 1, by the phase
    /// pass.
    pub infer_share: f64,
    /// What was measured, native Python first.
    pub measured: Vec<RouteFigures>,
    /// What follows for Python whose `infer` is compiled.
    pub estimates: Vec<RouteEstimate>,
}

impl Routes {
    /// The fastest of those that were measured on a way, and its request over
    /// native Python's.
    #[must_use]
    pub fn fastest(&self, route: Route) -> Option<(&RouteFigures, f64)> {
        fastest(&self.measured, |it| it.route == route)
    }
}

fn fastest(
    measured: &[RouteFigures],
    is_meant: impl Fn(&RouteFigures) -> bool,
) -> Option<(&RouteFigures, f64)> {
    let meant = measured.iter().filter(|it| is_meant(it));
    let timed = meant.filter_map(|it| Some((it, it.times_native.as_ref()?.value)));
    timed.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// A way to deploy a workload.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Python as it is, natively.
    Native,
    /// The whole interpreter in WebAssembly.
    Interpreter,
    /// A small one.
    SmallInterpreter,
    /// The interpreter as a component.
    Component,
    /// Native Python whose `infer` is compiled.
    Extension,
    /// The workload compiled, natively.
    Kernel,
    /// The same to WebAssembly.
    WasmKernel,
    /// The model as ONNX, natively.
    Model,
    /// The same in WebAssembly.
    WasmModel,
}

impl Route {
    /// What a reader calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Native => "Python, native",
            Self::Interpreter => "Python in WebAssembly",
            Self::SmallInterpreter => "a small Python in WebAssembly",
            Self::Component => "Python as a component",
            Self::Extension => "Python, native, infer compiled",
            Self::Kernel => "no Python, native",
            Self::WasmKernel => "no Python, in WebAssembly",
            Self::Model => "the model as ONNX, native",
            Self::WasmModel => "the model as ONNX, in WebAssembly",
        }
    }

    /// That of a cell.
    fn of(cell: &CellAnalysis, guest: Option<&GuestRecord>) -> Self {
        let is_small = |it: &GuestRecord| {
            matches!(it.interpreter, Interpreter::Micropython | Interpreter::Brython)
        };
        match &cell.rewrite {
            _ if cell.target.is_native() => Self::Native,
            _ if cell.boundary == Some(Boundary::Component) => Self::Component,
            Some(RewriteRecord { part: RewrittenPart::Inference, .. }) => Self::Extension,
            Some(RewriteRecord { part: RewrittenPart::Model, .. }) => {
                if guest.is_some() {
                    Self::WasmModel
                } else {
                    Self::Model
                }
            }
            Some(RewriteRecord { part: RewrittenPart::Whole, .. }) => {
                if guest.is_some() {
                    Self::WasmKernel
                } else {
                    Self::Kernel
                }
            }
            Some(RewriteRecord { part: RewrittenPart::Nothing, .. }) | None => {
                if guest.is_some_and(is_small) { Self::SmallInterpreter } else { Self::Interpreter }
            }
        }
    }
}

/// What a way takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RouteFigures {
    /// Which way.
    pub route: Route,
    /// In what it was written, where it was rewritten.
    pub rewritten: Option<String>,
    /// The target it was measured as.
    pub target: Target,
    /// A request at steady state over native Python's; none natively.
    pub times_native: Option<Estimate>,
    /// Process start to first response, median over launches.
    pub cold_start_ns: Option<f64>,
    /// What is deployed: the guest's files, or what was compiled; none
    /// natively.
    pub deployed_bytes: Option<u64>,
    /// What was found when its outputs were compared with native Python's.
    pub outputs: Outputs,
}

/// What a request would take by Amdahl's law (G. M. Amdahl, "Validity of the
/// single processor approach", AFIPS 1967): all but `infer` as Python has it,
/// `infer` as the compiled workload has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RouteEstimate {
    /// Which way: [`Route::Extension`], or [`Route::Interpreter`] for Python in
    /// WebAssembly that calls a kernel there.
    pub route: Route,
    /// The target whose Python it is.
    pub python: Target,
    /// The target whose `infer` it is; none for a kernel that takes no time:
    /// the bound that no rewrite gets below.
    pub kernel: Option<Target>,
    /// A request over native Python's.
    pub times_native: f64,
    /// The share of native Python's request that `infer` has to be for the
    /// request to take no longer than natively; none where it never does, 0
    /// where it always does.
    pub break_even_share: Option<f64>,
    /// The target that was measured so, and its request over native Python's,
    /// both by the phase pass, as the estimate is.
    pub measured: Option<(Target, f64)>,
}

impl RouteEstimate {
    /// How far the estimate is off what was measured, as a share of that.
    #[must_use]
    pub fn error_share(&self) -> Option<f64> {
        self.measured.as_ref().map(|(_, measured)| self.times_native / measured - 1.0)
    }
}

/// One for each case in which something but Python as it is was measured, or
/// in which it can be said what compiling would buy.
pub(super) fn of(workloads: &[WorkloadAnalysis], guests: &[GuestRecord]) -> Vec<Routes> {
    let cases = workloads.iter().flat_map(|it| &it.cases);
    cases.filter_map(|case| of_case(case, guests)).collect()
}

fn of_case(case: &CaseAnalysis, guests: &[GuestRecord]) -> Option<Routes> {
    let native = case.native()?;
    let infer_share = infer_share(native.phases.as_ref()?)?;
    let figures = case.cells.iter().filter(|it| it.limit.is_none()).filter_map(|cell| {
        let guest = guests.iter().find(|it| it.name == cell.target.guest);
        figures(cell, guest.filter(|_| cell.boundary.is_some()))
    });
    let mut measured: Vec<RouteFigures> = figures.collect();
    measured.sort_by_key(|it| it.route);
    let estimates = estimates(case, native, infer_share, &measured);
    Some(Routes { case: case.case.clone(), infer_share, measured, estimates })
}

fn figures(cell: &CellAnalysis, guest: Option<&GuestRecord>) -> Option<RouteFigures> {
    let measured = cell.measured()?;
    // What it starts from: the other start has a module of its own.
    let is_deployed = |name: &&String| *name != Start::Snapshot.module();
    let of_guest = guest.map(|it| {
        it.bytes.iter().filter(|(name, _)| is_deployed(name)).map(|(_, bytes)| bytes).sum()
    });
    let of_rewrite = cell.rewrite.as_ref().map(|it| it.bytes);
    Some(RouteFigures {
        route: Route::of(cell, guest),
        rewritten: cell.rewrite.as_ref().map(|it| it.title.clone()),
        target: cell.target.clone(),
        times_native: measured.ratio.as_ref().map(|it| it.times_native),
        cold_start_ns: measured.cold_starts.first().map(|it| it.total_ns.value),
        deployed_bytes: of_guest.or(of_rewrite),
        outputs: measured.outputs,
    })
}

/// What the figures say of Python whose `infer` is compiled.
fn estimates(
    case: &CaseAnalysis,
    native: &Measured,
    infer_share: f64,
    measured: &[RouteFigures],
) -> Vec<RouteEstimate> {
    let Some(native_infer_ns) = infer_ns(native) else { return Vec::new() };
    let Some(native_cell) = measured.iter().find(|it| it.route == Route::Native) else {
        return Vec::new();
    };
    let mut estimates = Vec::new();
    // Natively, by each kernel that is there; where there is none, by one that
    // takes no time.
    for kernel in measured.iter().filter(|it| it.route == Route::Kernel) {
        let Some(kernel_ns) = cell_of(case, &kernel.target).and_then(infer_ns) else { continue };
        let share_left = kernel_ns / native_infer_ns;
        let is_its = |it: &&RouteFigures| {
            it.route == Route::Extension && it.target.tier == kernel.target.tier
        };
        let as_measured = measured.iter().find(is_its);
        estimates.push(RouteEstimate {
            route: Route::Extension,
            python: native_cell.target.clone(),
            kernel: Some(kernel.target.clone()),
            times_native: 1.0 - infer_share + infer_share * share_left,
            break_even_share: (share_left <= 1.0).then_some(0.0),
            // By the same pass: marks are in both, and what drifts between passes in neither.
            measured: as_measured.and_then(|it| {
                let phases = cell_of(case, &it.target)?.phases.as_ref()?;
                Some((it.target.clone(), phases.total_ns / native.phases.as_ref()?.total_ns))
            }),
        });
    }
    if estimates.is_empty() {
        estimates.push(RouteEstimate {
            route: Route::Extension,
            python: native_cell.target.clone(),
            kernel: None,
            times_native: 1.0 - infer_share,
            break_even_share: Some(0.0),
            measured: None,
        });
    }
    estimates.extend(in_wasm(case, native, native_infer_ns, measured));
    estimates
}

/// Python in WebAssembly that calls a kernel there: by the fastest Python, and
/// the fastest kernel on the same runtime.
fn in_wasm(
    case: &CaseAnalysis,
    native: &Measured,
    native_infer_ns: f64,
    measured: &[RouteFigures],
) -> Option<RouteEstimate> {
    let (python, _) = fastest(measured, |it| it.route == Route::Interpreter)?;
    let (kernel, _) = fastest(measured, |it| {
        let beside = (&it.target.runtime, &it.target.tier);
        it.route == Route::WasmKernel && beside == (&python.target.runtime, &python.target.tier)
    })?;
    let phases = native.phases.as_ref()?;
    let rest_ns = phases.total_ns - native_infer_ns;
    let of_python = cell_of(case, &python.target)?.phases.as_ref()?;
    let kernel_ns = cell_of(case, &kernel.target).and_then(infer_ns)?;
    let rest_there_ns = of_python.total_ns - infer_of(of_python)?;
    let times_native = (rest_there_ns + kernel_ns) / phases.total_ns;
    // With the share p: rest × (1 - p) + kernel × p <= 1.
    let (rest, kernel_times) = (rest_there_ns / rest_ns, kernel_ns / native_infer_ns);
    let break_even_share = match (rest <= 1.0, kernel_times <= 1.0) {
        (true, true) => Some(0.0),
        (false, true) => Some((rest - 1.0) / (rest - kernel_times)),
        (_, false) => None,
    };
    Some(RouteEstimate {
        route: Route::Interpreter,
        python: python.target.clone(),
        kernel: Some(kernel.target.clone()),
        times_native,
        break_even_share: break_even_share.filter(|it| it.is_finite()),
        measured: None,
    })
}

fn cell_of<'a>(case: &'a CaseAnalysis, target: &Target) -> Option<&'a Measured> {
    case.cell(target)?.measured()
}

fn infer_ns(measured: &Measured) -> Option<f64> {
    infer_of(measured.phases.as_ref()?)
}

fn infer_of(phases: &Phases) -> Option<f64> {
    let infer = phases.parts.iter().find(|it| it.phase == RequestPhase::Infer)?;
    Some(infer.median_ns)
}

fn infer_share(phases: &Phases) -> Option<f64> {
    (phases.total_ns > 0.0).then_some(infer_of(phases)? / phases.total_ns)
}
