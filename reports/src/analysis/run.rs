//! From a run and its samples to an analysis.

use std::collections::BTreeMap;

use wasmfit_protocol::Served;
use wasmfit_record::{Cell, CellOutcome, Environment, Launch, LaunchOutcome, Run};

use super::{
    ANALYSIS_VERSION, Analysis, CaseAnalysis, CellAnalysis, CellState, MachineNoise,
    WorkloadAnalysis, cell, ladder, launches, limits, parity, preparation, ranking, routes,
    survival, unsupported,
};
use crate::boundary::{self, CrossingSamples};
use crate::paths;
use crate::profile::CellProfile;
use crate::samples::LaunchSamples;
use crate::{verdict, warnings};

/// A launch that served every request.
pub(super) struct ServedLaunch<'a> {
    pub(super) launch: &'a Launch,
    pub(super) served: &'a Served,
    pub(super) samples: &'a LaunchSamples,
}

/// Understands a run.
pub(crate) fn of_run(
    run: &Run,
    samples: &BTreeMap<u32, LaunchSamples>,
    sample_count: u64,
    profiles: &BTreeMap<usize, CellProfile>,
    crossings: &CrossingSamples,
) -> Analysis {
    let nothing = LaunchSamples::default();
    let served: Vec<_> =
        (0..run.cells.len()).map(|cell| served_launches(run, cell, samples, &nothing)).collect();
    let all = workloads(run, &served, profiles);
    let (parity, noise) = (parity::of(&all), machine_noise(run, &all));
    // A request of the lab is one of many payloads: a latency over all of them
    // would be none.
    let (of_lab, workloads): (Vec<_>, Vec<_>) = all.into_iter().partition(boundary::is_of_lab);
    let survivals = survival::of(&workloads);
    let preparations = preparation::of(run);
    let mut analysis = Analysis {
        analysis_version: ANALYSIS_VERSION,
        wasmfit_version: run.wasmfit_version.clone(),
        started_at: run.started_at.clone(),
        command: paths::shorten_command(&run.command),
        profile: run.plan.profile,
        rounds: run.plan.rounds,
        budget: run.plan.budget,
        sampling: run.plan.sampling,
        status: run.status,
        launches: launches::of(run),
        samples: sample_count,
        environment: run.environment.clone(),
        runners: run.runners.clone(),
        requests_sha256: run.requests_sha256.clone(),
        session: run.session.clone(),
        until_decided: run.plan.until_decided.clone(),
        shard: run.shard,
        shards: run.shards.clone(),
        guests: run.guests.iter().cloned().map(paths::shorten_guest).collect(),
        parity,
        ladders: ladder::of(&workloads, &run.guests, &preparations),
        container: run.container.clone(),
        preparations,
        unsupported: unsupported::of(&workloads),
        taxes: survival::taxes(&survivals),
        survivals,
        limits: limits::of(run, &served),
        routes: routes::of(&workloads, &run.guests),
        calibrations: run.calibrations.clone(),
        crossings: run.crossings.clone(),
        rules: run.rules.clone(),
        noise,
        boundary: boundary::of(run, &of_lab, crossings),
        workloads,
        scenarios: run.scenarios.clone(),
        verdicts: Vec::new(),
        warnings: Vec::new(),
    };
    analysis.verdicts = verdict::judge(&analysis, &run.scenarios);
    analysis.warnings = warnings::find(&analysis);
    analysis
}

/// Groups cells by workload and case, each in order of first appearance.
fn workloads(
    run: &Run,
    served: &[Vec<ServedLaunch<'_>>],
    profiles: &BTreeMap<usize, CellProfile>,
) -> Vec<WorkloadAnalysis> {
    let mut workloads: Vec<WorkloadAnalysis> = Vec::new();
    for (position, record) in run.cells.iter().enumerate() {
        let native = run
            .native_of(position)
            .filter(|native| matches!(run.cells[*native].outcome, CellOutcome::Measured { .. }));
        let analysis = CellAnalysis {
            target: record.target.clone(),
            boundary: run.guest_of(record).map(|guest| guest.boundary),
            execution: record.execution,
            limit: record.limit.clone(),
            rewrite: record.rewrite.clone(),
            shard: record.shard,
            state: state(
                run,
                position,
                &served[position],
                native.map(|it| served[it].as_slice()),
                profiles.get(&position),
            ),
        };
        let workload = match workloads.iter().position(|it| it.name == record.case.workload) {
            Some(known) => &mut workloads[known],
            None => workloads.push_mut(WorkloadAnalysis {
                name: record.case.workload.clone(),
                record: run.workload_of(record).cloned(),
                cases: Vec::new(),
            }),
        };
        match workload.cases.iter_mut().find(|case| case.case == record.case) {
            Some(case) => case.cells.push(analysis),
            None => workload.cases.push(CaseAnalysis {
                case: record.case.clone(),
                cells: vec![analysis],
                rankings: Vec::new(),
            }),
        }
    }
    for case in workloads.iter_mut().flat_map(|workload| &mut workload.cases) {
        case.rankings = ranking::of(&case.cells);
    }
    workloads
}

fn state(
    run: &Run,
    position: usize,
    served: &[ServedLaunch<'_>],
    native: Option<&[ServedLaunch<'_>]>,
    profile: Option<&CellProfile>,
) -> CellState {
    let record = &run.cells[position];
    match &record.outcome {
        CellOutcome::Pending => CellState::Pending,
        CellOutcome::Unsupported { reason } => {
            CellState::Unsupported { reason: paths::shorten_text(reason) }
        }
        CellOutcome::Failed { failure, deviation } => {
            CellState::Failed { failure: paths::shorten_failure(failure), deviation: *deviation }
        }
        CellOutcome::Measured {
            versions, runtime_version, deviation, responses_sha256, ..
        } => {
            let is_native = record.target.is_native();
            let of_cell = run.plan.launches.iter().filter(|it| it.cell == position);
            let planned: Vec<_> = of_cell.copied().collect();
            CellState::Measured(Box::new(cell::measured(&cell::Evidence {
                cell: record,
                guest: run.guest_of(record),
                profile,
                versions,
                runtime_version,
                deviation: deviation.as_ref(),
                responses_sha256: responses_sha256.as_deref(),
                tolerance: run.workload_of(record).map(|workload| workload.tolerance),
                is_native,
                page_fault_ns: environment_of(run, record).page_fault_ns,
                planned: &planned,
                launches: served,
                native: native.filter(|_| !is_native),
            })))
        }
    }
}

fn served_launches<'a>(
    run: &'a Run,
    cell: usize,
    samples: &'a BTreeMap<u32, LaunchSamples>,
    nothing: &'a LaunchSamples,
) -> Vec<ServedLaunch<'a>> {
    let of_cell = run.launches.iter().filter(|launch| launch.planned.cell == cell);
    let served = of_cell.filter_map(|launch| match &launch.outcome {
        LaunchOutcome::Served(served) => Some(ServedLaunch {
            launch,
            served,
            samples: samples.get(&launch.id).unwrap_or(nothing),
        }),
        LaunchOutcome::Failed(_) => None,
    });
    served.collect()
}

/// The machine that a cell was measured on.
fn environment_of<'a>(run: &'a Run, cell: &Cell) -> &'a Environment {
    let shard = cell.shard.and_then(|shard| run.shards.get(shard));
    shard.map_or(&run.environment, |shard| &shard.environment)
}

fn machine_noise(run: &Run, workloads: &[WorkloadAnalysis]) -> MachineNoise {
    let cells =
        || workloads.iter().flat_map(|workload| &workload.cases).flat_map(|case| &case.cells);
    let noise = || cells().filter_map(|cell| Some(cell.measured()?.noise));
    MachineNoise {
        worst_steal_share: run.launches.iter().filter_map(|it| it.steal).reduce(f64::max),
        worst_others_share: run.launches.iter().filter_map(|it| it.others).reduce(f64::max),
        lowest_cpu_share: noise().filter_map(|it| it.cpu_share).reduce(f64::min),
        widest_spread_share: noise().filter_map(|it| it.spread_share).reduce(f64::max),
    }
}
