//! The deployment ladder: what each preparation of a guest buys a workload.

use serde::{Deserialize, Serialize};
use wasmfit_protocol::{ColdPhase, RandomState, Start};
use wasmfit_record::{Case, ClosedWorld, Compressed, GuestRecord, Making, Rung, Target};

use super::{ColdStart, Measured, Preparation, WorkloadAnalysis};
use crate::statistics::Estimate;

/// The rungs of one case on one runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ladder {
    /// The case.
    pub case: Case,
    /// Runtime and tier, as in targets.
    pub runtime: String,
    /// Native beside them.
    pub native: Option<Step>,
    /// Native in a container that is started for it.
    #[serde(default)]
    pub container: Option<InContainer>,
    /// The rungs that were measured, in order.
    pub rungs: Vec<RungStep>,
}

/// Native CPython in a container.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct InContainer {
    /// What it takes, from starting the container's runtime on.
    pub step: Step,
    /// Of it until the interpreter was started, median over launches.
    pub until_started_ns: Option<f64>,
}

/// What a way to deploy takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Step {
    /// Process start to first response, median over launches.
    pub cold_start_ns: Estimate,
    /// Of it the first request.
    pub first_request_ns: Option<f64>,
    /// A request at steady state, median over launches.
    pub steady_ns: Option<Estimate>,
    /// Largest resident set of a launch, with what the runner held for
    /// requests and samples.
    pub resident_bytes: Option<u64>,
}

impl Step {
    /// How many processes of it fit into a gibibyte, as if they shared
    /// nothing.
    #[must_use]
    pub fn instances_per_gib(&self) -> Option<u64> {
        self.resident_bytes.filter(|bytes| *bytes > 0).map(|bytes| (1 << 30) / bytes)
    }
}

/// A rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RungStep {
    /// Which.
    pub rung: Rung,
    /// The target it was measured as.
    pub target: Target,
    /// What it takes.
    pub step: Step,
    /// Steady state against that of the guest compiled ahead and nothing
    /// more; none for that one, and where no difference was shown.
    pub times_aot: Option<f64>,
    /// Size of the module.
    pub module_bytes: u64,
    /// Size of the module after compression.
    pub module_compressed: Option<Compressed>,
    /// Size of the standard library beside it.
    pub library_bytes: u64,
    /// Size of the compiled artifact; none where every launch compiles.
    pub artifact_bytes: Option<u64>,
    /// How long compiling took: once, or at the launch.
    pub compile_ns: Option<f64>,
    /// What it was trimmed to; a call outside traps.
    pub closed_world: Option<ClosedWorld>,
    /// What becomes of random generators.
    pub random_state: Option<RandomState>,
}

/// A ladder for each case and runtime of a run with rungs; mostly none.
pub(super) fn of(
    workloads: &[WorkloadAnalysis],
    guests: &[GuestRecord],
    preparations: &[Preparation],
) -> Vec<Ladder> {
    let mut ladders: Vec<Ladder> = Vec::new();
    for case in workloads.iter().flat_map(|it| &it.cases) {
        for cell in &case.cells {
            let guest = guests.iter().find(|it| it.name == cell.target.guest);
            let Some((guest, made)) = guest.and_then(|it| Some((it, it.made.as_ref()?))) else {
                continue;
            };
            let Some(rung) = made.rung else { continue };
            let Some(step) = cell.measured().and_then(step_of_first) else { continue };
            let runtime = format!("{}/{}", cell.target.runtime, cell.target.tier);
            let of_target = |it: &&Preparation| it.target == cell.target;
            let preparation = preparations.iter().find(of_target);
            let target = &cell.target;
            let rung = rung_step(rung, target, (guest, made), step, (preparation, cell.measured()));
            let known = |it: &&mut Ladder| it.case == case.case && it.runtime == runtime;
            match ladders.iter_mut().find(known) {
                Some(ladder) => ladder.rungs.push(rung),
                None => ladders.push(Ladder {
                    case: case.case.clone(),
                    runtime,
                    native: case.native().and_then(step_of_first),
                    container: case.native().and_then(in_container),
                    rungs: vec![rung],
                }),
            }
        }
    }
    for ladder in &mut ladders {
        ladder.rungs.sort_by_key(|it| it.rung);
        hold_to_aot(&mut ladder.rungs);
    }
    ladders
}

fn step_of_first(measured: &Measured) -> Option<Step> {
    let steady_ns = measured.latency.as_ref().map(|it| it.median_ns);
    Some(Step { steady_ns, ..step(measured, measured.cold_starts.first()?) })
}

/// What a start takes; nothing is known of its steady state.
fn step(measured: &Measured, cold: &ColdStart) -> Step {
    let footprint = measured.footprints.iter().find(|it| it.start == cold.start);
    Step {
        cold_start_ns: cold.total_ns,
        first_request_ns: time_of(cold, ColdPhase::FirstRequest),
        steady_ns: None,
        resident_bytes: footprint.and_then(|it| it.peak_resident_bytes),
    }
}

fn in_container(native: &Measured) -> Option<InContainer> {
    let cold = native.cold_starts.iter().find(|it| it.start == Start::Container)?;
    let until_started_ns = time_of(cold, ColdPhase::Spawn);
    Some(InContainer { step: step(native, cold), until_started_ns })
}

fn time_of(cold: &ColdStart, phase: ColdPhase) -> Option<f64> {
    cold.phases.iter().find(|it| it.phase == phase).map(|it| it.median_ns)
}

fn rung_step(
    rung: Rung,
    target: &Target,
    (guest, made): (&GuestRecord, &Making),
    step: Step,
    (preparation, measured): (Option<&Preparation>, Option<&Measured>),
) -> RungStep {
    let module = Start::Plain.module();
    let artifact = preparation.and_then(|it| it.artifact.as_ref());
    let cold = measured.and_then(|it| it.cold_starts.first());
    let at_launch = cold.and_then(|it| time_of(it, ColdPhase::Compile));
    let library = guest.bytes.iter().filter(|(name, _)| *name != module);
    RungStep {
        rung,
        target: target.clone(),
        step,
        times_aot: None,
        module_bytes: guest.bytes.get(module).copied().unwrap_or(0),
        module_compressed: made.compressed.get(module).copied(),
        library_bytes: library.map(|(_, bytes)| *bytes).sum(),
        artifact_bytes: artifact.map(|it| it.bytes),
        compile_ns: artifact.map(|it| it.compile_ns as f64).or(at_launch),
        closed_world: made.closed_world,
        random_state: made.random_state,
    }
}

/// Says how much slower or faster requests are than with compiling ahead
/// alone, where the intervals are apart.
fn hold_to_aot(rungs: &mut [RungStep]) {
    let aot = rungs.iter().find(|it| it.rung == Rung::Aot).and_then(|it| it.step.steady_ns);
    let Some(aot) = aot else { return };
    for rung in rungs.iter_mut().filter(|it| it.rung != Rung::Aot) {
        let Some(steady) = rung.step.steady_ns else { continue };
        let apart = steady.interval.zip(aot.interval).is_some_and(|(one, other)| {
            one.is_confident()
                && other.is_confident()
                && (one.low > other.high || one.high < other.low)
        });
        rung.times_aot = (apart && aot.value > 0.0).then(|| steady.value / aot.value);
    }
}
