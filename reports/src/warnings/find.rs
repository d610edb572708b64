//! Reads the figures and finds what must be warned of.

use wasmfit_protocol::RequestPhase;
use wasmfit_record::{Class, Status};

use super::{CellName, Warning};
use crate::analysis::{
    Analysis, Attributed, CaseAnalysis, CellAnalysis, CellNoise, CellState, Comparison, Measured,
    NotAssessable, Outputs, distinct,
};

/// Under so many launches the bootstrap interval of a median is hardly more
/// than the range of the launches, and holds less than 90%.
const LEAST_LAUNCHES: u32 = 5;
/// Processor time of others that moves a median visibly: even on a processor
/// of its own a launch shares caches and memory with them.
const LARGEST_OTHERS: f64 = 0.1;

/// Steal that moves a median visibly.
const LARGEST_STEAL: f64 = 0.02;
/// A thread that computes is on the processor all the time, but for
/// interrupts.
const LEAST_CPU_SHARE: f64 = 0.9;
/// Load per processor at which a measurement must expect company.
const LARGEST_LOAD: f64 = 0.5;
/// Cold-start time that may belong to no phase.
const LARGEST_UNACCOUNTED: f64 = 0.05;
/// How much the phase pass may differ from the plain one.
const LARGEST_PERTURBATION: f64 = 0.1;
/// Share of `infer` in functions that no rule knows, or that have no name, up
/// to which the rules are good enough.
const LARGEST_UNKNOWN: f64 = 0.02;
/// Processor time of other threads, such as the runtime's own, that changes
/// nothing.
const LARGEST_OTHER_THREADS: f64 = 0.05;
/// What a mark costs, in order of magnitude: two clock readings and a
/// crossing of the boundary.
const MARK_NS: f64 = 1000.0;

/// Finds every warning, the weightiest first, each kind together.
pub(crate) fn find(analysis: &Analysis) -> Vec<Warning> {
    let mut found = of_run(analysis);
    found.extend(analysis.cases().filter_map(of_case));
    for (case, cell) in analysis.cells() {
        found.extend(of_cell(case, cell));
    }
    for parity in &analysis.parity {
        found.extend(parity.differences.iter().map(|it| Warning::VersionsDiffer {
            guest: parity.guest.clone(),
            difference: it.clone(),
        }));
    }
    found.sort_by_key(|warning| (warning.severity(), warning.title()));
    found
}

fn of_run(analysis: &Analysis) -> Vec<Warning> {
    let environment = &analysis.environment;
    let unfinished = (analysis.status == Status::Unfinished).then_some(Warning::UnfinishedRun {
        ended: analysis.launches.ended,
        planned: analysis.launches.planned,
        has_budget: analysis.budget.is_some(),
    });
    let governor = environment.governor.as_deref().filter(|it| *it != "performance");
    let governor = governor.map(|it| Warning::Governor { governor: it.to_owned() });
    let (load, cpus) = (environment.load_before, environment.cpus);
    let busy = load > LARGEST_LOAD * f64::from(cpus.max(1));
    let busy = busy.then_some(Warning::BusyMachine { load, cpus });
    let injected = analysis.sampling.inject.map(|injection| Warning::Injected { injection });
    let shards = analysis.shards.iter().map(|shard| &shard.environment);
    let processors = distinct(shards.map(|it| format!("{} × {}", it.cpus, it.cpu)));
    let several = (processors.len() > 1).then_some(Warning::SeveralMachines { processors });
    [unfinished, injected, several, busy, governor].into_iter().flatten().collect()
}

fn of_case(case: &CaseAnalysis) -> Option<Warning> {
    let measured = case.cells.iter().any(|cell| cell.measured().is_some());
    (measured && case.native().is_none()).then(|| Warning::NoBaseline { case: case.case.clone() })
}

fn of_cell(case: &CaseAnalysis, cell: &CellAnalysis) -> Vec<Warning> {
    let name = || CellName { case: case.case.clone(), target: cell.target.clone() };
    match &cell.state {
        CellState::Pending | CellState::Unsupported { .. } => Vec::new(),
        CellState::Failed { failure, .. } => vec![Warning::FailedCell {
            cell: name(),
            during: failure.during.clone(),
            message: failure.message.clone(),
        }],
        CellState::Measured(measured) => {
            let mut found = of_noise(measured, &name);
            found.extend(of_paging(measured, &name));
            found.extend(of_comparison(measured, &name));
            found.extend(of_phases(measured, &name));
            found.extend(of_attribution(&measured.attribution, &name));
            found.extend(of_cold_starts(measured, &name));
            found
        }
    }
}

/// Whether something else took so much processor time while a cell was
/// measured that a warning says so.
pub(crate) fn is_disturbed(noise: &CellNoise) -> bool {
    noise.worst_steal_share.is_some_and(|share| share > LARGEST_STEAL)
        || noise.worst_others_share.is_some_and(|share| share > LARGEST_OTHERS)
        || noise.throttled_launches.is_some_and(|launches| launches > 0)
}

fn of_noise(measured: &Measured, name: &impl Fn() -> CellName) -> Vec<Warning> {
    let noise = &measured.noise;
    let few = measured
        .latency
        .as_ref()
        .filter(|it| it.launches < LEAST_LAUNCHES)
        .map(|it| (it.launches, it.launches_planned))
        .map(|(launches, planned)| Warning::FewLaunches { cell: name(), launches, planned });
    let (launches, of) = (noise.unsettled_launches, noise.steady_launches);
    let unsettled = (launches > 0).then(|| Warning::UnsettledWarmup { cell: name(), launches, of });
    let steal = noise
        .worst_steal_share
        .filter(|share| *share > LARGEST_STEAL)
        .map(|share| Warning::Steal { cell: name(), share });
    let preempted = noise
        .cpu_share
        .filter(|share| *share < LEAST_CPU_SHARE)
        .map(|cpu_share| Warning::Preempted { cell: name(), cpu_share });
    let others = noise
        .worst_others_share
        .filter(|share| *share > LARGEST_OTHERS)
        .map(|share| Warning::OtherProcesses { cell: name(), share });
    let throttled = noise
        .throttled_launches
        .filter(|launches| *launches > 0)
        .map(|launches| Warning::Throttled { cell: name(), launches });
    [few, unsettled, steal, others, throttled, preempted].into_iter().flatten().collect()
}

fn of_paging(measured: &Measured, name: &impl Fn() -> CellName) -> Option<Warning> {
    let paging = measured.weighty_paging()?;
    Some(Warning::MemoryTakenAnew { cell: name(), paging })
}

fn of_comparison(measured: &Measured, name: &impl Fn() -> CellName) -> Vec<Warning> {
    let outputs = match measured.outputs {
        Outputs::WithinTolerance { deviation, .. } => Some(Warning::OutputsNotIdentical {
            cell: name(),
            differing: deviation.requests.saturating_sub(deviation.identical),
            requests: deviation.requests,
            largest_absolute: deviation.largest_absolute,
        }),
        Outputs::Baseline | Outputs::Identical { .. } | Outputs::Unverified => None,
    };
    let undecided = measured
        .ratio
        .filter(|ratio| ratio.comparison == Comparison::NoDifferenceShown)
        .map(|ratio| Warning::NoDifference { cell: name(), ratio });
    outputs.into_iter().chain(undecided).collect()
}

fn of_phases(measured: &Measured, name: &impl Fn() -> CellName) -> Vec<Warning> {
    let Some(phases) = &measured.phases else { return Vec::new() };
    let perturbed = phases
        .perturbation_share
        .filter(|share| share.abs() > LARGEST_PERTURBATION)
        .map(|share| Warning::Perturbation { cell: name(), share });
    let short: Vec<_> = phases.parts.iter().filter(|part| part.median_ns < MARK_NS).collect();
    let marks = (!short.is_empty()).then(|| Warning::MarkCost {
        cell: name(),
        phases: short.iter().map(|part| part.phase).collect::<Vec<RequestPhase>>(),
        longest_ns: short.iter().map(|part| part.median_ns).fold(0.0, f64::max),
    });
    perturbed.into_iter().chain(marks).collect()
}

fn of_attribution(attributed: &Attributed, name: &impl Fn() -> CellName) -> Vec<Warning> {
    let found = match attributed {
        Attributed::Assessed(found) => found,
        Attributed::NotAssessable(NotAssessable::Impossible { reason }) => {
            return vec![Warning::NoProfile { cell: name(), reason: reason.clone() }];
        }
        Attributed::NotAssessable(_) => return Vec::new(),
    };
    let unknown = found.parts.iter().find(|part| part.class == Class::Unknown);
    let unknown = unknown.filter(|part| part.share_of_infer.value > LARGEST_UNKNOWN).map(|part| {
        let most = part.top.first();
        let function = most.map(|it| match it.symbol.as_str() {
            "" => it.object.clone(),
            symbol => symbol.to_owned(),
        });
        let share = part.share_of_infer.value;
        Warning::UnknownFunctions { cell: name(), share, function: function.unwrap_or_default() }
    });
    let lost = found.lost;
    let lost = (lost > 0).then(|| Warning::LostSamples { cell: name(), lost });
    let share = found.other_threads_share;
    let threads =
        (share > LARGEST_OTHER_THREADS).then(|| Warning::OwnThreads { cell: name(), share });
    let of_nameless = found.places.iter().filter(|it| {
        it.phase == RequestPhase::Infer && it.symbol.is_empty() && it.charged_to.is_empty()
    });
    let of_nameless: u64 = of_nameless.map(|it| it.samples).sum();
    let share = of_nameless as f64 / found.infer_samples.max(1) as f64;
    let symbols = (share > LARGEST_UNKNOWN).then(|| Warning::NoSymbols {
        cell: name(),
        objects: found.nameless.clone(),
        share,
    });
    [unknown, lost, threads, symbols].into_iter().flatten().collect()
}

fn of_cold_starts(measured: &Measured, name: &impl Fn() -> CellName) -> Vec<Warning> {
    let unaccounted =
        measured.cold_starts.iter().filter(|it| it.unaccounted_share.abs() > LARGEST_UNACCOUNTED);
    unaccounted
        .map(|it| Warning::ColdStartUnaccounted {
            cell: name(),
            start: it.start,
            share: it.unaccounted_share,
        })
        .collect()
}
