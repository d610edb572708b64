//! `wasmfit bench`: measure, check, report.

use std::path::{Path, PathBuf};

use clap::Parser;
use wasmfit_protocol::Limits;
use wasmfit_record::{Run, RunDirectory};

use crate::calibrations;
use crate::classes::Rules;
use crate::cli::{Bench, Cli, Command};
use crate::commands::{assess, print, print_json};
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::inventory::Inventory;
use crate::matrix::{Matrix, Targets};
use crate::measure::{Measurement, Tools};
use crate::places::Places;
use crate::plan::Effort;
use crate::progress::Progress;
use crate::runners;
use crate::scenarios;

/// Measures a matrix, or goes on with one.
pub(crate) fn run(arguments: &Bench) -> Result<Ending, CommandError> {
    let resumed = arguments.resume.as_deref().map(RunDirectory::read).transpose()?;
    let folder = arguments.resume.as_deref().unwrap_or(Path::new(""));
    let original = resumed.as_ref().map(|run| original_arguments(run, folder)).transpose()?;
    let places =
        &Places::find()?.with_python(original.as_ref().unwrap_or(arguments).python.as_deref());
    let external = original.as_ref().unwrap_or(arguments).runners.find()?;
    let runners = runners::all(places, &external);
    let native = runners::native(places);
    let inventory = Inventory::take(places, &runners);
    inventory.require_native()?;
    let interrupt = Interrupt::default();
    interrupt.on_signals()?;

    let original = original.as_ref().unwrap_or(arguments);
    let rules = Rules::read(&original.rules)?;
    let targets = match (&original.targets[..], original.interpreters) {
        ([], false) => Targets::Compiled,
        ([], true) => Targets::AndInterpreted,
        (named, _) => Targets::Named(named),
    };
    let matrix = Matrix::find(&original.workloads, &targets, places, &inventory)?;
    let run = if let (Some(run), Some(folder)) = (resumed, &arguments.resume) {
        matrix.check_same(&run, &rules)?;
        let directory = RunDirectory::resume(folder, &run)?;
        (run, directory)
    } else {
        let scenarios = scenarios::find(&arguments.scenarios, &arguments.budgets)?;
        let effort = Effort::of(arguments.profile, arguments.sample_rate);
        let mut run = matrix.new_run(effort, limits(arguments), arguments.seed, &rules);
        run.scenarios = scenarios;
        matrix.weigh_guests(&mut run, &places.gzip_sizes);
        run.calibrations = matrix.fitting(calibrations::read(&places.calibrations), &rules);
        let directory = RunDirectory::create(&out_folder(arguments, &run)?)?;
        directory.save(&run)?;
        (run, directory)
    };
    let progress = Progress::new(run.0.plan.launches.len(), run.0.launches.len());
    let tools = Tools { places, rules: &rules, native: &native, interrupt: &interrupt };
    let mut measurement = Measurement::new(run, &matrix, tools, &progress);
    let measured = measurement.make();
    progress.finish();
    let folder = measurement.directory.folder().to_owned();
    let failures = measurement.has_failures();
    drop(measurement);
    measured?;
    report(&folder, arguments.json)?;
    if interrupt.is_requested() {
        eprintln!(
            "wasmfit: interrupted; what was measured is kept: go on with wasmfit bench --resume {}",
            folder.display()
        );
        return Ok(Ending::Interrupted);
    }
    Ok(if failures { Ending::WithFailures } else { Ending::Done })
}

fn report(folder: &Path, json: bool) -> Result<(), CommandError> {
    let analysis = wasmfit_reports::analyze(folder)?;
    let report = wasmfit_reports::render(folder, &analysis)?;
    if json {
        return print_json(&analysis);
    }
    print(&format!("{}\nreport: {}\n", wasmfit_reports::summary(&analysis), report.html.display()))
}

fn limits(arguments: &Bench) -> Limits {
    Limits {
        memory_bytes: arguments.memory << 20,
        wall_ns: u64::try_from(arguments.timeout.as_nanos()).unwrap_or(u64::MAX),
        output_bytes: arguments.output << 10,
    }
}

/// The arguments that a run was begun with: where its workloads and runners
/// are.
fn original_arguments(run: &Run, folder: &Path) -> Result<Bench, CommandError> {
    match Cli::try_parse_from(&run.command).map(|cli| cli.command) {
        Ok(Command::Bench(arguments)) => Ok(arguments),
        Ok(Command::Assess(arguments)) => assess::bench_of(&arguments, folder),
        _ => Err(CommandError::Run(format!(
            "the run was begun by {:?}, which this wasmfit does not understand: start a new run",
            run.command.join(" ")
        ))),
    }
}

fn out_folder(arguments: &Bench, run: &Run) -> Result<PathBuf, CommandError> {
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => Path::new("runs").join(run.started_at.replace(':', "-")),
    };
    if folder.join("run.json").exists() {
        return Err(CommandError::Usage(format!(
            "{} holds a run already: give another --out, or go on with it by --resume",
            folder.display()
        )));
    }
    Ok(folder)
}
