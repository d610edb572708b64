//! `wasmfit boundary`: what a crossing of the boundary costs. A measurement
//! like any other, of workloads that do nothing but cross.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmfit_record::{RunDirectory, Status};
use wasmfit_reports::Analysis;

use crate::cli::{Bench, Boundary, Encoding, Purpose};
use crate::commands::{bench, require_no_run};
use crate::crossings;
use crate::exit::{CommandError, Ending};
use crate::places::Places;

/// The code of every workload.
const CODE: &str = include_str!("../../boundary/workload.py");

/// Request and response files larger than this are not kept once the run is
/// finished: they hold nothing but made-up bytes, their hashes stay in
/// run.json, and those of 64 MiB on eight targets would fill gigabytes.
const LARGEST_KEPT_BYTES: u64 = 1 << 20;

/// An encoding's workload: name and `workload.toml`.
const fn workload(encoding: Encoding) -> (&'static str, &'static str) {
    match encoding {
        Encoding::Raw => ("boundary-raw", include_str!("../../boundary/raw.toml")),
        Encoding::Items => ("boundary-items", include_str!("../../boundary/items.toml")),
        Encoding::Struct => ("boundary-struct", include_str!("../../boundary/struct.toml")),
        Encoding::Json => ("boundary-json", include_str!("../../boundary/json.toml")),
        Encoding::Pickle => ("boundary-pickle", include_str!("../../boundary/pickle.toml")),
        Encoding::Msgpack => ("boundary-msgpack", include_str!("../../boundary/msgpack.toml")),
        Encoding::Array => ("boundary-array", include_str!("../../boundary/array.toml")),
        Encoding::NumpyView => {
            ("boundary-numpy-view", include_str!("../../boundary/numpy-view.toml"))
        }
        Encoding::NumpyCopy => {
            ("boundary-numpy-copy", include_str!("../../boundary/numpy-copy.toml"))
        }
    }
}

/// Writes the workloads and measures them.
pub(crate) fn run(arguments: &Boundary) -> Result<Ending, CommandError> {
    let out = arguments.out.clone().unwrap_or_else(|| {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Path::new("runs").join(format!("boundary-{}", now.replace(':', "-")))
    });
    require_no_run(&out, ", or go on with it by `wasmfit bench --resume`")?;
    let bench = bench_of(arguments, &out);
    for encoding in encodings(arguments) {
        let (name, manifest) = workload(encoding);
        let folder = out.join("workloads").join(name);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("workload.toml"), manifest)?;
            fs::write(folder.join("workload.py"), CODE)
        };
        write().map_err(|error| CommandError::Storage(format!("{}: {error}", folder.display())))?;
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
    let folder = |encoding| -> PathBuf {
        let folder = out.join("workloads").join(workload(encoding).0);
        // A bare name would be looked for in the suite.
        std::path::absolute(&folder).unwrap_or(folder)
    };
    let folders = encodings(arguments).into_iter().map(folder);
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

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::workloads::Workload;

    #[test]
    fn every_encoding_has_a_workload_of_its_own_name() {
        for encoding in Encoding::value_variants() {
            let (name, manifest) = workload(*encoding);
            let folder = tempfile::tempdir().expect("a folder");
            let folder = folder.path().join(name);
            fs::create_dir(&folder).expect("made");
            fs::write(folder.join("workload.toml"), manifest).expect("written");
            let read = Workload::read(&folder).expect("a workload");
            let ladder = read.manifest.boundary.as_ref().expect("a ladder");
            assert_eq!(format!("boundary-{}", ladder.encoding), name);
            for case in read.cases() {
                let crossings = ladder.crossings(case.batch);
                assert!(crossings.iter().all(|(bytes, _)| bytes % 8 == 0));
                assert_eq!(read.requests_of(&case) as usize, crossings.len());
            }
        }
    }
}
