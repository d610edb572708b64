//! How far the attribution is off: found on mixes whose true split is known,
//! because each of their ingredients is timed alone in the same launch.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use wasmfit_protocol::{FramesReader, Pass, RequestPhase, Stretch};
use wasmfit_record::{
    Calibration, Case, CellOutcome, LaunchOutcome, RecordError, Run, RunDirectory,
    read_profile_records, read_samples,
};

use crate::analysis::CostClass;
use crate::statistics::median;

/// What a request begins with: how often it has each ingredient done, as
/// little-endian unsigned 32-bit numbers (`calibration/README.md`).
const INGREDIENTS: [(&str, CostClass); 5] = [
    ("loop", CostClass::Interpreter),
    ("ufunc", CostClass::Interpreter),
    ("matmul", CostClass::Compute),
    ("translate", CostClass::Compute),
    ("text", CostClass::Marshalling),
];

/// The classes that mixes are made of.
const CLASSES: [CostClass; 3] =
    [CostClass::Interpreter, CostClass::Compute, CostClass::Marshalling];

type Counts = [u32; INGREDIENTS.len()];

/// What a calibration run found about a target.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Calibrated {
    /// The summary that reports carry.
    pub summary: Calibration,
    /// Processor time over wall time, of all requests whose ingredients give
    /// the truth: well below 1 something else had the processor, and longer
    /// requests more often than short ones, so that the truth is none.
    pub cpu_share: f64,
    /// Every mix.
    pub mixes: Vec<Mix>,
}

/// A mix, and what the attribution makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Mix {
    /// Its ingredients, for example `loop 30% + matmul 70%`, in shares of
    /// what each pure request does.
    pub name: String,
    /// The true shares of interpreter, compute and marshalling, 0 to 1: sums
    /// of what the ingredients take alone.
    pub truth: [f64; 3],
    /// The attributed ones.
    pub attributed: [f64; 3],
    /// The largest difference between the two, in percentage points.
    pub error_points: f64,
    /// PC samples within `infer`.
    pub samples: u64,
    /// How much longer the mix takes than its ingredients alone, as a share
    /// of that: a large one would say that the truth is none.
    pub excess_share: f64,
}

/// Reads the calibration run in `folder`. Targets that were not measured, or
/// not by samples, are left out.
pub fn calibrated(folder: &Path) -> Result<Vec<Calibrated>, RecordError> {
    let run = RunDirectory::read(folder)?;
    let timed = read_times(folder, &run)?;
    let counted = read_counts(folder, &run)?;
    let mut found: Vec<Calibrated> = Vec::new();
    for (index, cell) in run.cells.iter().enumerate() {
        let CellOutcome::Measured { runtime_version, .. } = &cell.outcome else { continue };
        let requests = read_requests(folder, &cell.case)?;
        let launches: Vec<&Times> =
            timed.iter().filter(|it| it.0.0 == index).map(|it| it.1).collect();
        let Some(samples) = counted.get(&index) else { continue };
        let mixes = mixes(&requests, &launches, samples);
        let cpu_share = cpu_share(&launches);
        match found.iter_mut().find(|it| it.summary.target == cell.target) {
            Some(known) => {
                known.mixes.extend(mixes);
                known.cpu_share = known.cpu_share.min(cpu_share);
            }
            None => found.push(Calibrated {
                summary: Calibration {
                    target: cell.target.clone(),
                    runtime_version: runtime_version.clone(),
                    rules: run.rules.clone(),
                    measured_at: run.started_at.clone(),
                    mixes: 0,
                    samples: 0,
                    mean_error_points: 0.0,
                    worst_error_points: 0.0,
                    worst_mix: String::new(),
                },
                cpu_share,
                mixes,
            }),
        }
    }
    found.retain(|it| !it.mixes.is_empty());
    found.iter_mut().for_each(summarize);
    Ok(found)
}

fn summarize(found: &mut Calibrated) {
    let Calibrated { summary, mixes, .. } = found;
    summary.mixes = u32::try_from(mixes.len()).unwrap_or(u32::MAX);
    summary.samples = mixes.iter().map(|mix| mix.samples).sum();
    let sum: f64 = mixes.iter().map(|mix| mix.error_points).sum();
    summary.mean_error_points = sum / mixes.len() as f64;
    let worst = mixes.iter().max_by(|a, b| a.error_points.total_cmp(&b.error_points));
    if let Some(worst) = worst {
        summary.worst_error_points = worst.error_points;
        summary.worst_mix.clone_from(&worst.name);
    }
}

/// Median times of a launch, by request.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "units are in names")]
struct Times {
    /// Sums of the plain pass, wall time and processor time.
    wall_sum_ns: f64,
    cpu_sum_ns: f64,
    plain_ns: BTreeMap<u32, f64>,
    phases_ns: BTreeMap<(u32, RequestPhase), f64>,
}

/// By cell and launch.
fn read_times(folder: &Path, run: &Run) -> Result<BTreeMap<(usize, u32), Times>, RecordError> {
    let mut plain: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    let mut phases: BTreeMap<(u32, u32, RequestPhase), Vec<f64>> = BTreeMap::new();
    read_samples(&RunDirectory::samples_of(folder), run.samples_bytes, |row| {
        let wall_ns = row.sample.wall_ns as f64;
        let request = row.sample.request;
        match (row.sample.pass, row.sample.stretch) {
            (Pass::Plain, Stretch::Request) => {
                plain.entry((row.launch, request)).or_default().push(wall_ns);
                let sum = sums.entry(row.launch).or_default();
                sum.0 += wall_ns;
                sum.1 += row.sample.cpu_ns.map_or(wall_ns, |ns| ns as f64);
            }
            (Pass::Phase, Stretch::Part(phase)) => {
                phases.entry((row.launch, request, phase)).or_default().push(wall_ns);
            }
            _ => {}
        }
    })?;
    let mut times: BTreeMap<(usize, u32), Times> = BTreeMap::new();
    let served = run.launches.iter().filter(|it| matches!(it.outcome, LaunchOutcome::Served(_)));
    let cells: BTreeMap<u32, usize> = served.map(|it| (it.id, it.planned.cell)).collect();
    for (launch, (wall_sum_ns, cpu_sum_ns)) in sums {
        if let Some(cell) = cells.get(&launch) {
            let of_launch = Times { wall_sum_ns, cpu_sum_ns, ..Times::default() };
            times.insert((*cell, launch), of_launch);
        }
    }
    for ((launch, request), walls) in plain {
        if let (Some(cell), Some(ns)) = (cells.get(&launch), median(walls)) {
            times.entry((*cell, launch)).or_default().plain_ns.insert(request, ns);
        }
    }
    for ((launch, request, phase), walls) in phases {
        if let (Some(cell), Some(ns)) = (cells.get(&launch), median(walls)) {
            times.entry((*cell, launch)).or_default().phases_ns.insert((request, phase), ns);
        }
    }
    Ok(times)
}

fn cpu_share(launches: &[&Times]) -> f64 {
    let wall: f64 = launches.iter().map(|it| it.wall_sum_ns).sum();
    let cpu: f64 = launches.iter().map(|it| it.cpu_sum_ns).sum();
    if wall > 0.0 { cpu / wall } else { 1.0 }
}

/// Samples within `infer` by cell, request and class.
type Samples = BTreeMap<(u32, CostClass), u64>;

fn read_counts(folder: &Path, run: &Run) -> Result<BTreeMap<usize, Samples>, RecordError> {
    let cells: BTreeMap<u32, usize> =
        run.launches.iter().map(|it| (it.id, it.planned.cell)).collect();
    let mut counts: BTreeMap<usize, Samples> = BTreeMap::new();
    read_profile_records(&RunDirectory::profile_of(folder), run.profile_bytes, |row| {
        if let (RequestPhase::Infer, Some(cell)) = (row.phase, cells.get(&row.launch)) {
            let key = (row.request, CostClass::of(row.class));
            *counts.entry(*cell).or_default().entry(key).or_default() += row.count;
        }
    })?;
    Ok(counts)
}

fn read_requests(folder: &Path, case: &Case) -> Result<Vec<Counts>, RecordError> {
    let path = RunDirectory::requests_of(folder, case);
    let damaged = |reason: String| RecordError::Damaged { path: path.clone(), reason };
    let frames = FramesReader::open(&path).map_err(|error| damaged(error.to_string()))?;
    let counts = frames.map(|frame| {
        let frame = frame.map_err(|error| damaged(error.to_string()))?;
        let (numbers, _) = frame.as_chunks();
        let mut counts = Counts::default();
        if numbers.len() < counts.len() {
            return Err(damaged("a request is no mix of ingredients".into()));
        }
        for (count, number) in counts.iter_mut().zip(numbers) {
            *count = u32::from_le_bytes(*number);
        }
        Ok(counts)
    });
    counts.collect()
}

fn mixes(requests: &[Counts], launches: &[&Times], samples: &Samples) -> Vec<Mix> {
    let pure = pure_requests(requests);
    let mix = |(index, counts): (usize, &Counts)| {
        let request = u32::try_from(index).ok()?;
        let seen: Vec<Seen> = launches
            .iter()
            .filter_map(|times| seen(times, request, counts, requests, &pure))
            .collect();
        if seen.is_empty() {
            return None;
        }
        let mean = |of: &dyn Fn(&Seen) -> f64| seen.iter().map(of).sum::<f64>() / seen.len() as f64;
        let infer_share = mean(&|it| it.infer_share);
        let of_class = |class| samples.get(&(request, class)).copied().unwrap_or(0);
        let total: u64 = CostClass::ALL.into_iter().map(of_class).sum();
        let truth: [f64; 3] = std::array::from_fn(|class| mean(&|it| it.truth[class]));
        let attributed = CLASSES.map(|class| match class {
            CostClass::Marshalling => 1.0 - infer_share,
            _ if total == 0 => 0.0,
            class => infer_share * of_class(class) as f64 / total as f64,
        });
        let errors = truth.iter().zip(attributed).map(|(truth, found)| (found - truth).abs());
        Some(Mix {
            name: name_of(counts, requests, &pure),
            truth,
            attributed,
            error_points: 100.0 * errors.fold(0.0, f64::max),
            samples: total,
            excess_share: mean(&|it| it.excess_share),
        })
    };
    requests.iter().enumerate().filter_map(mix).collect()
}

/// What a launch says of a mix.
struct Seen {
    truth: [f64; 3],
    infer_share: f64,
    excess_share: f64,
}

fn seen(
    times: &Times,
    request: u32,
    counts: &Counts,
    requests: &[Counts],
    pure: &[Vec<u32>],
) -> Option<Seen> {
    let mut of_class = [0.0; 3];
    for (ingredient, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        // What it takes alone, of every request that is nothing else.
        let alone: Option<Vec<f64>> = pure[ingredient]
            .iter()
            .map(|pure| {
                let times_ns = times.plain_ns.get(pure)?;
                Some(times_ns / f64::from(requests[*pure as usize][ingredient]))
            })
            .collect();
        let alone = alone.filter(|it| !it.is_empty())?;
        let unit_ns = alone.iter().sum::<f64>() / alone.len() as f64;
        let class = CLASSES.iter().position(|it| *it == INGREDIENTS[ingredient].1)?;
        of_class[class] += f64::from(*count) * unit_ns;
    }
    let together: f64 = of_class.iter().sum();
    let phase = |phase| times.phases_ns.get(&(request, phase)).copied();
    let phases: Option<Vec<f64>> = RequestPhase::ALL.into_iter().map(phase).collect();
    let all: f64 = phases?.iter().sum();
    if together <= 0.0 || all <= 0.0 {
        return None;
    }
    Some(Seen {
        truth: of_class.map(|ns| ns / together),
        infer_share: phase(RequestPhase::Infer)? / all,
        excess_share: times.plain_ns.get(&request)? / together - 1.0,
    })
}

/// The requests of each ingredient that have nothing else done.
fn pure_requests(requests: &[Counts]) -> Vec<Vec<u32>> {
    let is_pure = |counts: &Counts, ingredient: usize| {
        counts.iter().enumerate().all(|(it, count)| (*count > 0) == (it == ingredient))
    };
    let of = |ingredient| {
        let pure = (0_u32..).zip(requests).filter(|(_, counts)| is_pure(counts, ingredient));
        pure.map(|(request, _)| request).collect()
    };
    (0..INGREDIENTS.len()).map(of).collect()
}

fn name_of(counts: &Counts, requests: &[Counts], pure: &[Vec<u32>]) -> String {
    let parts = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let parts = parts.map(|(ingredient, count)| {
        let whole = pure[ingredient].first().map_or(0, |it| requests[*it as usize][ingredient]);
        let percent = 100.0 * f64::from(*count) / f64::from(whole.max(1));
        format!("{} {percent:.0}%", INGREDIENTS[ingredient].0)
    });
    parts.collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ingredients of 100 and 50 ns, half of each in the mix.
    fn launch(mixed_ns: f64) -> Times {
        let plain_ns = [(0, 1000.0), (1, 500.0), (2, mixed_ns)].into();
        let phase = |request: u32, phase| {
            let infer = if phase == RequestPhase::Infer { 96.0 } else { 1.0 };
            ((request, phase), infer)
        };
        let phases_ns =
            (0..3).flat_map(|request| RequestPhase::ALL.map(|it| phase(request, it))).collect();
        Times { plain_ns, phases_ns, ..Times::default() }
    }

    const REQUESTS: [Counts; 3] = [[10, 0, 0, 0, 0], [0, 0, 10, 0, 0], [5, 0, 5, 0, 0]];

    #[test]
    fn the_truth_is_what_the_ingredients_take_alone() {
        let samples = [
            ((2, CostClass::Interpreter), 600),
            ((2, CostClass::Compute), 300),
            ((2, CostClass::Unknown), 100),
        ];
        let found = mixes(&REQUESTS, &[&launch(750.0)], &samples.into());
        let mix = &found[2];
        assert_eq!(mix.name, "loop 50% + matmul 50%");
        assert!(
            (mix.truth[0] - 2.0 / 3.0).abs() < 1e-12 && (mix.truth[1] - 1.0 / 3.0).abs() < 1e-12
        );
        assert!((mix.attributed[0] - 0.96 * 0.6).abs() < 1e-12);
        assert!((mix.attributed[2] - 0.04).abs() < 1e-12);
        assert!((mix.error_points - 100.0 * (2.0 / 3.0 - 0.576)).abs() < 1e-9);
        assert!(mix.excess_share.abs() < 1e-12);
        assert_eq!(mix.samples, 1000);
    }

    #[test]
    fn a_mix_that_takes_longer_than_its_ingredients_says_so() {
        let found = mixes(&REQUESTS, &[&launch(825.0)], &Samples::new());
        assert!((found[2].excess_share - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_request_whose_ingredients_were_never_alone_is_left_out() {
        let found = mixes(&REQUESTS[2..], &[&launch(750.0)], &Samples::new());
        assert!(found.is_empty());
    }
}
