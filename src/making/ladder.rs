//! Making the guests of a deployment's rungs.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wasmfit_protocol::{Event, Start, Task};
use wasmfit_record::{Making, MakingStep, Rung};

use super::coverage::{Garbage, Reached};
use super::recipe::{Held, Recipe};
use super::stage::{Stage, in_words};
use super::workshop::{MODULE, Workshop, stem};
use crate::drive::Told;
use crate::exit::CommandError;
use crate::guests::Manifest;
use crate::progress::Progress;
use crate::workloads::Workload;

/// Name of the guest that a rung makes of `base`.
pub(crate) fn guest_name(base: &str, rung: Rung) -> String {
    format!("{base}-{}", rung.name())
}

/// What the workload reaches of the base.
struct Covered {
    reached: Reached,
    /// The base without the rest, or why not: without Binaryen what is imported
    /// is known all the same.
    trimmed: Result<Stage, String>,
}

/// Makes the guests of one workload's ladder.
pub(crate) struct Ladder<'a> {
    workshop: &'a Workshop<'a>,
    workload: &'a Workload,
    identity: String,
    /// Folder of the guests.
    folder: &'a Path,
    progress: &'a Progress,
    // What several rungs take from.
    requests: OnceCell<Result<PathBuf, String>>,
    covered: OnceCell<Result<Covered, String>>,
    library: OnceCell<Result<(PathBuf, MakingStep), String>>,
}

impl<'a> Ladder<'a> {
    pub(crate) fn new(
        workshop: &'a Workshop<'a>,
        workload: &'a Workload,
        folder: &'a Path,
        progress: &'a Progress,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            workshop,
            workload,
            identity: workload.identity()?,
            folder,
            progress,
            requests: OnceCell::new(),
            covered: OnceCell::new(),
            library: OnceCell::new(),
        })
    }

    /// Makes the guest of a rung. What cannot be made gets a guest that says
    /// why; only a file system that refuses ends it all.
    pub(crate) fn make(&self, rung: Rung) -> Result<(), CommandError> {
        let name = guest_name(&self.workshop.base.manifest.name, rung);
        self.progress.step(&format!("making {name}"));
        let folder = self.folder.join(name);
        let made = self.stage(Recipe::of(rung)).and_then(|(stage, library)| {
            let manifest = self.manifest(rung);
            let kept = self.workshop.keep(&folder, manifest, stage, library.as_deref());
            kept.map(|_| ()).map_err(|error| error.to_string())
        });
        match made {
            Ok(()) => Ok(()),
            Err(_) if self.workshop.interrupt.is_requested() => Ok(()),
            Err(reason) => {
                eprintln!("wasmfit: rung {}: {reason}", rung.name());
                let kept = self.keep_reason(rung, &folder, reason);
                kept.map_err(|error| CommandError::Storage(in_words(&folder, &error)))
            }
        }
    }

    /// The module of a recipe and its library, if it has one.
    fn stage(&self, recipe: Recipe) -> Result<(Stage, Option<PathBuf>), String> {
        let base = self.workshop.base;
        let mut library = base.for_runner(Start::Plain).library;
        let mut stage = Stage::new(base.file(MODULE));
        if recipe.trims {
            stage = self.covered()?.trimmed.clone()?;
        }
        if recipe.reduces_library {
            let (reduced, step) = self.library.get_or_init(|| self.reduce()).clone()?;
            stage.steps.push(step);
            library = Some(reduced);
        }
        stage = match recipe.held {
            Held::Nothing => stage,
            Held::Interpreter => self.initialized(stage)?,
            Held::Workload => self.snapshot(stage, library.as_deref(), None)?,
            Held::WarmWorkload => {
                self.snapshot(stage, library.as_deref(), Some(self.requests()?))?
            }
        };
        if let Some(level) = recipe.optimises {
            stage = self.workshop.rewrite(stage, level.trim_start_matches('-'), &[level, "-g"])?;
        }
        if recipe.strips {
            stage = self.workshop.rewrite(
                stage,
                "stripped",
                &["--strip-debug", "--strip-producers"],
            )?;
        }
        Ok((stage, library))
    }

    /// The snapshot that the base comes with.
    fn initialized(&self, stage: Stage) -> Result<Stage, String> {
        let base = self.workshop.base;
        if !base.starts().contains(&Start::Snapshot) {
            return Err(format!("{} comes without a snapshot", base.manifest.name));
        }
        let module = base.file(Start::Snapshot.module());
        stage.then(module, "the snapshot that comes with the guest".into(), Instant::now())
    }

    /// Takes a snapshot with the workload and its model.
    fn snapshot(
        &self,
        stage: Stage,
        library: Option<&Path>,
        requests: Option<&Path>,
    ) -> Result<Stage, String> {
        let since = Instant::now();
        let guest = self.workshop.guest_of(&stage.module, library)?;
        let task = Task::Snapshot {
            workload: self.workload.for_runner(),
            requests: requests.map(Path::to_owned),
        };
        let Event::SnapshotMade { random_state } = self.workshop.ask(guest, &task)? else {
            return Err(Told::off_topic().message);
        };
        let name = format!("{}-held.wasm", stem(&stage.module));
        let module = self.workshop.keep_scratch("snapshot.wasm", &name)?;
        let served = if requests.is_some() { ", every request served once" } else { "" };
        let what = format!("Wizer: workload imported, model loaded{served}");
        let mut stage = stage.then(module, what, since)?;
        stage.random_state = Some(random_state);
        Ok(stage)
    }

    fn covered(&self) -> Result<&Covered, String> {
        let cover = || {
            let requests = self.requests()?;
            let counted = self.workshop.counted()?;
            let cover = |garbage| self.workshop.cover(&counted, self.workload, requests, garbage);
            let mut reached = cover(Garbage::CollectedAsUsual)?;
            reached.add(cover(Garbage::CollectedAllTheWhile)?);
            let trimmed = self.workshop.split(&counted, std::slice::from_ref(&reached));
            Ok(Covered { reached, trimmed })
        };
        self.covered.get_or_init(cover).as_ref().map_err(Clone::clone)
    }

    /// The standard library with the modules that were imported.
    fn reduce(&self) -> Result<(PathBuf, MakingStep), String> {
        self.workshop.reduce_library(&self.covered()?.reached.files)
    }

    /// All requests of all cases.
    fn requests(&self) -> Result<&Path, String> {
        let made = self.requests.get_or_init(|| self.workshop.requests(self.workload));
        made.as_ref().map(PathBuf::as_path).map_err(Clone::clone)
    }

    /// Leaves a guest that says why it could not be made.
    fn keep_reason(&self, rung: Rung, folder: &Path, reason: String) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        Manifest { unavailable: Some(reason), ..self.manifest(rung) }.write(folder)
    }

    fn manifest(&self, rung: Rung) -> Manifest {
        let base = &self.workshop.base.manifest;
        let recipe = Recipe::of(rung);
        let workloads = BTreeMap::from([(self.workload.name.clone(), self.identity.clone())]);
        let made = Making { rung: Some(rung), workloads, ..self.workshop.making() };
        let title = format!("{}, for {}", rung.title(), self.workload.name);
        Manifest {
            source: format!("{}, by wasmfit deploy", base.source),
            function_names: base.function_names && !recipe.strips,
            holds_workload: matches!(recipe.held, Held::Workload | Held::WarmWorkload),
            compiled_at_launch: rung == Rung::Jit,
            ..self.workshop.manifest(guest_name(&base.name, rung), made, &title)
        }
    }
}
