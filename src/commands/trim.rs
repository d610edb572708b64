//! `wasmfit trim`: a guest of the functions that workloads reach.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wasmfit_protocol::Limits;

use crate::cli::{Encoding, Trim};
use crate::commands::{print, print_json};
use crate::drive::Interrupt;
use crate::exit::{CommandError, Ending};
use crate::guests::{Guest, Manifest, driver_sha256};
use crate::making::{Trimmed, Workshop, set_up, trim};
use crate::places::Places;
use crate::progress::Progress;
use crate::setting::Setting;
use crate::workloads::{CALIBRATION, Workload, of_encoding};

/// Makes the guest, unless it is there.
pub(crate) fn run(arguments: &Trim) -> Result<Ending, CommandError> {
    let places = Places::find()?.with_python(arguments.python.as_deref());
    let name = arguments.name.clone().unwrap_or_else(|| format!("{}-suite", arguments.guest));
    let folder = folder_of(&places, &name)?;
    let setting = Setting::new(places, &[]);
    let inventory = setting.inventory()?;
    let (setup, base) = set_up(&inventory, &arguments.guest)?;

    let own = tempfile::tempdir().map_err(|error| CommandError::Storage(error.to_string()))?;
    let mut workloads = Workload::find_all(&arguments.workloads, &setting.places.workloads)?;
    if arguments.workloads.is_empty() {
        workloads.extend(instruments(own.path())?);
        workloads.retain(|workload| match setup.unsupported(workload) {
            None => true,
            Some(reason) => {
                eprintln!("left out: {}: {reason}", workload.name);
                false
            }
        });
    } else if let Some((workload, reason)) =
        workloads.iter().find_map(|it| Some((it, setup.unsupported(it)?)))
    {
        return Err(CommandError::Usage(format!("{} cannot be served: {reason}", workload.name)));
    }
    let identities: BTreeMap<String, String> = workloads
        .iter()
        .map(|it| Ok((it.name.clone(), it.identity()?)))
        .collect::<Result<_, CommandError>>()?;
    let trimmed = Trimmed { name: &name, workloads: &workloads, identities };
    if let Some(there) = made_before(&setting.places, &trimmed, &base) {
        return show(arguments, &there, &folder, "is there already");
    }

    let interrupt = Interrupt::default();
    interrupt.on_signals()?;
    let progress = Progress::new(0, 0);
    let draft = folder.with_file_name(format!("{name}.making-{}", std::process::id()));
    let wall_ns = u64::MAX;
    let workshop = Workshop {
        setting: &setting,
        setup: &setup,
        base: &base,
        limits: Limits { memory_bytes: arguments.memory << 20, wall_ns, output_bytes: 1 << 20 },
        folder: draft.join("work"),
        interrupt: &interrupt,
    };
    let made = trim(&workshop, &trimmed, &draft.join("guest"), &progress);
    progress.finish();
    let kept = made.and_then(|manifest| {
        let storage =
            |error: std::io::Error| CommandError::Storage(format!("{}: {error}", folder.display()));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(storage)?;
        }
        fs::rename(draft.join("guest"), &folder).map_err(storage)?;
        Ok(manifest)
    });
    let _ = fs::remove_dir_all(&draft);
    if interrupt.is_requested() {
        return Ok(Ending::Interrupted);
    }
    show(arguments, &kept?, &folder, "is made")
}

/// Where the guest is to be. One that was not made is not replaced.
fn folder_of(places: &Places, name: &str) -> Result<PathBuf, CommandError> {
    if name.is_empty() || name.contains(['/', '@']) || name.starts_with('.') {
        return Err(CommandError::Usage(format!(
            "{name:?} is no name for a guest: it names a folder and stands behind the @ of targets"
        )));
    }
    let folder = places.guests.join(name);
    let is_made = |manifest: Manifest| manifest.made.is_some();
    if folder.exists() && !Manifest::read(&folder).is_ok_and(is_made) {
        return Err(CommandError::Usage(format!(
            "{} is a guest that was not made by trim, and is not replaced: give another --name",
            folder.display()
        )));
    }
    Ok(std::path::absolute(&folder).unwrap_or(folder))
}

/// What wasmfit itself measures with.
fn instruments(folder: &Path) -> Result<Vec<Workload>, CommandError> {
    let crossings = Encoding::USUAL.into_iter().map(of_encoding);
    CALIBRATION
        .into_iter()
        .chain(crossings)
        .map(|own| Workload::read(&own.write(folder)?))
        .collect()
}

/// The guest, where it was made of the same for the same.
fn made_before(places: &Places, trimmed: &Trimmed<'_>, base: &Guest) -> Option<Manifest> {
    let there = Guest::read(places, trimmed.name).ok()?;
    let made = there.manifest.made.as_ref()?;
    let is_same = made.workloads == trimmed.identities
        && made.base == base.manifest.name
        && made.base_sha256 == base.module_sha256()
        && made.driver_sha256 == driver_sha256();
    (is_same && there.verify().is_ok()).then_some(there.manifest)
}

fn show(
    arguments: &Trim,
    manifest: &Manifest,
    folder: &Path,
    what: &str,
) -> Result<Ending, CommandError> {
    if arguments.json {
        print_json(manifest)?;
        return Ok(Ending::Done);
    }
    let Manifest { name, made, .. } = manifest;
    let mut lines = vec![format!("{name} {what}: {}", folder.display())];
    if let Some(made) = made
        && let Some(closed) = made.closed_world
    {
        lines.push(format!(
            "{} of {} functions: {} that {} requests of {} workloads reached, and what they call; to reach another one traps",
            closed.functions,
            closed.of,
            closed.reached,
            closed.requests,
            made.workloads.len()
        ));
    }
    lines.push(format!(
        "measure it: wasmfit bench -t native@{base} -t wasmtime/cranelift@{name} -t wasmedge/aot@{name}",
        base = arguments.guest
    ));
    print(&(lines.join("\n") + "\n"))?;
    Ok(Ending::Done)
}
