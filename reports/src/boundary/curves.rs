//! From samples to curves.

use std::collections::BTreeMap;

use wasmfit_protocol::RequestPhase;
use wasmfit_record::{Direction, Run, Target};

use super::samples::CrossingSamples;
use super::{Curve, Point, fit};
use crate::analysis::PhaseTime;
use crate::statistics::{median, median_of_values};

/// A curve, and what each round showed of its points: what intervals of
/// anything that is computed from several of them rest on.
pub(super) struct Observed {
    pub(super) curve: Curve,
    pub(super) item_bytes: Option<u64>,
    /// Median of the launch, by payload and round.
    pub(super) rounds: Rounds,
}

/// Launch medians by payload and round.
pub(super) type Rounds = BTreeMap<u64, BTreeMap<u32, f64>>;

/// What the launches of one crossing showed.
#[derive(Default)]
struct Seen {
    /// By round.
    medians_ns: BTreeMap<u32, f64>,
    phases_ns: BTreeMap<RequestPhase, Vec<f64>>,
    samples: u64,
}

/// All curves, by encoding, direction and target, each in order of first
/// appearance.
pub(super) fn of(run: &Run, samples: &CrossingSamples) -> Vec<Observed> {
    let mut found: Vec<Observed> = Vec::new();
    for workload in &run.workloads {
        let Some(plan) = &workload.boundary else { continue };
        for direction in &plan.directions {
            for target in targets(run, &workload.name) {
                let seen = seen(run, samples, &workload.name, target, *direction);
                if seen.is_empty() {
                    continue;
                }
                let cell = run.cells.iter().find(|cell| cell.target == *target);
                let guest = cell.and_then(|cell| run.guest_of(cell));
                found.push(Observed {
                    rounds: seen.iter().map(|(it, seen)| (*it, seen.medians_ns.clone())).collect(),
                    item_bytes: plan.item_bytes,
                    curve: Curve {
                        encoding: plan.encoding.clone(),
                        direction: *direction,
                        target: target.clone(),
                        boundary: guest.map(|guest| guest.boundary),
                        points: seen.iter().filter_map(|(it, seen)| point(*it, seen)).collect(),
                        fit: None,
                    },
                });
            }
        }
    }
    for it in &mut found {
        it.curve.fit = fit::of(&it.rounds);
    }
    found
}

/// The targets of a workload's cells.
fn targets<'a>(run: &'a Run, workload: &str) -> Vec<&'a Target> {
    let cells = run.cells.iter().filter(|cell| cell.case.workload == workload);
    crate::analysis::distinct(cells.map(|cell| &cell.target))
}

/// By payload.
fn seen(
    run: &Run,
    samples: &CrossingSamples,
    workload: &str,
    target: &Target,
    direction: Direction,
) -> BTreeMap<u64, Seen> {
    let mut seen: BTreeMap<u64, Seen> = BTreeMap::new();
    for launch in &run.launches {
        let Some(times) = samples.get(&launch.id) else { continue };
        let Some(cell) = run.cells.get(launch.planned.cell) else { continue };
        if cell.case.workload != workload || cell.target != *target {
            continue;
        }
        let plan = run.workload_of(cell).and_then(|it| it.boundary.as_ref());
        let crossings = plan.map(|it| it.crossings(cell.case.batch)).unwrap_or_default();
        let of_direction = (0_u32..).zip(crossings).filter(|(_, (_, it))| *it == direction);
        for (request, (payload, _)) in of_direction {
            let Some(walls) = times.plain_ns.get(&request) else { continue };
            let Some(median_ns) = median(walls.clone()) else { continue };
            let seen = seen.entry(payload).or_default();
            seen.medians_ns.insert(launch.planned.round, median_ns);
            seen.samples += walls.len() as u64;
            for phase in RequestPhase::ALL {
                let walls = times.phases_ns.get(&(request, phase)).cloned();
                let median_ns = walls.and_then(median);
                seen.phases_ns.entry(phase).or_default().extend(median_ns);
            }
        }
    }
    seen
}

fn point(payload_bytes: u64, seen: &Seen) -> Option<Point> {
    let medians: Vec<f64> = seen.medians_ns.values().copied().collect();
    let phases = seen.phases_ns.iter().filter_map(|(phase, walls)| {
        Some(PhaseTime { phase: *phase, median_ns: median(walls.clone())? })
    });
    Some(Point {
        payload_bytes,
        median_ns: median_of_values(&medians)?,
        phases: phases.collect(),
        samples: seen.samples,
        launches: u32::try_from(medians.len()).unwrap_or(u32::MAX),
    })
}
