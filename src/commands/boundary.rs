//! `wasmfit boundary`: what a crossing of the boundary costs. A measurement
//! like any other, of workloads that do nothing but cross.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use wasmfit_record::{RunDirectory, Status};
use wasmfit_reports::Analysis;

use crate::cli::{Bench, Boundary, Encoding, Purpose};
use crate::commands::{bench, require_no_run};
use crate::components;
use crate::crossings;
use crate::exit::{CommandError, Ending};
use crate::places::Places;
use crate::workloads::of_encoding;

/// Request and response files larger than this are not kept once the run is
/// finished: they hold nothing but made-up bytes, their hashes stay in
/// run.json, and those of 64 MiB on eight targets would fill gigabytes.
const LARGEST_KEPT_BYTES: u64 = 1 << 20;

/// Writes the workloads and measures them.
pub(crate) fn run(arguments: &Boundary) -> Result<Ending, CommandError> {
    let out = arguments.out.clone().unwrap_or_else(|| {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Path::new("runs").join(format!("boundary-{}", now.replace(':', "-")))
    });
    require_no_run(&out, ", or go on with it by `wasmfit bench --resume`")?;
    if arguments.targets.iter().any(|it| components::lab::is_one(&it.guest)) {
        // Before anything is written: without its compilers there is nothing to measure.
        components::lab::ensure(&Places::find()?).map_err(CommandError::Setup)?;
    }
    let bench = bench_of(arguments, &out);
    for encoding in encodings(arguments) {
        of_encoding(encoding).write(&out.join("workloads"))?;
    }
    bench::run(&bench).inspect_err(|_| {
        if !out.join("run.json").exists() {
            // Nothing was begun: the folder may go again, unless it holds more.
            let _ = fs::remove_dir_all(out.join("workloads"));
            let _ = fs::remove_dir(&out);
        }
    })
}

/// The encodings asked for, each once.
fn encodings(arguments: &Boundary) -> Vec<Encoding> {
    let mut asked = match &arguments.encodings[..] {
        [] => Encoding::USUAL.to_vec(),
        named => named.to_vec(),
    };
    let mut seen = Vec::new();
    asked.retain(|it| {
        let is_new = !seen.contains(it);
        seen.push(*it);
        is_new
    });
    asked
}

/// The same as a measurement. `out` is the folder of the run.
pub(crate) fn bench_of(arguments: &Boundary, out: &Path) -> Bench {
    let workloads = out.join("workloads");
    let folders = encodings(arguments).into_iter().map(|it| of_encoding(it).folder_in(&workloads));
    Bench {
        workloads: folders.map(|it| it.to_string_lossy().into_owned()).collect(),
        targets: arguments.targets.clone(),
        interpreters: arguments.interpreters,
        python: arguments.python.clone(),
        profile: arguments.profile,
        out: Some(out.to_owned()),
        memory: arguments.memory,
        timeout: arguments.timeout,
        sample_rate: 0,
        seed: arguments.seed,
        runners: arguments.runners.clone(),
        json: arguments.json,
        purpose: Purpose::Boundary,
        ..Bench::default()
    }
}

/// Keeps what was found for the verdicts of later runs, and drops the largest
/// of the files that held the payloads.
pub(crate) fn conclude(
    folder: &Path,
    analysis: &Analysis,
    places: &Places,
) -> Result<(), CommandError> {
    if analysis.status != Status::Finished {
        return Ok(());
    }
    let found = analysis.boundary.as_ref().map(wasmfit_reports::Lab::crossings);
    crossings::add(&places.crossings, found.unwrap_or_default())?;
    let run = RunDirectory::read(folder)?;
    for cell in &run.cells {
        let files = [
            RunDirectory::requests_of(folder, &cell.case),
            RunDirectory::responses_of(folder, &cell.case, &cell.target),
        ];
        for file in files {
            if fs::metadata(&file).is_ok_and(|it| it.len() > LARGEST_KEPT_BYTES) {
                fs::remove_file(&file).map_err(|error| {
                    CommandError::Storage(format!("{}: {error}", file.display()))
                })?;
            }
        }
    }
    Ok(())
}
