//! `wasmfit bench`: measure, check, report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use wasmfit_protocol::{Failure, FailureKind};
use wasmfit_record::{CellOutcome, Run, RunDirectory};

use crate::classes::Rules;
use crate::cli::{Bench, Cli, Command};
use crate::commands::{print, print_json};
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::inventory::Inventory;
use crate::matrix::Matrix;
use crate::measure::Measurement;
use crate::places::Places;
use crate::progress::Progress;
use crate::runners;

/// Measures a matrix, or goes on with one.
pub(crate) fn run(arguments: &Bench) -> Result<Ending, CommandError> {
    let resumed = arguments.resume.as_deref().map(RunDirectory::read).transpose()?;
    let original = resumed.as_ref().map(original_arguments).transpose()?;
    let places = Places::find()?;
    let runners = runners::all(&places, &original.as_ref().unwrap_or(arguments).runners);
    let native = runners::native(&places);
    let inventory = Inventory::take(&places, &runners);
    inventory.native_hello().map_err(|failure| {
        CommandError::Setup(format!(
            "no native Python to measure with: {}: run scripts/setup, or set WASMFIT_PYTHON",
            first_line(&failure)
        ))
    })?;
    let interrupt = Interrupt::default();
    catch_signals(&interrupt)?;

    let original = original.as_ref().unwrap_or(arguments);
    let rules = Rules::read(&original.rules)?;
    let matrix = Matrix::find(original, &places, &inventory)?;
    let (run, directory) = if let (Some(run), Some(folder)) = (resumed, &arguments.resume) {
        matrix.check_same(&run, &rules)?;
        let directory = RunDirectory::resume(folder, &run)?;
        (run, directory)
    } else {
        let run = matrix.new_run(arguments, &rules)?;
        let directory = RunDirectory::create(&out_folder(arguments, &run)?)?;
        directory.save(&run)?;
        (run, directory)
    };
    let progress = Progress::new(run.plan.launches.len(), run.launches.len());
    let mut measurement = Measurement {
        run,
        directory,
        setups: BTreeMap::new(),
        requests: matrix.requests(),
        workloads: matrix.for_runners(),
        rules: &rules,
        native: &native,
        artifacts: &places.artifacts,
        debug_files: &places.debug_files,
        interrupt: &interrupt,
        progress: &progress,
    };
    matrix.set_up(&mut measurement);
    let measured = measurement
        .prepare()
        .and_then(|()| if interrupt.is_requested() { Ok(()) } else { measurement.launch_all() });
    progress.finish();
    let folder = measurement.directory.folder().to_owned();
    let failures =
        measurement.run.cells.iter().any(|cell| matches!(cell.outcome, CellOutcome::Failed { .. }));
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

/// The arguments that a run was begun with: where its workloads and runners
/// are.
fn original_arguments(run: &Run) -> Result<Bench, CommandError> {
    match Cli::try_parse_from(&run.command).map(|cli| cli.command) {
        Ok(Command::Bench(arguments)) => Ok(arguments),
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

fn catch_signals(interrupt: &Interrupt) -> Result<(), CommandError> {
    let interrupt = interrupt.clone();
    ctrlc::set_handler(move || interrupt.request())
        .map_err(|error| CommandError::Setup(format!("cannot catch Ctrl-C: {error}")))
}

fn first_line(failure: &Failure) -> String {
    // What the interpreter itself says tells more than its exit code.
    let said = failure.detail.lines().last().map(str::trim).filter(|line| !line.is_empty());
    match (failure.kind, said) {
        (FailureKind::Vanished, Some(said)) => said.to_owned(),
        _ => failure.message.clone(),
    }
}
