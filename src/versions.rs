//! The versions that a command measures: the one in question, and where it is
//! asked for the one to compare with, measured in turn.

use std::path::{Path, PathBuf};

use wasmfit_record::Side;

use crate::cli::{Bench, OwnGuest, Purpose, Versus};
use crate::exit::CommandError;
use crate::inventory::Inventory;
use crate::matrix::{Matrix, Targets};
use crate::places::Places;
use crate::runners;
use crate::setting::Setting;

/// A version: what it is measured with, and which workloads.
pub(crate) struct Version {
    pub(crate) side: Side,
    pub(crate) setting: Setting,
    workloads: Vec<String>,
}

impl Versus {
    /// Whether another version is measured in turn with this one.
    pub(crate) fn is_interleaved(&self) -> bool {
        self.against_itself
            || self.base_workloads.is_some()
            || self.base_python.is_some()
            || !self.base_runners.is_empty()
            || self.base_runners_file.is_some()
            || !self.base_guests.is_empty()
    }

    /// Whether there is anything to compare with.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.is_interleaved() || self.baseline.is_some()
    }
}

impl Version {
    /// Those that `arguments` ask for, the one in question first.
    pub(crate) fn all(arguments: &Bench) -> Result<Vec<Self>, CommandError> {
        let places = Places::find()?.with_python(arguments.python.as_deref());
        let places = with_guests(places, &arguments.guests);
        let mut versions = vec![Self {
            side: Side::New,
            setting: Setting::new(places.clone(), &arguments.runners.find()?),
            workloads: arguments.workloads.clone(),
        }];
        if arguments.versus.is_interleaved() {
            versions.push(Self::base(arguments, places)?);
        }
        Ok(versions)
    }

    /// The version to compare with: as the other, but for what is named.
    fn base(arguments: &Bench, places: Places) -> Result<Self, CommandError> {
        let versus = &arguments.versus;
        let places = places.with_python(versus.base_python.as_deref());
        let mut places = with_guests(places, &versus.base_guests);
        let mut workloads = arguments.workloads.clone();
        if let Some(folder) = &versus.base_workloads {
            folder.clone_into(&mut places.workloads);
            workloads = same_names(&arguments.workloads, folder)?;
        }
        // Of two runners of one name the first is taken.
        let mut runners = versus.base_runners.clone();
        if let Some(file) = &versus.base_runners_file {
            runners.extend(runners::find_external(&[], Some(file))?);
        }
        runners.extend(arguments.runners.find()?);
        Ok(Self { side: Side::Base, setting: Setting::new(places, &runners), workloads })
    }

    /// Its matrix.
    pub(crate) fn matrix(
        &self,
        arguments: &Bench,
        inventory: &Inventory<'_>,
    ) -> Result<Matrix, CommandError> {
        let mut named = arguments.targets.clone();
        if arguments.purpose == Purpose::Deployment {
            named.insert(0, inventory.native());
        }
        if self.side == Side::Base {
            // Another Python may have another version.
            named.iter_mut().filter(|it| it.is_native()).for_each(|it| *it = inventory.native());
        }
        if let Some(limited) = &arguments.limited {
            named = inventory.limited(limited)?;
        }
        let targets = match (&named[..], arguments.interpreters) {
            ([], false) => Targets::Compiled,
            ([], true) => Targets::AndInterpreted,
            (named, _) => Targets::Named(named),
        };
        Matrix::find(&self.workloads, &targets, &self.setting.places, inventory)
    }

    /// Where its run is kept, `folder` being that of the version in question.
    pub(crate) fn folder(&self, folder: &Path) -> PathBuf {
        match self.side {
            Side::New => folder.to_owned(),
            Side::Base => folder.join("base"),
        }
    }
}

fn with_guests(mut places: Places, guests: &[OwnGuest]) -> Places {
    let own = guests.iter().map(|guest| (guest.name.clone(), guest.folder.clone()));
    places.own_guests.extend(own);
    places
}

/// The workloads of `folder` that have the names of these; a workload that is
/// new has no counterpart there.
fn same_names(workloads: &[String], folder: &Path) -> Result<Vec<String>, CommandError> {
    if workloads.is_empty() {
        return Ok(Vec::new());
    }
    let name = |it: &String| Some(Path::new(it).file_name()?.to_string_lossy().into_owned());
    let is_there = |name: &String| folder.join(name).join("workload.toml").is_file();
    let names: Vec<String> = workloads.iter().filter_map(name).filter(is_there).collect();
    if names.is_empty() {
        return Err(CommandError::Usage(format!(
            "{} holds none of {}: --base-workloads is the folder of the old workloads",
            folder.display(),
            workloads.join(", ")
        )));
    }
    Ok(names)
}
