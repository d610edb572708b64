//! Making the guests of the rungs.

use std::cell::OnceCell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasmfit_protocol::{
    Event, Failure, FailureKind, FramesReader, FramesWriter, GuestFiles, Limits, RandomState,
    Start, Task, file_sha256,
};
use wasmfit_record::{ClosedWorld, MakingStep, Rung, RungRecord};

use super::binaryen::Program;
use super::compressed;
use super::recipe::{Held, Recipe};
use super::thunks;
use crate::drive::{Assignment, Interrupt, Told, drive};
use crate::exit::CommandError;
use crate::guests::{Guest, Manifest};
use crate::progress::Progress;
use crate::setting::Setting;
use crate::targets::Setup;
use crate::workloads::Workload;

/// Limit for whatever is asked of a runner here: it may have to compile.
const LIMIT: Duration = Duration::from_mins(30);

/// What the guest's modules need and Binaryen does not take for granted. Its
/// validator does not know all of it.
const FEATURES: [&str; 2] = ["--all-features", "--no-validation"];

/// The module of every guest that is made here.
const MODULE: &str = Start::Plain.module();

/// Name of the guest that a rung makes of `base`.
pub(crate) fn guest_name(base: &str, rung: Rung) -> String {
    format!("{base}-{}", rung.name())
}

/// Makes the guests of one workload's ladder.
pub(crate) struct Maker<'a> {
    pub(crate) setting: &'a Setting,
    /// What runs a guest while it is made: Wasmtime, of which Wizer is.
    pub(crate) setup: &'a Setup,
    /// What they are made of.
    pub(crate) base: &'a Guest,
    pub(crate) workload: &'a Workload,
    pub(crate) limits: Limits,
    /// Folder of the guests.
    pub(crate) folder: &'a Path,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) progress: &'a Progress,
    pub(crate) shared: Shared,
}

/// What several rungs take from.
#[derive(Default)]
pub(crate) struct Shared {
    requests: OnceCell<Result<PathBuf, String>>,
    reached: OnceCell<Result<Reached, String>>,
    library: OnceCell<Result<(PathBuf, MakingStep), String>>,
}

/// What the workload reaches of the base.
struct Reached {
    /// Files that modules were imported from.
    files: Vec<String>,
    /// The base without the functions that were not reached, or why not.
    trimmed: Result<Stage, String>,
}

/// A module on its way.
#[derive(Clone)]
struct Stage {
    module: PathBuf,
    steps: Vec<MakingStep>,
    closed_world: Option<ClosedWorld>,
    random_state: Option<RandomState>,
}

impl Stage {
    fn new(module: PathBuf) -> Self {
        Self { module, steps: Vec::new(), closed_world: None, random_state: None }
    }

    /// The same with another module, as a step has made it.
    fn then(mut self, module: PathBuf, what: String, since: Instant) -> Result<Self, String> {
        let module_sha256 = file_sha256(&module).map_err(|error| in_words(&module, &error))?;
        let wall_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.steps.push(MakingStep { what, wall_ns, module_sha256 });
        self.module = module;
        Ok(self)
    }
}

impl Maker<'_> {
    /// Makes the guest of a rung. What cannot be made gets a guest that says
    /// why; only a file system that refuses ends it all.
    pub(crate) fn make(&self, rung: Rung) -> Result<(), CommandError> {
        self.progress.step(&format!("making {}", guest_name(&self.base.manifest.name, rung)));
        let made = self.stage(Recipe::of(rung)).and_then(|(stage, library)| {
            self.keep(rung, stage, library.as_deref()).map_err(|error| error.to_string())
        });
        match made {
            Ok(()) => Ok(()),
            Err(_) if self.interrupt.is_requested() => Ok(()),
            Err(reason) => {
                eprintln!("wasmfit: rung {}: {reason}", rung.name());
                self.keep_reason(rung, &reason).map_err(|error| self.storage(&error))
            }
        }
    }

    /// The module of a recipe and its library, if it has one.
    fn stage(&self, recipe: Recipe) -> Result<(Stage, Option<PathBuf>), String> {
        let mut library = self.base.for_runner(Start::Plain).library;
        let mut stage = Stage::new(self.base.file(MODULE));
        if recipe.trims {
            stage = self.reached()?.trimmed.clone()?;
        }
        if recipe.reduces_library {
            let (reduced, step) = self.shared.library.get_or_init(|| self.reduce()).clone()?;
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
            stage = self.rewrite(stage, &[level, "-g"])?;
        }
        if recipe.strips {
            stage = self.rewrite(stage, &["--strip-debug", "--strip-producers"])?;
        }
        Ok((stage, library))
    }

    /// The snapshot that the base comes with.
    fn initialized(&self, stage: Stage) -> Result<Stage, String> {
        if !self.base.starts().contains(&Start::Snapshot) {
            return Err(format!("{} comes without a snapshot", self.base.manifest.name));
        }
        let module = self.base.file(Start::Snapshot.module());
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
        let guest = self.guest_of(&stage.module, library)?;
        let task = Task::Snapshot {
            workload: self.workload.for_runner(),
            requests: requests.map(Path::to_owned),
        };
        let Event::SnapshotMade { random_state } = self.ask(guest, &task)? else {
            return Err(Told::off_topic().message);
        };
        let module = self.keep_scratch("snapshot.wasm", &stage.module, "held")?;
        let served = if requests.is_some() { ", every request served once" } else { "" };
        let what = format!("Wizer: workload imported, model loaded{served}");
        let mut stage = stage.then(module, what, since)?;
        stage.random_state = Some(random_state);
        Ok(stage)
    }

    /// Has `wasm-opt` rewrite the module.
    fn rewrite(&self, stage: Stage, options: &[&str]) -> Result<Stage, String> {
        let since = Instant::now();
        let module = self.work(&format!("{}{}.wasm", stem(&stage.module), options[0]))?;
        let options = [&FEATURES[..], options].concat();
        let what = Program::Opt.run(
            &self.setting.places,
            &options,
            &[("", &stage.module), ("-o", &module)],
        )?;
        stage.then(module, what, since)
    }

    fn reached(&self) -> Result<&Reached, String> {
        self.shared.reached.get_or_init(|| self.reach()).as_ref().map_err(Clone::clone)
    }

    /// Serves every request on an instrumented copy of the base, and splits
    /// off what was not reached.
    fn reach(&self) -> Result<Reached, String> {
        let source = self.base.file(MODULE);
        let instrumented = self.instrumented(&source);
        // Without Binaryen it is still known what is imported.
        let module = instrumented.as_ref().map_or(&source, |(path, _)| path);
        let mut guest =
            self.guest_of(module, self.base.for_runner(Start::Plain).library.as_deref())?;
        guest.name = format!("{}-counted", self.base.manifest.name);
        self.ask(guest.clone(), &Task::Prepare)?;
        let since = Instant::now();
        let requests = self.requests()?.to_owned();
        let served = FramesReader::open(&requests).map_err(|error| error.to_string())?.count();
        let task = Task::Cover { workload: self.workload.for_runner(), requests };
        let Event::Covered { files } = self.ask(guest, &task)? else {
            return Err(Told::off_topic().message);
        };
        let requests = u32::try_from(served).unwrap_or(u32::MAX);
        let trimmed = instrumented.and_then(|(_, step)| {
            let mut stage = Stage::new(source.clone());
            stage.steps.push(step);
            self.split(stage, requests, since)
        });
        Ok(Reached { files, trimmed })
    }

    /// The base with counters, made once for all workloads.
    fn instrumented(&self, source: &Path) -> Result<(PathBuf, MakingStep), String> {
        let since = Instant::now();
        let sha256 = self.base.manifest.files.get(MODULE).and_then(|it| it.get(..12)).unwrap_or("");
        let folder = &self.setup.artifact_folder;
        fs::create_dir_all(folder).map_err(|error| in_words(folder, &error))?;
        let path = folder.join(format!("counted-{sha256}.wasm"));
        let draft = folder.join(format!("counted-{}.wasm", std::process::id()));
        let options = [
            &["--instrument", "-g", "--in-secondary-memory"][..],
            &["--secondary-memory-name=profile-data"],
            &FEATURES,
        ]
        .concat();
        let files = [("", source), ("-o", &*draft)];
        let what = if path.is_file() {
            "wasm-split --instrument, made before".into()
        } else {
            let what = Program::Split.run(&self.setting.places, &options, &files)?;
            fs::rename(&draft, &path).map_err(|error| in_words(&path, &error))?;
            what
        };
        let stage = Stage::new(source.to_owned()).then(path, what, since)?;
        let step = stage.steps.into_iter().next().ok_or("no step was made")?;
        Ok((stage.module, step))
    }

    fn split(&self, stage: Stage, requests: u32, since: Instant) -> Result<Stage, String> {
        let profile = self.scratch()?.join("reached.profile");
        let profile_option = format!("--profile={}", profile.display());
        let (module, rest) = (self.work("trimmed.wasm")?, self.work("rest.wasm")?);
        let options =
            [&["--split", "-g", &*profile_option, "--no-placeholders"][..], &FEATURES].concat();
        let files = [("", &*stage.module), ("-o1", &*module), ("-o2", &*rest)];
        Program::Split.run(&self.setting.places, &options, &files)?;
        let (functions, of) = counted(&profile)?;
        let closed_world = ClosedWorld { requests, functions, of };
        let _ = fs::remove_file(&rest);
        thunks::remove(&module, &stage.module)?;
        let merged = self.work("trimmed-merged.wasm")?;
        let passes = ["-g", "--duplicate-function-elimination", "--remove-unused-module-elements"];
        let options = [&FEATURES[..], &passes].concat();
        Program::Opt.run(&self.setting.places, &options, &[("", &*module), ("-o", &*merged)])?;
        fs::rename(&merged, &module).map_err(|error| in_words(&module, &error))?;
        let what = format!("{requests} requests served, wasm-split --split: functions reached");
        let mut stage = stage.then(module, what, since)?;
        stage.closed_world = Some(closed_world);
        Ok(stage)
    }

    /// A copy of the standard library with the modules that were imported.
    fn reduce(&self) -> Result<(PathBuf, MakingStep), String> {
        let since = Instant::now();
        let library = self.base.for_runner(Start::Plain).library.ok_or_else(|| {
            format!("{} has its standard library inside the module", self.base.manifest.name)
        })?;
        let zip = library_file(&library)?;
        let folder = self.work("library")?;
        fs::create_dir_all(&folder).map_err(|error| in_words(&folder, &error))?;
        let reduced = folder.join(zip.file_name().unwrap_or_default());
        let mut child = Command::new(&self.setting.places.python)
            .args(["-c", include_str!("reduce.py")])
            .args([&zip, &reduced])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| in_words(&self.setting.places.python, &error))?;
        let files = self.reached()?.files.join("\n");
        if let Some(mut input) = child.stdin.take() {
            input.write_all(files.as_bytes()).map_err(|error| error.to_string())?;
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("no reason given");
            return Err(format!("the standard library cannot be reduced: {last}"));
        }
        let count = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let what = format!("standard library reduced to {count} modules that were imported");
        let stage = Stage::new(folder.clone()).then(reduced, what, since)?;
        let step = stage.steps.into_iter().next().ok_or("no step was made")?;
        Ok((folder, step))
    }

    /// All requests of all cases of the workload in one file.
    fn requests(&self) -> Result<&Path, String> {
        let made = self.shared.requests.get_or_init(|| self.make_requests());
        made.as_ref().map(PathBuf::as_path).map_err(Clone::clone)
    }

    fn make_requests(&self) -> Result<PathBuf, String> {
        let path = self.work("requests.frames")?;
        let mut all = FramesWriter::create(&path).map_err(|error| error.to_string())?;
        for case in self.workload.cases() {
            let scratch = self.scratch()?;
            let task = Task::MakeRequests {
                workload: self.workload.for_runner(),
                count: self.workload.manifest.requests,
                batch: case.batch,
            };
            let assignment = Assignment {
                tier: "",
                guest: None,
                limits: self.limits,
                scratch: &scratch,
                artifacts: &scratch,
                debug_files: &[],
            };
            let told = drive(&self.setting.native, &assignment, &task, self.interrupt);
            told.last.map_err(|failure| explain(&failure))?;
            let made = FramesReader::open(&scratch.join("requests.frames"));
            for frame in made.map_err(|error| error.to_string())? {
                let frame = frame.map_err(|error| error.to_string())?;
                all.push(&frame).map_err(|error| error.to_string())?;
            }
        }
        all.finish().map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// Asks the runner, without a limit that a compiler could reach.
    fn ask(&self, guest: GuestFiles, task: &Task) -> Result<Event, String> {
        let scratch = self.scratch()?;
        let wall_ns = u64::try_from(LIMIT.as_nanos()).unwrap_or(u64::MAX);
        let assignment = Assignment {
            tier: &self.setup.target.tier,
            guest: Some(guest),
            limits: Limits { wall_ns, ..self.limits },
            scratch: &scratch,
            artifacts: &self.setup.artifact_folder,
            debug_files: &[],
        };
        let told = drive(&self.setup.runner, &assignment, task, self.interrupt);
        told.last.map_err(|failure| explain(&failure))
    }

    /// What the runner is told of a guest on its way.
    fn guest_of(&self, module: &Path, library: Option<&Path>) -> Result<GuestFiles, String> {
        let module_sha256 = file_sha256(module).map_err(|error| in_words(module, &error))?;
        Ok(GuestFiles {
            module: module.to_owned(),
            module_sha256,
            library: library.map(Path::to_owned),
            ..self.base.for_runner(Start::Plain)
        })
    }

    /// A file of the work folder, absolute.
    fn work(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join("work");
        fs::create_dir_all(&folder).map_err(|error| in_words(&folder, &error))?;
        let path = folder.join(name);
        Ok(std::path::absolute(&path).unwrap_or(path))
    }

    /// An empty folder for a runner.
    fn scratch(&self) -> Result<PathBuf, String> {
        self.work("launch").and_then(|folder| {
            fs::create_dir_all(&folder).map_err(|error| in_words(&folder, &error))?;
            Ok(folder)
        })
    }

    /// Keeps what a runner wrote, under a name that tells what it was made of.
    fn keep_scratch(&self, file: &str, source: &Path, suffix: &str) -> Result<PathBuf, String> {
        let kept = self.work(&format!("{}-{suffix}.wasm", stem(source)))?;
        let made = self.scratch()?.join(file);
        fs::rename(&made, &kept).map_err(|error| in_words(&made, &error))?;
        Ok(kept)
    }

    /// Makes a module the guest of a rung.
    fn keep(&self, rung: Rung, stage: Stage, library: Option<&Path>) -> io::Result<()> {
        let folder = self.folder.join(guest_name(&self.base.manifest.name, rung));
        fs::create_dir_all(&folder)?;
        let mut files = vec![(MODULE.to_owned(), stage.module.clone())];
        if let Some(library) = library {
            fs::create_dir_all(folder.join("lib"))?;
            let zip = library_file(library).map_err(io::Error::other)?;
            let name = zip.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((format!("lib/{name}"), zip));
        }
        let recipe = Recipe::of(rung);
        let mut record = RungRecord {
            rung,
            base: self.base.manifest.name.clone(),
            steps: stage.steps,
            closed_world: stage.closed_world,
            random_state: stage.random_state,
            compressed: std::collections::BTreeMap::new(),
        };
        let mut manifest = self.manifest(rung);
        for (name, source) in files {
            self.place(&source, &folder.join(&name))?;
            let sha256 = file_sha256(&source)?;
            let sizes = compressed::sizes(&source, &sha256, &self.setting.places.compressed_sizes)?;
            record.compressed.insert(name.clone(), sizes);
            manifest.files.insert(name, sha256);
        }
        manifest.function_names = self.base.manifest.function_names && !recipe.strips;
        manifest.holds_workload = matches!(recipe.held, Held::Workload | Held::WarmWorkload);
        manifest.compiled_at_launch = rung == Rung::Jit;
        manifest.rung = Some(record);
        write(&folder, &manifest)
    }

    /// Puts a file in place: as a link where the file system takes one, since
    /// rungs share what they do not change. What is not theirs is copied
    /// first, so that whoever changes a rung changes no installed guest.
    fn place(&self, source: &Path, target: &Path) -> io::Result<()> {
        let own = match source.strip_prefix(self.base.file("")) {
            Err(_) => source.to_owned(),
            Ok(name) => {
                let copy = self.work("base").map_err(io::Error::other)?.join(name);
                if !copy.is_file() {
                    fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
                    fs::copy(source, &copy)?;
                }
                copy
            }
        };
        match fs::remove_file(target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::hard_link(&own, target).or_else(|_| fs::copy(&own, target).map(|_| ()))
    }

    /// Leaves a guest that says why it could not be made.
    fn keep_reason(&self, rung: Rung, reason: &str) -> io::Result<()> {
        let folder = self.folder.join(guest_name(&self.base.manifest.name, rung));
        fs::create_dir_all(&folder)?;
        let mut manifest = self.manifest(rung);
        manifest.unavailable = Some(reason.to_owned());
        write(&folder, &manifest)
    }

    fn manifest(&self, rung: Rung) -> Manifest {
        let base = &self.base.manifest;
        let rung_record = RungRecord {
            rung,
            base: base.name.clone(),
            steps: Vec::new(),
            closed_world: None,
            random_state: None,
            compressed: std::collections::BTreeMap::new(),
        };
        Manifest {
            name: guest_name(&base.name, rung),
            title: format!("{}; {}, for {}", base.title, rung.title(), self.workload.name),
            source: format!("{}, by wasmfit deploy", base.source),
            files: std::collections::BTreeMap::new(),
            rung: Some(rung_record),
            ..base.clone()
        }
    }

    /// Removes what was needed on the way.
    pub(crate) fn clear_up(&self) {
        let _ = fs::remove_dir_all(self.folder.join("work"));
    }

    fn storage(&self, error: &io::Error) -> CommandError {
        CommandError::Storage(in_words(self.folder, error))
    }
}

/// The one file in the folder that a guest sees as its library.
fn library_file(library: &Path) -> Result<PathBuf, String> {
    let mut files = fs::read_dir(library).map_err(|error| in_words(library, &error))?;
    let file = files.find_map(Result::ok).map(|entry| entry.path());
    file.ok_or_else(|| format!("{} holds no library", library.display()))
}

fn write(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = toml::to_string_pretty(manifest).map_err(io::Error::other)?;
    fs::write(folder.join("guest.toml"), text)
}

/// How many functions a profile of `wasm-split` says were reached, and of how
/// many: behind eight bytes that identify the module, four for each, zero
/// where it was not.
fn counted(profile: &Path) -> Result<(u32, u32), String> {
    let bytes = fs::read(profile).map_err(|error| in_words(profile, &error))?;
    let (counters, _) = bytes.get(8..).unwrap_or_default().as_chunks::<4>();
    let reached = counters.iter().filter(|it| **it != [0; 4]).count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok((number(reached), number(counters.len())))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn in_words(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// A failure as the reason of a rung that could not be made.
fn explain(failure: &Failure) -> String {
    match failure.kind {
        FailureKind::Trap => format!("{}, during {}", failure.message, failure.during),
        _ => failure.message.clone(),
    }
}
