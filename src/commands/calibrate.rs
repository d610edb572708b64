//! `wasmfit calibrate`: how far the attribution is off.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmfit_protocol::Limits;
use wasmfit_record::RunDirectory;
use wasmfit_reports::Calibrated;

use crate::calibrations;
use crate::classes::Rules;
use crate::cli::Calibrate;
use crate::commands::{print, print_json, require_no_run};
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::matrix::{Matrix, Targets};
use crate::measure::{Measurement, Tools};
use crate::places::Places;
use crate::plan::Effort;
use crate::progress::Progress;
use crate::setting::Setting;
use crate::workloads::{CALIBRATION, OwnWorkload};

/// Limits of a launch: what the workloads need, with room to spare.
const LIMITS: Limits =
    Limits { memory_bytes: 1 << 30, wall_ns: 600_000_000_000, output_bytes: 1 << 20 };

/// How far an attribution may be off to be relied on: on average, and at
/// worst.
const MEAN_GOAL: f64 = 3.0;
const WORST_GOAL: f64 = 6.0;

/// Processor time over wall time under which something else had the processor
/// and the truth is none.
const LEAST_CPU_SHARE: f64 = 0.95;

/// Measures the mixes and keeps what is found.
pub(crate) fn run(arguments: &Calibrate) -> Result<Ending, CommandError> {
    let setting = Setting::new(Places::find()?, &[]);
    let rules = Rules::read(&arguments.rules)?;
    let inventory = setting.inventory()?;
    let interrupt = Interrupt::default();
    interrupt.on_signals()?;

    let folder = out_folder(arguments)?;
    let write = |own: &OwnWorkload| -> Result<String, CommandError> {
        Ok(own.write(&folder.join("workloads"))?.to_string_lossy().into_owned())
    };
    let workloads = CALIBRATION.iter().map(write).collect::<Result<Vec<_>, _>>()?;
    let targets = match &arguments.targets[..] {
        [] => Targets::Compiled,
        named => Targets::Named(named),
    };
    let mut matrix = Matrix::find(&workloads, &targets, &setting.places, &inventory)?;
    if arguments.targets.is_empty() {
        matrix.keep_profiled();
    }
    matrix.require_profiled()?;
    let effort = Effort::calibration(arguments.rounds, arguments.sample_rate);
    let run = matrix.new_run(effort, LIMITS, None, &rules);
    let directory = RunDirectory::create(&folder)?;
    directory.save(&run)?;
    let progress = Progress::new(run.plan.launches.len(), 0);
    let tools = Tools { setting: &setting, rules: &rules, interrupt: &interrupt };
    let mut measurement = Measurement::new((run, directory), &matrix, tools, &progress);
    let measured = measurement.make();
    progress.finish();
    let failures = measurement.has_failures();
    drop(measurement);
    measured?;
    if interrupt.is_requested() {
        eprintln!("wasmfit: interrupted; a calibration is made as a whole: start it again");
        return Ok(Ending::Interrupted);
    }
    let found = wasmfit_reports::calibrated(&folder)?;
    let kept = found.iter().filter(|it| !is_disturbed(it)).map(|it| it.summary.clone());
    calibrations::add(&setting.places.calibrations, kept.collect())?;
    if arguments.json {
        print_json(&found)?;
    } else {
        print(&told(&found, &folder))?;
    }
    let is_good = !failures
        && !found.is_empty()
        && !found.iter().any(|it| is_disturbed(it) || is_beyond_goal(it));
    Ok(if is_good { Ending::Done } else { Ending::WithFailures })
}

fn is_disturbed(found: &Calibrated) -> bool {
    found.cpu_share < LEAST_CPU_SHARE
}

fn is_beyond_goal(found: &Calibrated) -> bool {
    let summary = &found.summary;
    summary.mean_error_points > MEAN_GOAL || summary.worst_error_points > WORST_GOAL
}

fn out_folder(arguments: &Calibrate) -> Result<PathBuf, CommandError> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let folder = arguments.out.clone().unwrap_or_else(|| {
        Path::new("runs").join(format!("calibration-{}", now.replace(':', "-")))
    });
    require_no_run(&folder, "")?;
    Ok(folder)
}

/// The errors as a table.
fn told(found: &[Calibrated], folder: &Path) -> String {
    let mut lines = Vec::new();
    if found.is_empty() {
        lines.push("no target was calibrated; the lines above say why".to_owned());
    } else {
        lines.push(format!(
            "{:<36} {:>5} {:>8} {:>6} {:>6}  worst mix",
            "target", "mixes", "samples", "mean", "worst"
        ));
    }
    for calibrated in found {
        let summary = &calibrated.summary;
        let note = if is_disturbed(calibrated) {
            let off = 100.0 * (1.0 - calibrated.cpu_share);
            format!(
                "  (not kept: off the processor for {off:.0}% of the time; stop other work and calibrate again)"
            )
        } else if is_beyond_goal(calibrated) {
            "  (beyond the goal)".to_owned()
        } else {
            String::new()
        };
        lines.push(format!(
            "{:<36} {:>5} {:>8} {:>6.1} {:>6.1}  {}{note}",
            summary.target.to_string(),
            summary.mixes,
            summary.samples,
            summary.mean_error_points,
            summary.worst_error_points,
            summary.worst_mix
        ));
    }
    lines.push(format!(
        "Errors in percentage points; the goal is {MEAN_GOAL} on average and {WORST_GOAL} at worst. Every mix: {}",
        folder.display()
    ));
    lines.join("\n") + "\n"
}
