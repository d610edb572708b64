//! The samples of lab workloads, by launch and request.

use std::collections::BTreeMap;
use std::path::Path;

use wasmfit_protocol::{Pass, RequestPhase, Stretch};
use wasmfit_record::{LaunchKind, LaunchOutcome, RecordError, Run, RunDirectory, read_samples};

/// By launch.
pub(crate) type CrossingSamples = BTreeMap<u32, LaunchTimes>;

/// Wall times of a launch.
#[derive(Debug, Default)]
pub(crate) struct LaunchTimes {
    /// Plain pass, by request.
    pub(super) plain_ns: BTreeMap<u32, Vec<f64>>,
    /// Phase pass, by request and phase.
    pub(super) phases_ns: BTreeMap<(u32, RequestPhase), Vec<f64>>,
}

/// Reads them; none where the run has no lab workloads.
pub(crate) fn read(folder: &Path, run: &Run) -> Result<CrossingSamples, RecordError> {
    let of_lab = |cell: usize| {
        let workload = run.cells.get(cell).and_then(|cell| run.workload_of(cell));
        workload.is_some_and(|it| it.boundary.is_some())
    };
    let served = run.launches.iter().filter(|it| {
        it.planned.kind == LaunchKind::Steady && matches!(it.outcome, LaunchOutcome::Served(_))
    });
    let launches = served.filter(|it| of_lab(it.planned.cell));
    let mut times: CrossingSamples = launches.map(|it| (it.id, LaunchTimes::default())).collect();
    if times.is_empty() {
        return Ok(times);
    }
    read_samples(&RunDirectory::samples_of(folder), run.samples_bytes, |row| {
        let Some(launch) = times.get_mut(&row.launch) else { return };
        let (request, wall_ns) = (row.sample.request, row.sample.wall_ns as f64);
        match (row.sample.pass, row.sample.stretch) {
            (Pass::Plain, Stretch::Request) => {
                launch.plain_ns.entry(request).or_default().push(wall_ns);
            }
            (Pass::Phase, Stretch::Part(phase)) => {
                launch.phases_ns.entry((request, phase)).or_default().push(wall_ns);
            }
            _ => {}
        }
    })?;
    Ok(times)
}
