//! `wasmfit check`: whether a workload keeps its contract.

use std::collections::BTreeMap;

use serde::Serialize;
use wasmfit_protocol::Limits;
use wasmfit_record::RunDirectory;

use crate::check::{self, Finding, Verdict};
use crate::classes::Rules;
use crate::cli::Check;
use crate::commands::{print, print_json};
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::matrix::{Matrix, Targets};
use crate::measure::{Measurement, Tools};
use crate::places::Places;
use crate::plan::Effort;
use crate::progress::Progress;
use crate::setting::Setting;
use crate::workloads::Workload;

/// A workload and what was found.
#[derive(Serialize)]
struct Checked {
    workload: String,
    findings: Vec<Finding>,
}

impl Checked {
    fn is_faulty(&self) -> bool {
        self.findings.iter().any(Finding::is_fault)
    }
}

/// Checks workloads: first what needs no runner, then natively and on the
/// targets named.
pub(crate) fn run(arguments: &Check) -> Result<Ending, CommandError> {
    let places = Places::find()?;
    let interrupt = Interrupt::default();
    interrupt.on_signals()?;
    let workloads = Workload::find_all(&arguments.workloads, &places.workloads)?;
    let mut all = Vec::new();
    for workload in &workloads {
        eprintln!("checking {}", workload.name);
        let findings = check::check(workload, &places, &interrupt)?;
        if interrupt.is_requested() {
            return Ok(Ending::Interrupted);
        }
        all.push(Checked { workload: workload.name.clone(), findings });
    }
    let sound: Vec<String> = workloads
        .iter()
        .zip(&all)
        .filter(|(_, checked)| !checked.is_faulty())
        .map(|(workload, _)| workload.folder.to_string_lossy().into_owned())
        .collect();
    if !sound.is_empty() {
        let Some(found) = try_on_targets(&sound, arguments, &places, &interrupt)? else {
            return Ok(Ending::Interrupted);
        };
        for checked in &mut all {
            checked.findings.extend(found.get(&checked.workload).into_iter().flatten().cloned());
        }
    }
    if arguments.json {
        print_json(&all)?;
    } else {
        print(&told(&all))?;
    }
    Ok(if all.iter().any(Checked::is_faulty) { Ending::WithFailures } else { Ending::Done })
}

/// What a run with the least effort shows, by workload; `None` when it was
/// interrupted.
fn try_on_targets(
    workloads: &[String],
    arguments: &Check,
    places: &Places,
    interrupt: &Interrupt,
) -> Result<Option<BTreeMap<String, Vec<Finding>>>, CommandError> {
    let setting = Setting::new(places.clone(), &[]);
    let inventory = setting.inventory()?;
    let mut targets = vec![inventory.native()];
    targets.extend(arguments.targets.iter().cloned());
    let matrix = Matrix::find(workloads, &Targets::Named(&targets), places, &inventory)?;
    let folder = tempfile::tempdir().map_err(|error| CommandError::Storage(error.to_string()))?;
    let limits = Limits {
        memory_bytes: arguments.memory << 20,
        wall_ns: 600_000_000_000,
        output_bytes: 1 << 20,
    };
    let rules = Rules::read(&[])?;
    let run = matrix.new_run(Effort::check(), limits, Some(0), &rules);
    let directory = RunDirectory::create(folder.path())?;
    directory.save(&run)?;
    let progress = Progress::new(run.plan.launches.len(), 0);
    let tools = Tools { setting: &setting, rules: &rules, interrupt };
    let mut measurement = Measurement::new((run, directory), &matrix, tools, &progress);
    let measured = measurement.make();
    progress.finish();
    drop(measurement);
    measured?;
    if interrupt.is_requested() {
        return Ok(None);
    }
    let analysis = wasmfit_reports::analyze(folder.path())?;
    let mut found: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for workload in &analysis.workloads {
        let cells =
            workload.cases.iter().flat_map(|case| case.cells.iter().map(move |it| (case, it)));
        let findings = cells.flat_map(|(case, cell)| check::of_cell(&case.case.to_string(), cell));
        found.entry(workload.name.clone()).or_default().extend(findings);
    }
    Ok(Some(found))
}

/// The findings as text.
fn told(all: &[Checked]) -> String {
    let mut lines = Vec::new();
    for checked in all {
        let verdict = if checked.is_faulty() { "✗" } else { "✓" };
        lines.push(format!("{verdict} {}", checked.workload));
        lines.extend(checked.findings.iter().map(line));
    }
    let sound = all.iter().filter(|checked| !checked.is_faulty()).count();
    lines.push(format!("{sound} of {} workloads keep the contract", all.len()));
    lines.join("\n") + "\n"
}

fn line(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Good => "ok",
        Verdict::Note => "note",
        Verdict::Fault => "FAULT",
    };
    format!("  {mark:<6} {:<10} {}", finding.topic.name(), finding.text)
}
