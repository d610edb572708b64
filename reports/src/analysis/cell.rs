//! The figures of one cell.

use wasmfit_protocol::{ColdPhase, Page, RequestPhase, Start, Versions};
use wasmfit_record::{Cell, Deviation, GuestRecord, PlannedLaunch, Tolerance};

use super::attribution::{self, Circumstances};
use super::launches::is_steady;
use super::run::ServedLaunch;
use super::{
    CellNoise, ColdStart, Comparison, Footprint, Latency, LaunchFigures, Measured, Outputs,
    PageFigures, Paging, PhaseTime, Phases, Ratio, WarmUp,
};
use crate::profile::CellProfile;
use crate::samples::LaunchSamples;
use crate::statistics::{
    self, Estimate, Interval, Round, Sorted, confidence_of, median, median_of_launches,
    median_of_values, ratio_of_rounds,
};

/// Points of the distribution: enough for a smooth line, however many
/// samples it stands for.
const DISTRIBUTION_POINTS: usize = 200;

/// A 90th percentile needs at least one sample above it, a 99th likewise.
const LEAST_FOR_P90: usize = 10;
const LEAST_FOR_P99: usize = 100;

/// A ratio nearer to 1 than this is printed as 1.00, and a difference that
/// cannot be seen in the figures is not claimed.
const LEAST_DIFFERENCE: f64 = 0.005;

/// What is known of a measured cell.
pub(super) struct Evidence<'a> {
    pub(super) cell: &'a Cell,
    pub(super) guest: Option<&'a GuestRecord>,
    pub(super) profile: Option<&'a CellProfile>,
    pub(super) versions: &'a Versions,
    pub(super) runtime_version: &'a str,
    pub(super) deviation: Option<&'a Deviation>,
    pub(super) responses_sha256: Option<&'a str>,
    pub(super) tolerance: Option<Tolerance>,
    pub(super) is_native: bool,
    /// What a page fault costs on this machine.
    pub(super) page_fault_ns: Option<f64>,
    /// What was planned for the cell.
    pub(super) planned: &'a [PlannedLaunch],
    pub(super) launches: &'a [ServedLaunch<'a>],
    /// Native's launches of the same case; none for native itself.
    pub(super) native: Option<&'a [ServedLaunch<'a>]>,
}

pub(super) fn measured(evidence: &Evidence<'_>) -> Measured {
    let steady: Vec<_> = steady(evidence.launches).collect();
    let latency = latency(&steady, evidence.planned, evidence.page_fault_ns);
    let phases = phases(&steady, latency.as_ref());
    Measured {
        versions: evidence.versions.clone(),
        runtime_version: evidence.runtime_version.to_owned(),
        outputs: outputs(evidence),
        ratio: evidence.native.and_then(|native| ratio(evidence.launches, native)),
        attribution: attribution::of(
            &Circumstances {
                cell: evidence.cell,
                guest: evidence.guest,
                profile: evidence.profile,
                phases: phases.as_ref(),
                latency: latency.as_ref(),
            },
            &steady,
        ),
        phases,
        warm_up: warm_up(&steady),
        page: page(evidence.launches),
        cold_starts: Start::ALL.iter().filter_map(|it| cold_start(*it, evidence)).collect(),
        footprints: Start::ALL.iter().filter_map(|it| footprint(*it, evidence.launches)).collect(),
        noise: noise(evidence.launches, &steady, latency.as_ref()),
        responses_sha256: evidence.responses_sha256.map(str::to_owned),
        launches: evidence.launches.iter().map(figures).collect(),
        latency,
    }
}

fn steady<'a>(launches: &'a [ServedLaunch<'a>]) -> impl Iterator<Item = &'a ServedLaunch<'a>> + 'a {
    launches.iter().filter(|it| is_steady(&it.launch.planned))
}

fn outputs(evidence: &Evidence<'_>) -> Outputs {
    match evidence.deviation {
        None if evidence.is_native => Outputs::Baseline,
        None | Some(Deviation { requests: 0, .. }) => Outputs::Unverified,
        Some(deviation) if deviation.identical == deviation.requests => {
            Outputs::Identical { requests: deviation.requests }
        }
        Some(deviation) => {
            Outputs::WithinTolerance { deviation: *deviation, tolerance: evidence.tolerance }
        }
    }
}

fn latency(
    steady: &[&ServedLaunch<'_>],
    planned: &[PlannedLaunch],
    page_fault_ns: Option<f64>,
) -> Option<Latency> {
    let walls: Vec<_> = steady.iter().filter_map(|it| it.samples.plain_wall_ns.as_ref()).collect();
    let cpus = steady.iter().filter_map(|it| it.samples.plain_cpu_ns.as_ref());
    let pooled = Sorted::pooled(&walls)?;
    let points = pooled.len().min(DISTRIBUTION_POINTS);
    let middle_of = |point: usize| (point as f64 + 0.5) / points as f64;
    let median_ns = median_of_launches(&walls)?;
    Some(Latency {
        median_ns,
        p90_ns: (pooled.len() >= LEAST_FOR_P90).then(|| pooled.quantile(0.90)),
        p99_ns: (pooled.len() >= LEAST_FOR_P99).then(|| pooled.quantile(0.99)),
        p99_interval: p99_interval(&walls, pooled.quantile(0.99)),
        smallest_ns: pooled.smallest(),
        cpu_median_ns: median(cpus.map(Sorted::median).collect()),
        paging: paging(steady, median_ns.value, page_fault_ns),
        samples: pooled.len() as u64,
        launches: count(walls.len()),
        launches_planned: count(planned.iter().filter(|it| is_steady(it)).count()),
        launch_medians_ns: walls.iter().map(|it| it.median()).collect(),
        quantiles_ns: (0..points).map(|point| pooled.quantile(middle_of(point))).collect(),
    })
}

fn p99_interval(launches: &[&Sorted], pooled: f64) -> Option<Interval> {
    let long = launches.iter().filter(|it| it.len() >= LEAST_FOR_P99);
    let each: Vec<f64> = long.map(|it| it.quantile(0.99)).collect();
    (each.len() > 1).then(|| Interval {
        low: each.iter().copied().fold(pooled, f64::min),
        high: each.iter().copied().fold(pooled, f64::max),
        confidence: confidence_of(each.len()),
    })
}

fn paging(
    steady: &[&ServedLaunch<'_>],
    median_ns: f64,
    page_fault_ns: Option<f64>,
) -> Option<Paging> {
    let told = |it: &&ServedLaunch<'_>| {
        Some((it.served.plain_page_faults?, it.samples.plain_wall_ns.as_ref()?.len()))
    };
    let told: Vec<_> = steady.iter().filter_map(told).collect();
    let requests: usize = told.iter().map(|(_, requests)| requests).sum();
    let page_faults: u64 = told.iter().map(|(page_faults, _)| page_faults).sum();
    let page_faults = (requests > 0).then(|| page_faults as f64 / requests as f64)?;
    Some(Paging { page_faults, share: share(page_faults * page_fault_ns?, median_ns) })
}

/// Of wall time.
pub(super) fn ratio(target: &[ServedLaunch<'_>], native: &[ServedLaunch<'_>]) -> Option<Ratio> {
    let rounds = rounds(target, native, |it| it.plain_wall_ns.as_ref());
    let times_native = ratio_of_rounds(&rounds)?;
    let comparison = match times_native.interval {
        None => Comparison::SingleRound,
        Some(interval) if interval.low > 1.0 + LEAST_DIFFERENCE => Comparison::Slower,
        Some(interval) if interval.high < 1.0 - LEAST_DIFFERENCE => Comparison::Faster,
        Some(_) => Comparison::NoDifferenceShown,
    };
    Some(Ratio { times_native, rounds: count(rounds.len()), comparison })
}

/// Of processor time; none where it was not told.
pub(super) fn cpu_ratio(
    target: &[ServedLaunch<'_>],
    native: &[ServedLaunch<'_>],
) -> Option<Estimate> {
    ratio_of_rounds(&rounds(target, native, |it| it.plain_cpu_ns.as_ref()))
}

/// Pairs launches by round: those of one round ran next to each other and
/// saw the same machine.
fn rounds<'a>(
    target: &'a [ServedLaunch<'a>],
    native: &'a [ServedLaunch<'a>],
    times: impl Fn(&'a LaunchSamples) -> Option<&'a Sorted>,
) -> Vec<Round<'a>> {
    let mut partners: Vec<_> = steady(native).collect();
    let mut rounds = Vec::new();
    for launch in steady(target) {
        let round = launch.launch.planned.round;
        let Some(found) = partners.iter().position(|it| it.launch.planned.round == round) else {
            continue;
        };
        let partner = partners.remove(found);
        if let (Some(target), Some(native)) = (times(launch.samples), times(partner.samples)) {
            rounds.push(Round { target, native });
        }
    }
    rounds
}

fn phases(steady: &[&ServedLaunch<'_>], latency: Option<&Latency>) -> Option<Phases> {
    let of_phase = |phase: RequestPhase| {
        let launches = steady.iter().filter_map(|it| it.samples.parts_ns[phase as usize].as_ref());
        let median_ns = median(launches.map(Sorted::median).collect())?;
        Some(PhaseTime { phase, median_ns })
    };
    let parts: Vec<_> = RequestPhase::ALL.into_iter().filter_map(of_phase).collect();
    let total_ns: f64 = parts.iter().map(|part| part.median_ns).sum();
    let marshalling = parts.iter().filter(|part| part.phase.is_marshalling());
    let marshalling_ns: f64 = marshalling.map(|part| part.median_ns).sum();

    let marked: Vec<_> = steady.iter().filter_map(|it| it.samples.marked_ns.as_ref()).collect();
    let marked_ns = median(marked.iter().map(|it| it.median()).collect())?;
    let plain_ns = latency.map(|it| it.median_ns.value).filter(|plain| *plain > 0.0);
    Some(Phases {
        parts,
        total_ns,
        marshalling_ns,
        marshalling_share: share(marshalling_ns, total_ns),
        perturbation_share: plain_ns.map(|plain| marked_ns / plain - 1.0),
        requests: marked.iter().map(|it| it.len() as u64).sum(),
    })
}

fn cold_start(start: Start, evidence: &Evidence<'_>) -> Option<ColdStart> {
    let launches: Vec<_> = evidence
        .launches
        .iter()
        .filter(|it| it.launch.planned.start == start)
        .filter(|it| it.samples.cold_ns.iter().any(Option::is_some))
        .collect();
    let totals: Vec<_> = launches.iter().map(|it| it.served.cold_start_ns as f64).collect();
    let total_ns = median_of_values(&totals)?;
    let of_phase = |phase: ColdPhase| {
        let times = launches.iter().filter_map(|it| it.samples.cold_ns[phase as usize]);
        let median_ns = median(times.map(|time| time as f64).collect())?;
        Some(PhaseTime { phase, median_ns })
    };
    let unaccounted = launches.iter().map(|it| {
        let phases: f64 = it.samples.cold_ns.iter().flatten().map(|&time| time as f64).sum();
        it.served.cold_start_ns as f64 - phases
    });
    let unaccounted_ns = median(unaccounted.collect())?;
    Some(ColdStart {
        start,
        total_ns,
        phases: ColdPhase::ALL.into_iter().filter_map(of_phase).collect(),
        unaccounted_ns,
        unaccounted_share: share(unaccounted_ns, total_ns.value),
        launches: count(launches.len()),
        launches_planned: count(evidence.planned.iter().filter(|it| it.start == start).count()),
    })
}

fn warm_up(steady: &[&ServedLaunch<'_>]) -> Option<WarmUp> {
    let medians = steady.iter().filter_map(|it| {
        let samples = it.samples;
        Some((samples.first_wall_ns.as_ref()?.median(), samples.plain_wall_ns.as_ref()?.median()))
    });
    let medians: Vec<(f64, f64)> = medians.filter(|(_, later)| *later > 0.0).collect();
    Some(WarmUp {
        first_ns: median(medians.iter().map(|(first, _)| *first).collect())?,
        times_later: median(medians.iter().map(|(first, later)| first / later).collect())?,
    })
}

fn page(launches: &[ServedLaunch<'_>]) -> Option<PageFigures> {
    let launches = launches.iter().filter(|it| it.launch.planned.start == Start::Plain);
    let pages: Vec<Page> = launches.filter_map(|it| it.served.page).collect();
    let most = |of: fn(&Page) -> u64| pages.iter().map(of).max().unwrap_or(0);
    Some(PageFigures {
        blocked_ns: median(pages.iter().map(|it| it.blocked_ns as f64).collect())?,
        clock_step_ns: most(|it| it.clock_step_ns) as f64,
        is_isolated: pages.iter().all(|it| it.is_isolated),
        transferred_bytes: most(|it| it.transferred_bytes),
        encoded_bytes: most(|it| it.encoded_bytes),
        decoded_bytes: most(|it| it.decoded_bytes),
    })
}

fn footprint(start: Start, launches: &[ServedLaunch<'_>]) -> Option<Footprint> {
    let launches = launches.iter().filter(|it| it.launch.planned.start == start);
    let served: Vec<_> = launches.map(|it| it.served).collect();
    (!served.is_empty()).then(|| Footprint {
        start,
        peak_resident_bytes: served.iter().map(|it| it.peak_resident_bytes).max(),
        runner_bytes: served.iter().map(|it| it.runner_bytes).max(),
        linear_memory_bytes: served.iter().filter_map(|it| it.linear_memory_bytes).max(),
    })
}

fn noise(
    launches: &[ServedLaunch<'_>],
    steady: &[&ServedLaunch<'_>],
    latency: Option<&Latency>,
) -> CellNoise {
    let wall: f64 = steady.iter().map(|it| it.samples.plain_wall_sum_ns).sum();
    let cpu: f64 = steady.iter().map(|it| it.samples.plain_cpu_sum_ns).sum();
    let unsettled = steady.iter().filter(|it| it.served.warmup_stable == Some(false));
    CellNoise {
        cpu_share: (wall > 0.0).then(|| cpu / wall),
        worst_steal_share: launches.iter().filter_map(|it| it.launch.steal).reduce(f64::max),
        worst_others_share: launches.iter().filter_map(|it| it.launch.others).reduce(f64::max),
        throttled_launches: throttled(launches),
        spread_share: latency.and_then(spread),
        unsettled_launches: count(unsettled.count()),
        steady_launches: count(steady.len()),
    }
}

/// None where no launch tells.
fn throttled(launches: &[ServedLaunch<'_>]) -> Option<u32> {
    let told: Vec<u64> = launches.iter().filter_map(|it| it.launch.throttled).collect();
    (!told.is_empty()).then(|| count(told.iter().filter(|it| **it > 0).count()))
}

fn figures(launch: &ServedLaunch<'_>) -> LaunchFigures {
    LaunchFigures {
        round: launch.launch.planned.round,
        start: launch.launch.planned.start,
        cold_start_ns: launch.served.cold_start_ns,
        peak_resident_bytes: launch.served.peak_resident_bytes,
        median_ns: launch.samples.plain_wall_ns.as_ref().map(Sorted::median),
    }
}

/// Of launch medians; none from a single launch.
fn spread(latency: &Latency) -> Option<f64> {
    let mut medians = latency.launch_medians_ns.clone();
    medians.sort_by(f64::total_cmp);
    let (smallest, largest) = (*medians.first()?, *medians.last()?);
    let middle = statistics::quantile(&medians, 0.5)?;
    (medians.len() > 1 && middle > 0.0).then(|| (largest - smallest) / middle)
}

/// A share of a whole that may be zero.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
