//! A run in progress: makes its launches one after the other, checks what
//! they answered, and keeps the run directory up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wasmfit_protocol::{
    Event, Failure, FailureKind, FramesReader, Pass, ProfileRow, Profiled, Sample, Sampling,
    Served, Task, Workload as RunnerWorkload, file_sha256, monotonic_ns, read_profile,
};
use wasmfit_record::{
    Case, CellOutcome, Deviation, Launch, LaunchKind, LaunchOutcome, PlannedLaunch, RecordError,
    Run, RunDirectory, Status, Target, Tolerance, read_launch_samples,
};

use crate::classes::Rules;
use crate::drive::{Assignment, Interrupt, Runner, Told, drive};
use crate::exit::CommandError;
use crate::matrix::Matrix;
use crate::memory_copy;
use crate::outputs::{Agreement, compare, not_finite};
use crate::progress::Progress;
use crate::quiet::{Disturbance, Watch};
use crate::session;
use crate::setting::Setting;
use crate::targets::Setup;

/// A run in progress.
pub(crate) struct Measurement<'a> {
    /// The run, as `run.json` says it.
    pub(crate) run: Run,
    /// Its directory.
    pub(crate) directory: RunDirectory,
    /// The targets that can be launched, by cell.
    pub(crate) setups: BTreeMap<usize, Setup>,
    /// How many requests each case has.
    pub(crate) requests: BTreeMap<Case, u32>,
    /// The workloads, by name.
    pub(crate) workloads: BTreeMap<String, RunnerWorkload>,
    /// What tells the classes of PC samples.
    pub(crate) rules: &'a Rules,
    /// The runner that makes requests.
    pub(crate) native: &'a Runner,
    /// Folders of debug files, which name native functions in profiles.
    pub(crate) debug_files: &'a [PathBuf],
    /// Ctrl-C.
    pub(crate) interrupt: &'a Interrupt,
    /// What the user sees.
    pub(crate) progress: &'a Progress,
}

impl<'a> Measurement<'a> {
    /// A run of `matrix` that is to be made in `directory`.
    pub(crate) fn new(
        (run, directory): (Run, RunDirectory),
        matrix: &Matrix,
        tools: Tools<'a>,
        progress: &'a Progress,
    ) -> Self {
        let Tools { setting, rules, interrupt } = tools;
        let Setting { places, native, .. } = setting;
        let mut measurement = Self {
            run,
            directory,
            setups: BTreeMap::new(),
            requests: matrix.requests(),
            workloads: matrix.for_runners(),
            rules,
            native,
            debug_files: &places.debug_files,
            interrupt,
            progress,
        };
        matrix.set_up(&mut measurement);
        measurement
    }

    /// Makes what is missing, and then every launch that is still to be made.
    pub(crate) fn make(&mut self) -> Result<(), CommandError> {
        session::make(std::slice::from_mut(self), None)
    }

    /// Whether a cell has failed.
    pub(crate) fn has_failures(&self) -> bool {
        self.run.cells.iter().any(|cell| matches!(cell.outcome, CellOutcome::Failed { .. }))
    }

    /// Whether the launch planned at `index` is still to be made.
    pub(crate) fn is_due(&self, index: usize) -> bool {
        self.is_open(self.run.plan.launches[index].cell) && !self.has_ended(index)
    }

    /// Whether the budget of its cell leaves out the launch planned at `index`.
    pub(crate) fn is_left_out(&self, index: usize) -> bool {
        let planned = &self.run.plan.launches[index];
        self.is_due(index) && self.run.leaves_out(planned)
    }

    fn has_ended(&self, index: usize) -> bool {
        let id = launch_id(index);
        self.run.launches.iter().any(|launch| launch.id == id)
    }

    /// Makes the launch planned at `index`, the one at `position` of all that
    /// are planned.
    pub(crate) fn launch_planned(
        &mut self,
        index: usize,
        position: usize,
    ) -> Result<(), CommandError> {
        let planned = self.run.plan.launches[index];
        self.progress.launch(position, &planned, &self.run);
        self.launch(launch_id(index), planned)
    }

    /// Notes that no launch is still to be made.
    pub(crate) fn finish(&mut self) -> Result<(), CommandError> {
        self.run.status = Status::Finished;
        self.save()
    }

    /// Whether more launches of a cell make sense.
    pub(crate) fn is_open(&self, cell: usize) -> bool {
        let outcome = &self.run.cells[cell].outcome;
        self.setups.contains_key(&cell)
            && matches!(outcome, CellOutcome::Pending | CellOutcome::Measured { .. })
    }

    fn launch(&mut self, id: u32, planned: PlannedLaunch) -> Result<(), CommandError> {
        let Some(setup) = self.setups.get(&planned.cell).cloned() else { return Ok(()) };
        let case = self.run.cells[planned.cell].case.clone();
        let Some(mut workload) = self.workloads.get(&case.workload).cloned() else { return Ok(()) };
        if let Some(folder) = &setup.workload_folder {
            workload.folder.clone_from(folder);
        }
        let scratch = self.scratch()?;
        let assignment = Assignment {
            tier: &setup.target.tier,
            guest: setup.guest.as_ref().map(|guest| guest.for_runner(planned.start)),
            limits: self.run.plan.limits,
            scratch: &scratch,
            artifacts: &setup.artifact_folder,
            debug_files: self.debug_files,
        };
        let sampling = match planned.kind {
            LaunchKind::Cold => None,
            LaunchKind::Steady => {
                let profile = self.run.plan.sampling.profile.filter(|_| setup.is_profiled());
                Some(Sampling { profile, ..self.run.plan.sampling })
            }
        };
        let requests = self.directory.requests(&case);
        let requests = std::path::absolute(&requests).unwrap_or(requests);
        let task = Task::Measure { workload, requests, sampling };
        let cell = &self.run.cells[planned.cell];
        let plan = self.run.workload_of(cell).and_then(|it| it.boundary.as_ref());
        if plan.is_some_and(|it| memory_copy::is_reference_of(it, cell.case.batch)) {
            self.run.memory_copies.push(memory_copy::measure(id));
        }
        let watch = Watch::begin();
        let began_ns = monotonic_ns();
        let told = drive(setup.runner_of(planned.start), &assignment, &task, self.interrupt);
        if self.interrupt.is_requested() {
            // A launch that was cut short has not ended: a resumed run makes
            // it again.
            return Ok(());
        }
        let wall_ns = monotonic_ns() - began_ns;
        let Disturbance { steal, others, throttled } = watch.end();
        let outcome = self.take_in(id, planned, &setup, &told, &scratch)?;
        if let LaunchOutcome::Failed(failure) = &outcome {
            end_on_full_disk(failure)?;
        }
        let launch = Launch { id, planned, outcome, wall_ns, steal, others, throttled };
        self.run.launches.push(launch);
        self.save()
    }

    /// Takes in what a launch brought: its samples, or why there are none.
    fn take_in(
        &mut self,
        id: u32,
        planned: PlannedLaunch,
        setup: &Setup,
        told: &Told,
        scratch: &Path,
    ) -> Result<LaunchOutcome, CommandError> {
        let served = match told.last.clone() {
            Ok(Event::Served(served)) => served,
            Ok(_) => return Ok(self.fail_launch(planned.cell, Told::off_topic(), None)),
            Err(failure) => {
                return Ok(self.fail_launch(planned.cell, setup.explained(failure), None));
            }
        };
        let case = &self.run.cells[planned.cell].case;
        let expected = match planned.kind {
            LaunchKind::Cold => 1,
            LaunchKind::Steady => self.requests.get(case).copied().unwrap_or(1),
        };
        let bulk = read_bulk(scratch, planned.kind, expected, &served);
        let Bulk { samples, responses, profile } = match bulk {
            Ok(bulk) => bulk,
            Err(failure) => return Ok(self.fail_launch(planned.cell, failure, None)),
        };
        let deviation = match self.verify(planned.cell, &responses)? {
            Verified::NothingToCompare => None,
            Verified::Agrees(deviation) => Some(deviation),
            Verified::NotComparable(reason) => {
                let message = format!(
                    "its output cannot be compared: {reason}: encode finite numbers, in the format that workload.toml states"
                );
                let failure = Failure::new(FailureKind::Contract, "output check", message);
                return Ok(self.fail_launch(planned.cell, failure, None));
            }
            Verified::Differs(deviation, first) => {
                let message = format!(
                    "its output differs from native beyond the workload's tolerance: {first}"
                );
                let failure = Failure::new(FailureKind::OutputMismatch, "output check", message);
                return Ok(self.fail_launch(planned.cell, failure, Some(deviation)));
            }
        };
        let profile = self.rules.classify(id, &profile);
        self.directory.append(&mut self.run, id, &samples, &profile)?;
        let cell = &self.run.cells[planned.cell];
        let kept = self.directory.responses(&cell.case, &cell.target);
        if planned.kind == LaunchKind::Steady && !kept.exists() {
            move_file(&scratch.join("responses.frames"), &kept)?;
        }
        self.note_measured(planned, setup, told, deviation);
        Ok(LaunchOutcome::Served(served))
    }

    /// Compares a launch's responses with native's.
    fn verify(&self, cell: usize, responses: &[Vec<u8>]) -> Result<Verified, CommandError> {
        let tolerance = self.tolerance(cell);
        let native = self.run.native_of(cell);
        if native.is_none_or(|native| native == cell) {
            let told = responses.iter().enumerate().find_map(|(request, response)| {
                not_finite(response, tolerance.format)
                    .map(|reason| format!("request {request}: {reason}"))
            });
            if let Some(reason) = told {
                return Ok(Verified::NotComparable(reason));
            }
        }
        let Some(native) = native else {
            return Ok(Verified::NothingToCompare);
        };
        let case = &self.run.cells[native].case;
        let path = self.directory.responses(case, &self.run.cells[native].target);
        if !path.is_file() {
            return Ok(Verified::NothingToCompare);
        }
        let reference: Vec<Vec<u8>> = FramesReader::open(&path)
            .and_then(Iterator::collect)
            .map_err(|error| CommandError::Run(error.to_string()))?;
        Ok(match compare(responses, &reference, tolerance) {
            Agreement::Within(_) if native == cell => Verified::NothingToCompare,
            Agreement::Within(deviation) => Verified::Agrees(deviation),
            Agreement::Beyond { deviation, first } => Verified::Differs(deviation, first),
        })
    }

    fn tolerance(&self, cell: usize) -> Tolerance {
        let exact =
            Tolerance { format: wasmfit_record::OutputFormat::Bytes, absolute: 0.0, relative: 0.0 };
        self.run.workload_of(&self.run.cells[cell]).map_or(exact, |workload| workload.tolerance)
    }

    /// Notes that a cell has been measured. What a cold start cannot tell
    /// stays as a steady launch told it.
    fn note_measured(
        &mut self,
        planned: PlannedLaunch,
        setup: &Setup,
        told: &Told,
        deviation: Option<Deviation>,
    ) {
        if planned.kind == LaunchKind::Cold {
            return;
        }
        let cell = &self.run.cells[planned.cell];
        let kept = self.directory.responses(&cell.case, &cell.target);
        let (worst, before) = match &cell.outcome {
            CellOutcome::Measured { deviation: before, responses_sha256, .. } => {
                let worst = |now| before.map_or(now, |before| worse(before, now));
                (deviation.map(worst), responses_sha256.clone())
            }
            _ => (deviation, None),
        };
        // The responses that are kept are those of the first launch.
        let responses_sha256 = before.or_else(|| file_sha256(&kept).ok());
        self.run.cells[planned.cell].outcome = CellOutcome::Measured {
            versions: told.versions.clone(),
            runtime_version: setup.hello.runtime_version.clone(),
            artifacts: setup.artifacts.clone(),
            deviation: worst,
            responses_sha256,
        };
    }

    fn fail_launch(
        &mut self,
        cell: usize,
        failure: Failure,
        deviation: Option<Deviation>,
    ) -> LaunchOutcome {
        if failure.kind != FailureKind::Storage {
            self.fail(cell, failure.clone(), deviation);
        }
        LaunchOutcome::Failed(failure)
    }

    /// Fails a cell, and says so at once. One whose tier does not take the
    /// guest has not failed: it is unsupported.
    pub(crate) fn fail(&mut self, cell: usize, failure: Failure, deviation: Option<Deviation>) {
        let cell = &mut self.run.cells[cell];
        if failure.kind == FailureKind::Unsupported {
            let Target { runtime, tier, guest } = &cell.target;
            let reason = format!("{runtime}/{tier} does not take {guest}: {}", failure.message);
            cell.outcome = CellOutcome::Unsupported { reason };
            return;
        }
        self.progress.failed(cell, &failure);
        cell.outcome = CellOutcome::Failed { failure, deviation };
    }

    /// Saves `run.json`.
    pub(crate) fn save(&self) -> Result<(), CommandError> {
        Ok(self.directory.save(&self.run)?)
    }

    /// An empty folder for the next launch's bulk data.
    pub(crate) fn scratch(&self) -> Result<PathBuf, CommandError> {
        let folder = self.directory.folder().join("launch");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .map_err(|error| storage(&folder, &error))
            .map(|()| std::path::absolute(&folder).unwrap_or(folder))
    }
}

/// A launch's number: its place in the plan.
fn launch_id(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// What a run is made with.
#[derive(Clone, Copy)]
pub(crate) struct Tools<'a> {
    /// What is measured with.
    pub(crate) setting: &'a Setting,
    /// What tells the classes of PC samples.
    pub(crate) rules: &'a Rules,
    /// Ctrl-C.
    pub(crate) interrupt: &'a Interrupt,
}

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.directory.folder().join("launch"));
    }
}

/// What became of the output check.
enum Verified {
    /// This is native, or native was not measured.
    NothingToCompare,
    /// Within the tolerance.
    Agrees(Deviation),
    /// Native's own response is nothing to compare others with: why.
    NotComparable(String),
    /// Beyond the tolerance; the first response that is.
    Differs(Deviation, String),
}

/// The files that a launch left behind.
fn read_bulk(
    scratch: &Path,
    kind: LaunchKind,
    expected: u32,
    served: &Served,
) -> Result<Bulk, Failure> {
    let garbage = |message: String| Failure::new(FailureKind::Garbage, "end", message);
    let samples = read_launch_samples(&scratch.join("samples.csv"))
        .map_err(|error| garbage(error.to_string()))?;
    let responses: Vec<Vec<u8>> = FramesReader::open(&scratch.join("responses.frames"))
        .and_then(Iterator::collect)
        .map_err(|error| garbage(error.to_string()))?;
    if kind == LaunchKind::Steady && !samples.iter().any(|sample| sample.pass == Pass::Plain) {
        return Err(garbage("the runner says that it served, and gives no samples".into()));
    }
    if responses.len() != expected as usize {
        let message = format!(
            "the runner says that it served, and gives {} responses to {expected} requests",
            responses.len()
        );
        return Err(garbage(message));
    }
    let profile = match served.profile {
        Some(Profiled::Taken(_)) => read_profile(&scratch.join("profile.jsonl"))
            .map_err(|error| garbage(error.to_string()))?,
        Some(Profiled::Impossible { .. }) | None => Vec::new(),
    };
    Ok(Bulk { samples, responses, profile })
}

/// What a launch leaves in files.
struct Bulk {
    samples: Vec<Sample>,
    responses: Vec<Vec<u8>>,
    profile: Vec<ProfileRow>,
}

fn worse(a: Deviation, b: Deviation) -> Deviation {
    Deviation {
        requests: a.requests.max(b.requests),
        identical: a.identical.min(b.identical),
        largest_absolute: a.largest_absolute.max(b.largest_absolute),
        largest_relative: a.largest_relative.max(b.largest_relative),
    }
}

/// A file system that refuses one job's data will refuse the next one's.
pub(crate) fn end_on_full_disk(failure: &Failure) -> Result<(), CommandError> {
    if failure.kind != FailureKind::Storage {
        return Ok(());
    }
    Err(CommandError::Storage(format!(
        "{}: what was measured before is kept; make room and go on with --resume",
        failure.message
    )))
}

/// Moves a file within the run directory.
pub(crate) fn move_file(from: &Path, to: &Path) -> Result<(), CommandError> {
    fs::rename(from, to).map_err(|error| storage(to, &error))
}

fn storage(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::Record(RecordError::Io {
        path: path.to_owned(),
        source: std::io::Error::new(error.kind(), error.to_string()),
    })
}
