//! What readers need to measure a run's workloads in their own browsers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::json;
use wasmfit_kit::{GO_ON, Invocation, WORKLOAD, host_call_program, module_that_needs};
use wasmfit_protocol::{Boundary, Start};
use wasmfit_record::{Run, WorkloadRecord};
use wasmfit_reports::{Live, Programs};

use crate::exit::CommandError;
use crate::guests::Guest;
use crate::places::Places;
use crate::workloads::Workload;

/// The guests that are taken where none is named: the smallest first.
const USUAL: [&str; 2] = ["cpython-3.15-suite", "cpython-3.15"];

/// Files by their paths in a guest.
type Files = BTreeMap<String, PathBuf>;

/// Gathers what readers need of `guest` and of the workloads of `run`.
pub(crate) fn gather(
    places: &Places,
    guest: Option<&str>,
    run: &Run,
) -> Result<Live, CommandError> {
    let guest = find(places, guest)?;
    let files = guest.for_runner(Start::Plain);
    let invocation = Invocation::of(&files, Path::new(""));
    let workloads: BTreeMap<String, Result<Files, String>> = run
        .workloads
        .iter()
        .filter(|it| it.boundary.is_none())
        .map(|it| (it.name.clone(), files_of(places, &guest, it)))
        .collect();
    if let Some(reason) = workloads.values().find_map(|it| it.as_ref().err())
        && workloads.values().all(Result::is_err)
    {
        let message = format!(
            "no workload of the run can be served by guest {}: {reason}; name another one: --live=GUEST",
            guest.manifest.name
        );
        return Err(CommandError::Usage(message));
    }
    if workloads.is_empty() {
        return Err(CommandError::Usage(
            "the last run has no workloads that a reader could run: leave out --live".into(),
        ));
    }
    let folders: Vec<&str> = invocation.folders.iter().map(|(_, in_guest)| *in_guest).collect();
    let library = match (&files.library, folders.first()) {
        (Some(folder), Some(in_guest)) => below(folder, in_guest).map_err(storage(folder))?,
        _ => Files::new(),
    };
    let needed = guest.manifest.proposals.iter();
    Ok(Live {
        guest: guest.manifest.name.clone(),
        title: guest.manifest.title.clone(),
        module: files.module.clone(),
        library,
        invocation: json!({
            "arguments": invocation.arguments,
            "environment": invocation.environment,
            "folders": folders,
        }),
        programs: Programs { opening: host_call_program(&files), going_on: GO_ON.into() },
        workload: WORKLOAD,
        probes: needed.filter_map(|it| Some((it.title(), module_that_needs(*it)?))).collect(),
        shim: shim(places)?,
        workloads,
    })
}

/// The guest that is named, or else the smallest that is here.
fn find(places: &Places, name: Option<&str>) -> Result<Guest, CommandError> {
    let names = name.map_or_else(|| USUAL.to_vec(), |name| vec![name]);
    let found = names.iter().map(|name| Guest::read(places, name));
    let guest = found
        .reduce(Result::or)
        .unwrap_or_else(|| Guest::read(places, USUAL[1]))
        .map_err(|failure| CommandError::Setup(failure.message))?;
    let name = &guest.manifest.name;
    if guest.manifest.boundary != Boundary::HostCall || guest.manifest.holds_workload {
        return Err(CommandError::Usage(format!(
            "guest {name} cannot be run by readers: the page calls guests over host-call, and brings their workloads along; name another one: --live=GUEST"
        )));
    }
    guest.verify().map_err(|failure| CommandError::Setup(failure.message))?;
    Ok(guest)
}

/// The files of a workload, where it still is what was measured and the guest
/// serves it; or why not.
fn files_of(places: &Places, guest: &Guest, then: &WorkloadRecord) -> Result<Files, String> {
    let workload =
        Workload::find(&then.name, &places.workloads).map_err(|error| error.to_string())?;
    let (now, _) = workload.record().map_err(|error| error.to_string())?;
    let is_same = now.code_sha256 == then.code_sha256
        && now.assets_sha256 == then.assets_sha256
        && now.tolerance == then.tolerance;
    if !is_same {
        return Err("its code, assets or tolerance have changed since the run".into());
    }
    match guest.unsupported(&workload) {
        Some(reason) => Err(reason),
        None => below(&workload.folder, WORKLOAD).map_err(|error| error.to_string()),
    }
}

/// The modules by which a guest has WASI, and their licences.
fn shim(places: &Places) -> Result<Files, CommandError> {
    let folder = &places.browser_wasi;
    if !folder.join("index.js").is_file() {
        let message = format!(
            "{} has no modules by which a guest has WASI in a browser: run scripts/setup",
            folder.display()
        );
        return Err(CommandError::Setup(message));
    }
    let all = below(folder, "").map_err(storage(folder))?;
    let is_script = |name: &str| Path::new(name).extension().is_some_and(|it| it == "js");
    let is_wanted = |name: &str| is_script(name) || name.starts_with("LICENSE");
    let named = all.into_iter().map(|(name, path)| (name.trim_start_matches('/').to_owned(), path));
    Ok(named.filter(|(name, _)| is_wanted(name)).collect())
}

/// All files below a folder, by their paths where the guest sees it; without
/// what Python leaves behind.
fn below(folder: &Path, in_guest: &str) -> io::Result<Files> {
    let mut found = Files::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let seen = format!("{in_guest}/{name}");
        if path.is_file() {
            found.insert(seen, path);
        } else if name != "__pycache__" && path.is_dir() {
            found.extend(below(&path, &seen)?);
        }
    }
    Ok(found)
}

fn storage(folder: &Path) -> impl Fn(io::Error) -> CommandError {
    move |error| CommandError::Storage(format!("{}: {error}", folder.display()))
}
