//! What has to be there before the first launch: requests and compiled
//! artifacts. What cannot be made fails the cells that need it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use wasmfit_protocol::{Artifact, Event, Failure, Limits, Start, Task, Workload, file_sha256};
use wasmfit_record::{Case, Target};

use crate::drive::{Assignment, Interrupt, Told, drive};
use crate::exit::CommandError;
use crate::measure::{Measurement, end_on_full_disk, move_file};
use crate::targets::Setup;

/// Limit for compiling a guest: a minute here, several on a busy machine.
const COMPILE_LIMIT: Duration = Duration::from_mins(30);

impl Measurement<'_> {
    /// Makes what is missing. Ends early, failing nothing, when interrupted.
    pub(super) fn prepare(&mut self) -> Result<(), CommandError> {
        for (case, count) in &self.requests.clone() {
            let Some(workload) = self.workloads.get(&case.workload).cloned() else { continue };
            if self.directory.requests(case).is_file() {
                continue;
            }
            let made = self.make_requests(case, workload, *count)?;
            if self.interrupt.is_requested() {
                return Ok(());
            }
            if let Err(failure) = made {
                end_on_full_disk(&failure)?;
                self.fail_where(&failure, |cell_case, _| cell_case == case);
            }
        }
        for case in self.requests.keys() {
            let made = file_sha256(&self.directory.requests(case)).ok();
            self.run.requests_sha256.extend(made.map(|sha256| (case.to_string(), sha256)));
        }
        let targets: BTreeMap<Target, Setup> =
            self.setups.values().map(|setup| (setup.target.clone(), setup.clone())).collect();
        for (target, setup) in targets.iter().filter(|(_, setup)| setup.prepares()) {
            let compiled = self.compile(setup, &self.planned_starts(target))?;
            if self.interrupt.is_requested() {
                return Ok(());
            }
            match compiled {
                Ok(artifacts) => {
                    let of_target =
                        self.setups.values_mut().filter(|setup| setup.target == *target);
                    of_target.for_each(|setup| setup.artifacts.clone_from(&artifacts));
                }
                Err(failure) => {
                    end_on_full_disk(&failure)?;
                    self.fail_where(&failure, |_, cell_target| cell_target == target);
                }
            }
        }
        self.save()
    }

    /// Fails every cell that `concerns` picks and that has not failed yet.
    fn fail_where(&mut self, failure: &Failure, concerns: impl Fn(&Case, &Target) -> bool) {
        for cell in 0..self.run.cells.len() {
            let (case, target) = self.run.cells[cell].place();
            if concerns(case, target) && self.is_open(cell) {
                self.fail(cell, failure.clone(), None);
            }
        }
    }

    fn make_requests(
        &self,
        case: &Case,
        workload: Workload,
        count: u32,
    ) -> Result<Result<(), Failure>, CommandError> {
        self.progress.step(&format!("making the requests of {case}"));
        let scratch = self.scratch()?;
        let assignment = Assignment {
            tier: "",
            guest: None,
            limits: self.run.plan.limits,
            scratch: &scratch,
            artifacts: self.artifacts,
            debug_files: &[],
        };
        let task = Task::MakeRequests { workload, count, batch: case.batch };
        match drive(self.native, &assignment, &task, self.interrupt).last {
            Ok(Event::RequestsMade { .. }) => {
                move_file(&scratch.join("requests.frames"), &self.directory.requests(case))?;
                Ok(Ok(()))
            }
            Ok(_) => Ok(Err(Told::off_topic())),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// The starts of a target that are to be launched.
    fn planned_starts(&self, target: &Target) -> BTreeSet<Start> {
        let of_target = self.run.plan.launches.iter();
        let of_target = of_target.filter(|it| self.run.cells[it.cell].target == *target);
        of_target.map(|launch| launch.start).collect()
    }

    /// Makes the artifacts of a target.
    fn compile(
        &self,
        setup: &Setup,
        starts: &BTreeSet<Start>,
    ) -> Result<Result<BTreeMap<Start, Artifact>, Failure>, CommandError> {
        let scratch = self.scratch()?;
        let artifacts = starts.iter().copied().filter_map(|start| {
            self.progress.step(&format!("preparing {} ({} start)", setup.target, start.name()));
            let made = prepare_one(setup, start, &scratch, self.artifacts, self.interrupt);
            made.transpose().map(|artifact| artifact.map(|artifact| (start, artifact)))
        });
        Ok(artifacts.collect())
    }
}

/// The artifact of one start; none where the tier compiles nothing.
fn prepare_one(
    setup: &Setup,
    start: Start,
    scratch: &Path,
    artifacts: &Path,
    interrupt: &Interrupt,
) -> Result<Option<Artifact>, Failure> {
    let wall_ns = u64::try_from(COMPILE_LIMIT.as_nanos()).unwrap_or(u64::MAX);
    let limits = Limits { memory_bytes: u64::MAX, wall_ns, output_bytes: 1 << 20 };
    let guest = setup.guest.as_ref().map(|guest| guest.for_runner(start));
    let tier = &setup.target.tier;
    let assignment = Assignment { tier, guest, limits, scratch, artifacts, debug_files: &[] };
    match drive(&setup.runner, &assignment, &Task::Prepare, interrupt).last? {
        Event::Prepared { artifact } => Ok(artifact),
        _ => Err(Told::off_topic()),
    }
}
