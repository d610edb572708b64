//! One guest for many workloads: what none of them reaches is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use wasmfit_protocol::{Proposal, Start};
use wasmfit_record::Making;
use wasmparser::{Validator, WasmFeatures};

use super::coverage::{Counted, Garbage, Reached};
use super::stage::{Stage, in_words};
use super::workshop::Workshop;
use crate::exit::CommandError;
use crate::guests::Manifest;
use crate::progress::Progress;
use crate::workloads::Workload;

/// A guest to be made.
pub(crate) struct Trimmed<'a> {
    /// Its name in targets.
    pub(crate) name: &'a str,
    /// What it is to serve.
    pub(crate) workloads: &'a [Workload],
    /// The same with what each of them is.
    pub(crate) identities: BTreeMap<String, String>,
}

/// Makes a guest of the functions that its workloads reach, without exception
/// handling, in `folder`.
pub(crate) fn trim(
    workshop: &Workshop<'_>,
    trimmed: &Trimmed<'_>,
    folder: &Path,
    progress: &Progress,
) -> Result<Manifest, CommandError> {
    let (stage, library, manifest) =
        stage(workshop, trimmed, progress).map_err(CommandError::Setup)?;
    let kept = workshop.keep(folder, manifest, stage, library.as_deref());
    kept.map_err(|error| CommandError::Storage(in_words(folder, &error)))
}

/// The module, the library beside it, and what is said of both.
fn stage(
    workshop: &Workshop<'_>,
    trimmed: &Trimmed<'_>,
    progress: &Progress,
) -> Result<(Stage, Option<PathBuf>, Manifest), String> {
    let base = &workshop.base.manifest;
    progress.step(&format!("having {} count what is reached", base.name));
    let mut counted = workshop.counted()?;
    let asked = requests(workshop, trimmed, progress)?;
    let cover = |counted: &Counted, garbage| cover(workshop, &asked, counted, garbage, progress);
    let mut reached = cover(&counted, Garbage::CollectedAsUsual)?;
    let mut reduced = None;
    if workshop.base.for_runner(Start::Plain).library.is_some() {
        let files = reached.iter().flat_map(|it| it.files.iter().cloned()).collect();
        let (library, step) = workshop.reduce_library(&files)?;
        // What modules do where another one is missing has to be reached too.
        counted = counted.with_library(&library);
        reduced = Some((library, step));
    }
    let again = cover(&counted, Garbage::CollectedAllTheWhile)?;
    reached.iter_mut().zip(again).for_each(|(one, again)| one.add(again));
    progress.step(&format!("making {}", trimmed.name));
    let mut stage = workshop.split(&counted, &reached)?;
    let mut proposals = base.proposals.clone();
    if proposals.remove(&Proposal::Exceptions) {
        stage = workshop.strip_exceptions(stage)?;
        require_no_exceptions(&stage.module)?;
    }
    let library = reduced.map(|(library, step)| {
        stage.steps.push(step);
        library
    });
    let made = Making { workloads: trimmed.identities.clone(), ..workshop.making() };
    let count = trimmed.workloads.len();
    let what = match trimmed.workloads {
        [only] => format!("trimmed to {}", only.name),
        _ => format!("trimmed to {count} workloads"),
    };
    let needed = trimmed.workloads.iter().flat_map(|it| &it.manifest.packages);
    let needed: BTreeSet<&str> = needed.map(|it| base.package_of(it)).collect();
    let mut packages = base.packages.clone();
    packages.retain(|package, _| needed.contains(&**package));
    let manifest = Manifest {
        packages,
        source: format!("{}, by wasmfit trim", base.source),
        proposals,
        opt_in: Some(format!("a closed world, {what}: what their requests did not reach may trap")),
        ..workshop.manifest(trimmed.name.to_owned(), made, &what)
    };
    Ok((stage, library, manifest))
}

/// Each of the workloads with all its requests.
fn requests<'a>(
    workshop: &Workshop<'_>,
    trimmed: &Trimmed<'a>,
    progress: &Progress,
) -> Result<Vec<(&'a Workload, PathBuf)>, String> {
    let asked = trimmed.workloads.iter().map(|workload| {
        progress.step(&format!("making the requests of {}", workload.name));
        let requests = workshop.requests(workload);
        Ok((workload, requests.map_err(|reason| of_workload(workload, &reason))?))
    });
    asked.collect()
}

/// What each of the workloads reaches.
fn cover(
    workshop: &Workshop<'_>,
    asked: &[(&Workload, PathBuf)],
    counted: &Counted,
    garbage: Garbage,
    progress: &Progress,
) -> Result<Vec<Reached>, String> {
    let reached = asked.iter().map(|(workload, requests)| {
        progress.step(&format!("serving every request of {}", workload.name));
        let reached = workshop.cover(counted, workload, requests, garbage);
        reached.map_err(|reason| of_workload(workload, &reason))
    });
    reached.collect()
}

fn of_workload(workload: &Workload, reason: &str) -> String {
    format!("workload {}: {reason}", workload.name)
}

/// Refuses a module that still needs exception handling, of which it would
/// otherwise be told by one runtime at a time.
fn require_no_exceptions(module: &Path) -> Result<(), String> {
    let bytes = fs::read(module).map_err(|error| in_words(module, &error))?;
    let exceptions = WasmFeatures::EXCEPTIONS | WasmFeatures::LEGACY_EXCEPTIONS;
    let features = WasmFeatures::all().difference(exceptions);
    let validated = Validator::new_with_features(features).validate_all(&bytes);
    validated.map(|_| ()).map_err(|error| {
        format!("the trimmed module is not one without exception handling: {error}")
    })
}
