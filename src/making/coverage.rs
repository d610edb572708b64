//! What workloads reach of a guest, and leaving out the rest.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wasmfit_protocol::{Event, FramesReader, GuestFiles, Start, Task};
use wasmfit_record::{ClosedWorld, MakingStep};

use super::binaryen::Program;
use super::calls;
use super::stage::{Stage, in_words, step};
use super::thunks;
use super::workshop::{FEATURES, MODULE, Workshop};
use crate::drive::Told;
use crate::workloads::Workload;

/// What rewrites the modules that have traps for thunks: functions that do the
/// same are one, and what nothing names any longer goes.
const MERGE: [&str; 3] =
    ["--duplicate-function-elimination", "--remove-unused-module-elements", "-g"];

/// What leaves out exception handling: what would be thrown traps. References
/// to exceptions stay behind as locals that nothing uses.
const STRIP_EXCEPTIONS: [&str; 6] =
    ["--strip-eh", "--dce", "--remove-unused-names", "--vacuum", "--reorder-locals", "-g"];

/// What workloads reached of the base.
pub(super) struct Reached {
    /// Files that modules were imported from.
    pub(super) files: BTreeSet<String>,
    /// Requests served.
    requests: u32,
    /// Which functions, in the format of `wasm-split`, by one file for each time
    /// that the requests were served; or why that is not known.
    profiles: Result<Vec<PathBuf>, String>,
}

impl Reached {
    /// Adds what the same requests reached when they were served again.
    pub(super) fn add(&mut self, again: Self) {
        self.files.extend(again.files);
        if let (Ok(profiles), Ok(more)) = (&mut self.profiles, again.profiles) {
            profiles.extend(more);
        }
    }
}

/// When the interpreter collects garbage: what is alive then, and so what is
/// reached by it, depends on all that was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    /// When it would anyway.
    CollectedAsUsual,
    CollectedAllTheWhile,
}

/// A copy of the base that counts what is reached.
pub(super) struct Counted {
    guest: GuestFiles,
    /// The step that made it, or why it counts nothing.
    step: Result<MakingStep, String>,
}

impl Counted {
    /// The same with another library.
    pub(super) fn with_library(self, library: &Path) -> Self {
        let guest = GuestFiles { library: Some(library.to_owned()), ..self.guest };
        Self { guest, ..self }
    }
}

impl Workshop<'_> {
    /// Has the base count. Without Binaryen it is still known what workloads
    /// import.
    pub(super) fn counted(&self) -> Result<Counted, String> {
        let source = self.base.file(MODULE);
        let (module, step) = match self.instrumented(&source) {
            Ok((module, step)) => (module, Ok(step)),
            Err(reason) => (source, Err(reason)),
        };
        let library = self.base.for_runner(Start::Plain).library;
        let mut guest = self.guest_of(&module, library.as_deref())?;
        guest.name = format!("{}-counted", self.base.manifest.name);
        self.ask(guest.clone(), &Task::Prepare)?;
        Ok(Counted { guest, step })
    }

    /// The base with counters, made once for all workloads.
    fn instrumented(&self, source: &Path) -> Result<(PathBuf, MakingStep), String> {
        let since = Instant::now();
        let sha256 = self.base.module_sha256();
        let sha256 = sha256.get(..12).unwrap_or(sha256);
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
        let step = step(&path, what, since)?;
        Ok((path, step))
    }

    /// Serves every request of a workload on the counting copy.
    pub(super) fn cover(
        &self,
        counted: &Counted,
        workload: &Workload,
        requests: &Path,
        garbage: Garbage,
    ) -> Result<Reached, String> {
        let served = FramesReader::open(requests).map_err(|error| error.to_string())?.count();
        let (workload, requests) = (workload.for_runner(), requests.to_owned());
        let name = format!("{}-{garbage:?}.profile", workload.name);
        let collecting = garbage == Garbage::CollectedAllTheWhile;
        let task = Task::Cover { workload, requests, collecting };
        let Event::Covered { files } = self.ask(counted.guest.clone(), &task)? else {
            return Err(Told::off_topic().message);
        };
        let profiles = match &counted.step {
            Ok(_) => Ok(vec![self.keep_scratch("reached.profile", &name)?]),
            Err(reason) => Err(reason.clone()),
        };
        let requests = u32::try_from(served).unwrap_or(u32::MAX);
        Ok(Reached { files: files.into_iter().collect(), requests, profiles })
    }

    /// The base without the functions that none of the workloads reached.
    pub(super) fn split(&self, counted: &Counted, reached: &[Reached]) -> Result<Stage, String> {
        let since = Instant::now();
        let mut profiles = Vec::new();
        for one in reached {
            let of_one = one.profiles.as_ref().map_err(Clone::clone)?;
            profiles.extend(of_one.iter().map(|it| ("", it.as_path())));
        }
        let profile = self.file("all.profile")?;
        profiles.push(("-o", &profile));
        Program::Split.run(&self.setting.places, &["--merge-profiles"], &profiles)?;
        let source = self.base.file(MODULE);
        let mut counters = Counters::read(&profile)?;
        let reached_functions = counters.count();
        let base = fs::read(&source).map_err(|error| in_words(&source, &error))?;
        calls::keep_called(&base, &mut counters.reached)
            .map_err(|error| format!("{}: {error}", source.display()))?;
        let kept = self.file("kept.profile")?;
        counters.write(&kept)?;
        let profile_option = format!("--profile={}", kept.display());
        let (module, rest) = (self.file("trimmed.wasm")?, self.file("rest.wasm")?);
        let options =
            [&["--split", "-g", &*profile_option, "--no-placeholders"][..], &FEATURES].concat();
        let files = [("", &*source), ("-o1", &*module), ("-o2", &*rest)];
        Program::Split.run(&self.setting.places, &options, &files)?;
        let requests = reached.iter().map(|it| it.requests).sum();
        let _ = fs::remove_file(&rest);
        thunks::remove(&module, &base)?;
        let mut stage = Stage::new(source);
        stage.steps.push(counted.step.clone()?);
        let what = format!(
            "{requests} requests served, wasm-split --split: functions reached, and what they call"
        );
        let mut stage = self.merge(stage.then(module, what, since)?)?;
        stage.closed_world = Some(ClosedWorld {
            requests,
            reached: reached_functions,
            functions: counters.count(),
            of: u32::try_from(counters.reached.len()).unwrap_or(u32::MAX),
            without_exceptions: false,
        });
        Ok(stage)
    }

    /// A trimmed module with one function for all that do the same.
    fn merge(&self, stage: Stage) -> Result<Stage, String> {
        let traps = |module: &Path| thunks::name_traps(module);
        self.rewrite_and(stage, "merged", &MERGE, traps)
    }

    /// A trimmed module without exception handling.
    pub(super) fn strip_exceptions(&self, stage: Stage) -> Result<Stage, String> {
        let mut stage = self.rewrite(stage, "noeh", &STRIP_EXCEPTIONS)?;
        stage = self.merge(stage)?;
        if let Some(closed_world) = &mut stage.closed_world {
            closed_world.without_exceptions = true;
        }
        Ok(stage)
    }
}

/// A profile of `wasm-split`: behind eight bytes that identify the module, four
/// for each function that it defines, zero where it was not reached.
struct Counters {
    module: Vec<u8>,
    reached: Vec<bool>,
}

impl Counters {
    fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| in_words(path, &error))?;
        let (module, counters) = bytes.split_at_checked(8).unwrap_or_default();
        let (counters, _) = counters.as_chunks::<4>();
        let reached = counters.iter().map(|it| *it != [0; 4]).collect();
        Ok(Self { module: module.to_vec(), reached })
    }

    fn write(&self, path: &Path) -> Result<(), String> {
        let counters = self.reached.iter().flat_map(|it| u32::from(*it).to_le_bytes());
        let bytes: Vec<u8> = self.module.iter().copied().chain(counters).collect();
        fs::write(path, bytes).map_err(|error| in_words(path, &error))
    }

    fn count(&self) -> u32 {
        let count = self.reached.iter().filter(|it| **it).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}
