//! WASM guests: folders with a `guest.toml` that names each file's hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzEncoder;
use serde::{Deserialize, Serialize};
use wasmfit_protocol::{
    Boundary, Failure, FailureKind, GuestFiles, Interpreter, Proposal, Start, Tier, file_sha256,
    sha256,
};
use wasmfit_record::{GuestRecord, Making};

use crate::places::Places;
use crate::workloads::{ANY_GUEST, Workload};

/// Where a guest's folder says what it is.
const FILE: &str = "guest.toml";

/// A guest as its folder describes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Guest {
    #[serde(skip)]
    folder: PathBuf,
    /// `guest.toml`.
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
}

/// `guest.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Its name in targets.
    pub(crate) name: String,
    /// One line: what it is.
    pub(crate) title: String,
    /// Where it comes from.
    pub(crate) source: String,
    /// Version of its Python.
    pub(crate) python: String,
    /// How requests reach it.
    pub(crate) boundary: Boundary,
    /// What runs the workload's Python.
    #[serde(default)]
    pub(crate) interpreter: Interpreter,
    /// Whether its modules name their functions, as a profile needs it.
    #[serde(default = "yes")]
    pub(crate) function_names: bool,
    /// The WebAssembly proposals it needs.
    #[serde(default)]
    pub(crate) proposals: BTreeSet<Proposal>,
    /// Packages it carries, with versions.
    pub(crate) packages: BTreeMap<String, String>,
    /// Import names that are not their package's, and the package.
    #[serde(default)]
    pub(crate) imports: BTreeMap<String, String>,
    /// Whether its module holds a workload, imported and its model loaded.
    #[serde(default)]
    pub(crate) holds_workload: bool,
    /// Whether it is compiled at every launch.
    #[serde(default)]
    pub(crate) compiled_at_launch: bool,
    /// Why it is measured only when it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opt_in: Option<String>,
    /// Why it could not be made; it then has no files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unavailable: Option<String>,
    /// Its files, with SHA-256.
    pub(crate) files: BTreeMap<String, String>,
    /// How it was made of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) made: Option<Making>,
}

impl Manifest {
    /// That of a guest without Python and packages, of which nothing is told
    /// yet.
    pub(crate) const fn bare() -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            source: String::new(),
            python: String::new(),
            boundary: Boundary::HostCall,
            interpreter: Interpreter::Kernel,
            function_names: false,
            proposals: BTreeSet::new(),
            packages: BTreeMap::new(),
            imports: BTreeMap::new(),
            holds_workload: false,
            compiled_at_launch: false,
            opt_in: None,
            unavailable: None,
            files: BTreeMap::new(),
            made: None,
        }
    }

    /// Reads the one in a guest's folder; an error says why in one line.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE);
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text)
            .map_err(|error| format!("{}: {}", path.display(), error.message().replace('\n', "; ")))
    }

    /// Writes it to a guest's folder.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        fs::write(folder.join(FILE), text)
    }

    /// Whether it is measured without being named.
    pub(crate) const fn is_usual(&self) -> bool {
        self.opt_in.is_none()
    }

    /// Why a tier refuses it for what is around its module; nothing where it
    /// does not.
    pub(crate) fn refused_by<'a>(&self, tier: &'a Tier) -> Option<&'a str> {
        tier.refusal(self.boundary, self.interpreter)
    }

    /// Which of its files a start begins with.
    pub(crate) const fn main_file(&self, start: Start) -> &'static str {
        self.interpreter.main_file(start)
    }

    /// The package that an import is of.
    pub(crate) fn package_of<'a>(&'a self, import: &'a str) -> &'a str {
        self.imports.get(import).map_or(import, String::as_str)
    }
}

impl Guest {
    /// Reads the guest named `name`.
    pub(crate) fn read(places: &Places, name: &str) -> Result<Self, Failure> {
        let own = places.own_guests.get(name).cloned();
        let folder = own.unwrap_or_else(|| places.guests.join(name));
        let mut manifest = Manifest::read(&folder).map_err(|reason| {
            invalid(if folder.join(FILE).exists() {
                reason
            } else {
                format!(
                    "guest {name}: {reason}: run scripts/setup, or set WASMFIT_GUESTS to a folder that holds {name}/"
                )
            })
        })?;
        // Two builds of one guest are compared under one name.
        name.clone_into(&mut manifest.name);
        Ok(Self { folder, manifest })
    }

    /// All guests, by name; those that do not read are left out.
    pub(crate) fn read_all(places: &Places) -> Vec<Self> {
        let names = fs::read_dir(&places.guests).into_iter().flatten().filter_map(Result::ok);
        let mut names: Vec<String> = names
            .filter(|entry| entry.path().join(FILE).is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.extend(places.own_guests.keys().cloned());
        names.sort();
        names.dedup();
        names.iter().filter_map(|name| Self::read(places, name).ok()).collect()
    }

    /// SHA-256 of the module that begins from nothing.
    pub(crate) fn module_sha256(&self) -> &str {
        let module = self.manifest.main_file(Start::Plain);
        self.manifest.files.get(module).map_or("", String::as_str)
    }

    /// The starts it offers.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let Manifest { files, .. } = &self.manifest;
        let offered = |start: &Start| files.contains_key(self.manifest.main_file(*start));
        [Start::Plain, Start::Snapshot].into_iter().filter(offered).collect()
    }

    /// Which of the imported `modules` it does not carry, and what it does, in
    /// one clause.
    pub(crate) fn lacks(&self, modules: &[String]) -> Option<String> {
        let Manifest { name, packages, .. } = &self.manifest;
        let is_there = |module: &&String| packages.contains_key(self.manifest.package_of(module));
        let missing: Vec<&str> =
            modules.iter().filter(|it| !is_there(it)).map(String::as_str).collect();
        let missing = (!missing.is_empty()).then(|| missing.join(", "))?;
        Some(format!("guest {name} has no {missing}: {}", self.packages_in_words()))
    }

    /// What it carries beyond the standard library, as a clause about it.
    pub(crate) fn packages_in_words(&self) -> String {
        let names: Vec<&str> = self.manifest.packages.keys().map(String::as_str).collect();
        match &names[..] {
            [] => "it has nothing beyond the standard library".into(),
            names => format!("it has {}", names.join(", ")),
        }
    }

    /// Reads every file whole and compares its hash. Done once per run.
    pub(crate) fn verify(&self) -> Result<GuestRecord, Failure> {
        let mut sizes = BTreeMap::new();
        for (name, expected) in &self.manifest.files {
            let path = self.folder.join(name);
            let found = file_sha256(&path).map_err(|error| {
                invalid(format!("{}: {error}: run scripts/setup again", path.display()))
            })?;
            if found != *expected {
                let (found, expected) = (&found[..12], expected.get(..12).unwrap_or(expected));
                return Err(invalid(format!(
                    "{} is not the file its guest.toml names (SHA-256 {found}... instead of {expected}...): run scripts/setup again, or correct guest.toml",
                    path.display()
                )));
            }
            sizes.insert(name.clone(), fs::metadata(&path).map_or(0, |metadata| metadata.len()));
        }
        let packages = Some(self.import_names());
        let Manifest {
            name,
            title,
            source,
            boundary,
            interpreter,
            function_names,
            files,
            made,
            ..
        } = self.manifest.clone();
        Ok(GuestRecord {
            name,
            title,
            source,
            boundary,
            interpreter,
            function_names,
            files,
            bytes: sizes,
            gzip_bytes: BTreeMap::new(),
            packages,
            made,
        })
    }

    /// Where one of its files is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Why a guest that was made for some workloads does not serve this one;
    /// nothing where it does. One that comes as it is was made for none, and so
    /// was one that is made for any.
    pub(crate) fn was_made_for(&self, workload: &Workload) -> Option<Result<(), String>> {
        let made = self.manifest.made.as_ref()?;
        let (guest, name) = (&self.manifest.name, &workload.name);
        if made.driver_sha256 != driver_sha256() {
            return Some(Err(format!(
                "guest {guest} was made by another version of wasmfit: make it again"
            )));
        }
        if made.workloads.is_empty() {
            return None;
        }
        Some(match (made.workloads.get(name), workload.identity()) {
            (Some(then), Ok(now)) if *then == now => Ok(()),
            (Some(_), Ok(_)) => Err(format!(
                "guest {guest} was made for {name} as it was then, and code, assets or requests have changed since: make it again"
            )),
            (Some(_), Err(error)) => Err(error.to_string()),
            (None, _) => {
                let names: Vec<&str> = made.workloads.keys().map(String::as_str).collect();
                Err(format!("guest {guest} was made for others: {}", names.join(", ")))
            }
        })
    }

    /// Why it cannot serve a workload on any runtime, as far as that is known
    /// before trying.
    pub(crate) fn unsupported(&self, workload: &Workload) -> Option<String> {
        if let Some(reason) = &self.manifest.unavailable {
            return Some(reason.clone());
        }
        if let Some(made_for_it) = self.was_made_for(workload) {
            return made_for_it.err();
        }
        let Manifest { name, interpreter, packages, .. } = &self.manifest;
        let is_listed = workload.manifest.guests.iter().any(|it| it == ANY_GUEST || it == name);
        // Whoever gave Pyodide packages wants to see what needs them.
        let is_meant = *interpreter == Interpreter::Pyodide
            && !packages.is_empty()
            && !workload.manifest.packages.is_empty();
        let lacks = self.lacks(&workload.manifest.packages);
        lacks.or_else(|| {
            let unlisted = format!("its workload.toml does not list guest {name}");
            (!is_listed && !is_meant).then_some(unlisted)
        })
    }

    /// By which names its packages are imported.
    fn import_names(&self) -> Vec<String> {
        let Manifest { packages, imports, .. } = &self.manifest;
        let renamed = imports.iter().filter(|(_, package)| packages.contains_key(*package));
        let own = packages.keys().filter(|it| !imports.values().any(|package| package == *it));
        let mut names: Vec<_> = renamed.map(|(name, _)| name).chain(own).cloned().collect();
        names.sort();
        names
    }

    /// Size of each file after gzip; those that do not read are left out.
    /// Compressing takes seconds, so `cache` keeps what was found, by hash.
    pub(crate) fn gzip_bytes(&self, cache: &Path) -> BTreeMap<String, u64> {
        let made = self.manifest.made.as_ref();
        let found = self.manifest.files.iter().filter_map(|(name, sha256)| {
            // Its own manifest says so of a guest that was made here.
            if let Some(known) = made.and_then(|it| it.compressed.get(name)) {
                return Some((name.clone(), known.gzip_bytes));
            }
            let known = cache.join(sha256);
            let read = || fs::read_to_string(&known).ok()?.trim().parse().ok();
            let bytes = read().or_else(|| {
                let bytes = gzip_bytes(&self.folder.join(name)).ok()?;
                // Without a cache it is found again the next time.
                let _ = fs::create_dir_all(cache)
                    .and_then(|()| fs::write(&known, format!("{bytes}\n")));
                Some(bytes)
            })?;
            Some((name.clone(), bytes))
        });
        found.collect()
    }

    /// Whether its standard library lies beside the module, not within it.
    fn library(&self) -> bool {
        self.manifest.files.keys().any(|file| file.starts_with("lib/"))
    }

    /// What runners are told of it.
    pub(crate) fn for_runner(&self, start: Start) -> GuestFiles {
        let module = self.manifest.main_file(start);
        GuestFiles {
            name: self.manifest.name.clone(),
            module: self.folder.join(module),
            module_sha256: self.manifest.files.get(module).cloned().unwrap_or_default(),
            library: self.library().then(|| self.folder.join("lib")),
            boundary: self.manifest.boundary,
            interpreter: self.manifest.interpreter,
            proposals: self.manifest.proposals.clone(),
            start,
            holds_workload: self.manifest.holds_workload,
            compiled_at_launch: self.manifest.compiled_at_launch,
        }
    }
}

/// SHA-256 of the driver that runners have.
pub(crate) fn driver_sha256() -> String {
    sha256(include_bytes!("../runners/kit/src/driver.py"))
}

/// At gzip's own default level.
fn gzip_bytes(path: &Path) -> io::Result<u64> {
    let file = BufReader::with_capacity(1 << 20, fs::File::open(path)?);
    let mut compressed = GzEncoder::new(file, Compression::default());
    io::copy(&mut compressed, &mut io::sink())
}

const fn yes() -> bool {
    true
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::Guest, "guest check", message)
}
