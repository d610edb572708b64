//! The matrix of a run: workloads, and targets as far as they are found here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use wasmfit_protocol::{Failure, FailureKind, Limits};
use wasmfit_record::{
    Calibration, Case, Cell, CellOutcome, ContainerRecord, CrossingCost, GuestRecord, Run,
    RunnerRecord, SCHEMA_VERSION, Shard, Status, Target, WorkloadRecord,
};

use crate::classes::Rules;
use crate::container::Container;
use crate::exit::CommandError;
use crate::inventory::{Inventory, OptIn};
use crate::machine;
use crate::measure::Measurement;
use crate::places::Places;
use crate::plan::{Effort, plan};
use crate::rewrites::{self, Served};
use crate::runners;
use crate::targets::Setup;
use crate::workloads::Workload;

/// What is measured: workloads, and targets as far as they were found.
#[derive(Clone)]
pub(crate) struct Matrix {
    workloads: Vec<Chosen>,
    targets: Vec<(Target, Result<Setup, Failure>)>,
    /// What targets serve of a workload, where it is not the workload itself.
    rewrites: BTreeMap<(String, Target), Served>,
    /// Whether native can be started in a container, where that was tried.
    container: Option<ContainerRecord>,
}

/// Which targets are asked for.
pub(crate) enum Targets<'a> {
    /// These.
    Named(&'a [Target]),
    /// All that compile.
    Compiled,
    /// All that compile, and those that interpret.
    AndInterpreted,
}

impl Targets<'_> {
    fn among(&self, inventory: &Inventory<'_>) -> Vec<Target> {
        let is_asked_for = |opt_in: &Option<OptIn>| match (self, opt_in) {
            (_, None) => true,
            (_, Some(OptIn::Named(_))) => false,
            (all, Some(OptIn::Interprets)) => matches!(all, Self::AndInterpreted),
        };
        match self {
            Self::Named(targets) => targets.to_vec(),
            Self::Compiled | Self::AndInterpreted => {
                let all = inventory.targets().into_iter();
                all.filter(|(_, opt_in)| is_asked_for(opt_in)).map(|(target, _)| target).collect()
            }
        }
    }
}

/// A workload of the matrix.
#[derive(Clone)]
struct Chosen {
    workload: Workload,
    record: WorkloadRecord,
    /// Why it cannot be measured: an asset is missing or another file.
    fault: Option<Failure>,
    /// Those of its cases that are measured.
    cases: Vec<Case>,
}

impl Chosen {
    fn new(workload: Workload) -> Result<Self, CommandError> {
        let (record, assets) = workload.record()?;
        let fault = assets.fault(&workload.manifest.assets).map(|fault| {
            let message = format!("workload {}: {fault}", workload.name);
            Failure::new(FailureKind::NotStarted, "set-up", message)
        });
        let cases = workload.cases();
        Ok(Self { workload, record, fault, cases })
    }
}

impl Matrix {
    pub(crate) fn find(
        workloads: &[String],
        targets: &Targets<'_>,
        places: &Places,
        inventory: &Inventory<'_>,
    ) -> Result<Self, CommandError> {
        let native = inventory.native();
        let workloads = Workload::find_all(workloads, &places.workloads)?;
        let workloads: Vec<Chosen> =
            workloads.into_iter().map(Chosen::new).collect::<Result<_, _>>()?;
        let mut targets = targets.among(inventory);
        for target in &targets {
            inventory.knows(&target.runtime)?;
        }
        if let Some(other) = targets.iter().find(|t| t.is_native() && **t != native) {
            return Err(CommandError::Usage(format!(
                "{other} is not here, the native interpreter is {native}: set WASMFIT_PYTHON for another"
            )));
        }
        // Native first: report order, and what the others are compared with.
        targets.sort_by_key(|target| !target.is_native());
        targets.dedup();
        let set_up = |target: Target| {
            let setup = inventory.set_up(&target);
            (target, setup)
        };
        let targets: Vec<_> = targets.into_iter().map(set_up).collect();
        let pairs = workloads.iter().flat_map(|it| targets.iter().map(move |to| (it, to)));
        let rewrites = pairs.filter_map(|(chosen, (target, setup))| {
            let guest = setup.as_ref().ok().and_then(|it| it.guest.as_ref());
            let served = rewrites::served(places, &chosen.workload, target, guest)?;
            Some(((chosen.workload.name.clone(), target.clone()), served))
        });
        let rewrites = rewrites.collect();
        Ok(Self { workloads, targets, rewrites, container: None })
    }

    /// Has native start in a container too, where that can be done.
    pub(crate) fn add_container(&mut self, container: Container) {
        let Container { record, runner } = container;
        for (_, setup) in self.targets.iter_mut().filter(|(target, _)| target.is_native()) {
            if let Ok(setup) = setup {
                setup.in_container.clone_from(&runner);
            }
        }
        self.container = Some(record);
    }

    /// Refuses to go on with a run when what it measured has changed since.
    pub(crate) fn check_same(&self, run: &Run, rules: &Rules) -> Result<(), CommandError> {
        let changed = |what: &str| {
            Err(CommandError::Run(format!(
                "{what} has changed since this run began, and one run measures one thing: start a new run"
            )))
        };
        if run.wasmfit_version != env!("CARGO_PKG_VERSION") {
            return changed("wasmfit");
        }
        let (then, now) = (&run.environment, machine::environment());
        if (&then.cpu, then.cpus, &then.architecture) != (&now.cpu, now.cpus, &now.architecture) {
            return changed(&format!(
                "the processor ({} × {}, now {} × {})",
                then.cpus, then.cpu, now.cpus, now.cpu
            ));
        }
        if run.rules != rules.files() {
            return changed("a file of rules");
        }
        if run.container != self.container {
            return changed("what starts containers");
        }
        let same_cells = self.cells().iter().map(Cell::place).eq(run.cells.iter().map(Cell::place));
        if !same_cells {
            return changed("the set of workloads or targets");
        }
        for (chosen, before) in self.workloads.iter().zip(&run.workloads) {
            if chosen.record != *before {
                return changed(&format!("workload {}", before.name));
            }
        }
        for guest in self.guests() {
            if run.guests.iter().any(|it| it.name == guest.name && it.files != guest.files) {
                return changed(&format!("guest {}", guest.name));
            }
        }
        for cell in &run.cells {
            let setup = self.targets.iter().find(|(target, _)| *target == cell.target);
            if let (CellOutcome::Measured { runtime_version, .. }, Some((_, Ok(setup)))) =
                (&cell.outcome, setup)
                && *runtime_version != setup.hello.runtime_version
            {
                return changed(&format!("{}'s version", cell.target));
            }
        }
        Ok(())
    }

    /// Leaves out what other shards measure. Cases are dealt out in turn, each
    /// whole, so that a ratio is of one machine.
    pub(crate) fn keep_shard(&mut self, shard: Shard) -> Result<(), CommandError> {
        let count: usize = self.workloads.iter().map(|it| it.cases.len()).sum();
        if shard.of as usize > count {
            return Err(CommandError::Usage(format!(
                "{} shards are too many: a case is measured on one machine, and the cases of this matrix are {count}: divide it into {count} at most",
                shard.of
            )));
        }
        let mut position = 0;
        for chosen in &mut self.workloads {
            chosen.cases.retain(|_| {
                position += 1;
                (position - 1) % shard.of == shard.index - 1
            });
        }
        self.workloads.retain(|it| !it.cases.is_empty());
        Ok(())
    }

    /// Leaves out what `other` does not measure.
    pub(crate) fn keep_cases_of(&mut self, other: &Self) {
        let is_there = |case: &Case| other.workloads.iter().any(|it| it.cases.contains(case));
        self.workloads.iter_mut().for_each(|it| it.cases.retain(is_there));
        self.workloads.retain(|it| !it.cases.is_empty());
    }

    /// Leaves out the targets whose functions no sampler tells apart, and
    /// those that do not take their guest.
    pub(crate) fn keep_profiled(&mut self) {
        let is_kept = |setup: &Setup| setup.is_profiled() && setup.lacks().is_none();
        self.targets.retain(|(_, setup)| setup.as_ref().is_ok_and(is_kept));
    }

    /// Refuses targets that cannot be calibrated.
    pub(crate) fn require_profiled(&self) -> Result<(), CommandError> {
        for (target, setup) in &self.targets {
            let reason = match setup {
                Err(failure) => failure.message.clone(),
                Ok(setup) => match setup.lacks() {
                    Some(reason) => reason,
                    None if setup.is_profiled() => continue,
                    None => "no sampler sees its guest's functions, because the tier interprets or the guest does not name them".into(),
                },
            };
            return Err(CommandError::Usage(format!("{target} cannot be calibrated: {reason}")));
        }
        Ok(())
    }

    /// The calibrations that are true of these targets as they are now.
    pub(crate) fn fitting(
        &self,
        calibrations: Vec<Calibration>,
        rules: &Rules,
    ) -> Vec<Calibration> {
        let fits = |calibration: &Calibration| {
            self.targets.iter().any(|(target, setup)| {
                *target == calibration.target
                    && setup.as_ref().is_ok_and(|setup| {
                        setup.hello.runtime_version == calibration.runtime_version
                    })
                    && calibration.rules == rules.files()
            })
        };
        calibrations.into_iter().filter(fits).collect()
    }

    /// The costs of crossings that are true of these targets as they are now.
    pub(crate) fn crossings(&self, known: Vec<CrossingCost>) -> Vec<CrossingCost> {
        let fits = |cost: &CrossingCost| {
            self.targets.iter().any(|(target, setup)| {
                *target == cost.target
                    && setup
                        .as_ref()
                        .is_ok_and(|setup| setup.hello.runtime_version == cost.runtime_version)
            })
        };
        known.into_iter().filter(fits).collect()
    }

    fn guests(&self) -> Vec<GuestRecord> {
        let mut guests: Vec<GuestRecord> = Vec::new();
        for (_, setup) in &self.targets {
            if let Ok(Setup { guest_record: Some(guest), .. }) = setup
                && !guests.contains(guest)
            {
                guests.push(guest.clone());
            }
        }
        guests
    }

    /// The runners as they are.
    fn runners(&self) -> Vec<RunnerRecord> {
        let mut found: Vec<RunnerRecord> = Vec::new();
        for setup in self.targets.iter().filter_map(|(_, setup)| setup.as_ref().ok()) {
            let name = &setup.runner.name;
            if found.iter().any(|it| it.name == *name) {
                continue;
            }
            let sha256 = runners::identity(&setup.runner);
            let runtime_version = setup.hello.runtime_version.clone();
            found.push(RunnerRecord { name: name.clone(), runtime_version, sha256 });
        }
        found
    }

    /// Notes how large the guests are after gzip.
    pub(crate) fn weigh_guests(&self, run: &mut Run, cache: &Path) {
        let guests =
            self.targets.iter().filter_map(|(_, setup)| setup.as_ref().ok()?.guest.as_ref());
        for guest in guests {
            let found = run.guests.iter_mut().find(|it| it.name == guest.manifest.name);
            if let Some(record) = found.filter(|it| it.gzip_bytes.is_empty()) {
                record.gzip_bytes = guest.gzip_bytes(cache);
            }
        }
    }

    /// A run of it that is still to be made, its order by `seed`, or by the
    /// clock.
    pub(crate) fn new_run(
        &self,
        effort: Effort,
        limits: Limits,
        seed: Option<u64>,
        rules: &Rules,
    ) -> Run {
        let cells = self.cells();
        let now = SystemTime::now();
        let seed = seed.unwrap_or_else(|| {
            let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            since.as_secs()
        });
        let starts = |cell: &Cell| match self.targets.iter().find(|(t, _)| *t == cell.target) {
            Some((_, Ok(setup))) if cell.outcome == CellOutcome::Pending => setup.starts(),
            // A cell that cannot run has no launches.
            _ => Vec::new(),
        };
        let mut plan = plan(effort, &cells, starts, limits, seed);
        // A launch that compiles takes as long as all others together.
        let compiles = |cell: usize| {
            let setup = self.targets.iter().find(|(target, _)| *target == cells[cell].target);
            setup.is_some_and(|(_, setup)| setup.as_ref().is_ok_and(Setup::compiles_at_launch))
        };
        plan.launches.retain(|launch| launch.round == 0 || !compiles(launch.cell));
        Run {
            schema_version: SCHEMA_VERSION,
            wasmfit_version: env!("CARGO_PKG_VERSION").into(),
            started_at: humantime::format_rfc3339_seconds(now).to_string(),
            command: command_line(),
            environment: machine::environment(),
            guests: self.guests(),
            workloads: self.workloads.iter().map(|chosen| chosen.record.clone()).collect(),
            plan,
            cells,
            launches: Vec::new(),
            rules: rules.files().to_vec(),
            scenarios: Vec::new(),
            calibrations: Vec::new(),
            crossings: Vec::new(),
            memory_copies: Vec::new(),
            runners: self.runners(),
            container: self.container.clone(),
            requests_sha256: BTreeMap::new(),
            session: None,
            shard: None,
            shards: Vec::new(),
            samples_bytes: 0,
            profile_bytes: 0,
            status: Status::Unfinished,
        }
    }

    /// Every case on every target.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for Chosen { workload, cases, .. } in &self.workloads {
            // Once for all cases: a guest that was made for workloads compares
            // every file of theirs.
            let reasons = self
                .targets
                .iter()
                .map(|(_, setup)| setup.as_ref().ok().and_then(|it| it.unsupported(workload)));
            let reasons: Vec<Option<String>> = reasons.collect();
            for case in cases {
                for ((target, setup), reason) in self.targets.iter().zip(&reasons) {
                    let (rewrite, missing) = match self.served(&workload.name, target) {
                        None => (None, None),
                        Some(Served::Nothing) => continue,
                        Some(Served::NotMade(reason)) => (None, Some(reason)),
                        Some(Served::Rewrite(made)) => (Some(made.record.clone()), None),
                    };
                    let outcome = match missing.cloned().or_else(|| reason.clone()) {
                        Some(reason) => CellOutcome::Unsupported { reason },
                        None => CellOutcome::Pending,
                    };
                    let execution = setup.as_ref().ok().and_then(Setup::execution);
                    let limit = setup.as_ref().ok().and_then(|it| it.tier.limit.clone());
                    let (case, target) = (case.clone(), target.clone());
                    cells.push(Cell {
                        case,
                        target,
                        execution,
                        limit,
                        rewrite,
                        shard: None,
                        outcome,
                    });
                }
            }
        }
        cells
    }

    /// What a target serves of a workload, where it is not the workload itself.
    fn served(&self, workload: &str, target: &Target) -> Option<&Served> {
        self.rewrites.get(&(workload.to_owned(), target.clone()))
    }

    /// Gives each cell its target, and fails those whose target was not found
    /// or whose workload is not whole.
    pub(crate) fn set_up(&self, measurement: &mut Measurement<'_>) {
        for index in 0..measurement.run.cells.len() {
            let cell = &measurement.run.cells[index];
            let of_cell = |chosen: &&Chosen| chosen.workload.name == cell.case.workload;
            let fault = self.workloads.iter().find(of_cell).and_then(|it| it.fault.clone());
            if let (CellOutcome::Pending, Some(fault)) = (&cell.outcome, fault) {
                measurement.fail(index, fault, None);
                continue;
            }
            let setup = self.targets.iter().find(|(target, _)| *target == cell.target);
            match (&cell.outcome, setup) {
                (CellOutcome::Pending | CellOutcome::Measured { .. }, Some((_, Ok(setup)))) => {
                    let served = self.served(&cell.case.workload, &cell.target);
                    let mut setup = setup.clone();
                    if let Some(Served::Rewrite(made)) = served
                        && setup.guest.is_none()
                    {
                        setup.workload_folder = Some(made.folder.clone());
                    }
                    measurement.setups.insert(index, setup);
                }
                (CellOutcome::Pending, Some((_, Err(failure)))) => {
                    measurement.fail(index, failure.clone(), None);
                }
                _ => {}
            }
        }
    }

    /// Cells that can be measured, as far as that is known.
    pub(crate) fn open_cells(&self) -> u32 {
        let open = self.cells().iter().filter(|it| it.outcome == CellOutcome::Pending).count();
        u32::try_from(open).unwrap_or(u32::MAX)
    }

    /// How many requests each case needs.
    pub(crate) fn requests(&self) -> BTreeMap<Case, u32> {
        let of = |Chosen { workload, cases, .. }: &Chosen| {
            let counted = cases.iter().map(|case| (case.clone(), workload.requests_of(case)));
            counted.collect::<Vec<_>>()
        };
        self.workloads.iter().flat_map(of).collect()
    }

    pub(crate) fn for_runners(&self) -> BTreeMap<String, wasmfit_protocol::Workload> {
        let each = self.workloads.iter().map(|chosen| &chosen.workload);
        each.map(|workload| (workload.name.clone(), workload.for_runner())).collect()
    }
}

/// The command line, as it would be typed again. Only the program's name is
/// kept of its path.
pub(crate) fn command_line() -> Vec<String> {
    let rest = std::env::args().skip(1);
    std::iter::once("wasmfit".into()).chain(rest).collect()
}
