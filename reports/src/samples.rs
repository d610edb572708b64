//! The samples of a run, by launch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wasmfit_protocol::{ColdPhase, Pass, RequestPhase, Stretch};
use wasmfit_record::{RecordError, Row, Run, RunDirectory, read_samples};

use crate::statistics::Sorted;

/// Requests behind the one of the cold start that count as first: what a
/// visitor has who does not stay.
const FIRST_REQUESTS: u32 = 8;

/// What a launch timed, as it was read.
#[derive(Debug, Default)]
struct Raw {
    cold_ns: [Option<u64>; ColdPhase::ALL.len()],
    first_wall_ns: Vec<u64>,
    plain_wall_ns: Vec<u64>,
    plain_cpu_ns: Vec<u64>,
    /// Wall times of the plain pass that have a CPU time beside them.
    plain_wall_with_cpu_ns: f64,
    parts_ns: [Vec<u64>; RequestPhase::ALL.len()],
    /// Position in the phase pass and one phase's time.
    part_of: Vec<(u32, u64)>,
    /// The same of the profile pass.
    profiled_part_of: Vec<(u32, u64)>,
    /// Sums of the CPU times of both passes, and how many there are.
    marked_cpu: (f64, u32),
    profiled_cpu: (f64, u32),
}

/// What a launch timed, ready for statistics.
#[derive(Debug, Default)]
pub(crate) struct LaunchSamples {
    /// By cold-start phase, in the order of [`ColdPhase::ALL`].
    pub(crate) cold_ns: [Option<u64>; ColdPhase::ALL.len()],
    /// Wall times of the first requests that were served.
    pub(crate) first_wall_ns: Option<Sorted>,
    /// Wall times of the plain pass.
    pub(crate) plain_wall_ns: Option<Sorted>,
    /// CPU times of the plain pass.
    pub(crate) plain_cpu_ns: Option<Sorted>,
    /// Sums over the samples that have both, which the CPU share rests on.
    pub(crate) plain_wall_sum_ns: f64,
    pub(crate) plain_cpu_sum_ns: f64,
    /// By request phase, in the order of [`RequestPhase::ALL`].
    pub(crate) parts_ns: [Option<Sorted>; RequestPhase::ALL.len()],
    /// All phases of a request together, phase pass.
    pub(crate) marked_ns: Option<Sorted>,
    /// The same of the profile pass.
    pub(crate) profiled_ns: Option<Sorted>,
    /// How much more processor time the mean request takes while it is
    /// sampled. The mean: of short requests few have a sample in them.
    pub(crate) sampler_share: Option<f64>,
}

/// Reads the samples of `run` in `folder`, by launch, and how many there are.
pub(crate) fn read(
    folder: &Path,
    run: &Run,
) -> Result<(BTreeMap<u32, LaunchSamples>, u64), RecordError> {
    if run.samples_bytes == 0 {
        return Ok((BTreeMap::new(), 0));
    }
    let path = RunDirectory::samples_of(folder);
    let damaged = |reason| RecordError::Damaged { path: path.clone(), reason };
    let mut raw: BTreeMap<u32, Raw> = BTreeMap::new();
    let mut count = 0;
    read_samples(&path, run.samples_bytes, |row| {
        raw.entry(row.launch).or_default().add(row);
        count += 1;
    })?;

    let known: BTreeSet<_> = run.launches.iter().map(|launch| launch.id).collect();
    if let Some(stray) = raw.keys().find(|id| !known.contains(id)) {
        return Err(damaged(format!("it has samples of launch {stray}, which run.json lacks")));
    }
    Ok((raw.into_iter().map(|(id, raw)| (id, raw.sort())).collect(), count))
}

impl Raw {
    fn add(&mut self, Row { sample, .. }: Row) {
        match (sample.pass, sample.stretch) {
            (Pass::Cold, Stretch::Cold(phase)) => {
                let slot = &mut self.cold_ns[phase as usize];
                *slot = Some(slot.unwrap_or(0).saturating_add(sample.wall_ns));
            }
            (Pass::Plain, Stretch::Request) => {
                self.plain_wall_ns.push(sample.wall_ns);
                if let Some(cpu_ns) = sample.cpu_ns {
                    self.plain_cpu_ns.push(cpu_ns);
                    self.plain_wall_with_cpu_ns += sample.wall_ns as f64;
                }
            }
            (Pass::Phase, Stretch::Part(phase)) => {
                self.parts_ns[phase as usize].push(sample.wall_ns);
                self.part_of.push((sample.index, sample.wall_ns));
                add(&mut self.marked_cpu, sample.cpu_ns);
            }
            (Pass::Profile, Stretch::Part(_)) => {
                self.profiled_part_of.push((sample.index, sample.wall_ns));
                add(&mut self.profiled_cpu, sample.cpu_ns);
            }
            (Pass::Warmup, Stretch::Request) if sample.index < FIRST_REQUESTS => {
                self.first_wall_ns.push(sample.wall_ns);
            }
            // Later warm-up requests are kept for whoever doubts the warm-up;
            // no figure rests on them. Other pairs do not exist.
            _ => {}
        }
    }

    fn sort(self) -> LaunchSamples {
        LaunchSamples {
            cold_ns: self.cold_ns,
            plain_wall_sum_ns: self.plain_wall_with_cpu_ns,
            plain_cpu_sum_ns: self.plain_cpu_ns.iter().map(|&sample| sample as f64).sum(),
            first_wall_ns: Sorted::new(self.first_wall_ns),
            plain_wall_ns: Sorted::new(self.plain_wall_ns),
            plain_cpu_ns: Sorted::new(self.plain_cpu_ns),
            parts_ns: self.parts_ns.map(Sorted::new),
            marked_ns: Sorted::new(request_totals(self.part_of)),
            sampler_share: more(mean(self.profiled_cpu), mean(self.marked_cpu)),
            profiled_ns: Sorted::new(request_totals(self.profiled_part_of)),
        }
    }
}

fn add((sum, count): &mut (f64, u32), cpu_ns: Option<u64>) {
    if let Some(cpu_ns) = cpu_ns {
        *sum += cpu_ns as f64;
        *count += 1;
    }
}

fn mean((sum, count): (f64, u32)) -> Option<f64> {
    (count > 0).then(|| sum / f64::from(count))
}

/// How much larger one mean is than the other, as a share of that.
fn more(this: Option<f64>, other: Option<f64>) -> Option<f64> {
    let (this, other) = (this?, other?);
    (other > 0.0).then(|| this / other - 1.0)
}

/// Adds up the phases of each request.
fn request_totals(mut parts: Vec<(u32, u64)>) -> Vec<u64> {
    parts.sort_by_key(|(index, _)| *index);
    parts
        .chunk_by(|a, b| a.0 == b.0)
        .map(|request| request.iter().fold(0, |sum: u64, (_, wall)| sum.saturating_add(*wall)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_of_a_request_add_up_in_any_order() {
        let parts = vec![(1, 10), (0, 1), (0, 2), (1, 30), (0, 4)];
        assert_eq!(request_totals(parts), [7, 40]);
        assert_eq!(request_totals(vec![]), [0_u64; 0]);
    }
}
