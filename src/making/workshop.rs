//! Where guests are made: a folder, and a runner that can be asked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wasmfit_protocol::{
    Boundary, Event, Failure, FailureKind, FramesReader, FramesWriter, GuestFiles, Limits, Start,
    Task, file_sha256,
};
use wasmfit_record::{Making, Target};

use super::binaryen::Program;
use super::compressed;
use super::library::library_file;
use super::stage::{Stage, in_words};
use crate::drive::{Assignment, Interrupt, drive};
use crate::exit::CommandError;
use crate::guests::{Guest, Manifest, driver_sha256};
use crate::inventory::Inventory;
use crate::setting::Setting;
use crate::targets::Setup;
use crate::workloads::Workload;

/// What runs guests while they are made: Wasmtime, of which Wizer is.
pub(crate) const MAKER: &str = "wasmtime/cranelift";

/// Limit for whatever is asked of a runner here: it may have to compile.
const LIMIT: Duration = Duration::from_mins(30);

/// What the guest's modules need and Binaryen does not take for granted. Its
/// validator does not know all of it.
pub(super) const FEATURES: [&str; 2] = ["--all-features", "--no-validation"];

/// The module of every guest that is made here.
pub(super) const MODULE: &str = Start::Plain.module();

/// What makes guests of `base`, and the base.
pub(crate) fn set_up(
    inventory: &Inventory<'_>,
    base: &str,
) -> Result<(Setup, Guest), CommandError> {
    let maker: Target = format!("{MAKER}@{base}")
        .parse()
        .map_err(|error: wasmfit_record::TargetError| CommandError::Usage(error.to_string()))?;
    let setup = inventory.set_up(&maker).map_err(|failure| CommandError::Setup(failure.message))?;
    match setup.guest.clone() {
        None => Err(CommandError::Setup(format!("{base} is no guest that is installed"))),
        Some(guest) if guest.manifest.boundary != Boundary::HostCall => {
            Err(CommandError::Usage(format!(
                "{base} is a command that ends with its program, and nothing can be made of what has ended: take a guest that calls the host, cpython-3.15"
            )))
        }
        Some(guest) => Ok((setup, guest)),
    }
}

/// A place to make guests of `base` in.
pub(crate) struct Workshop<'a> {
    pub(crate) setting: &'a Setting,
    /// [`MAKER`] with the base.
    pub(crate) setup: &'a Setup,
    /// What guests are made of.
    pub(crate) base: &'a Guest,
    pub(crate) limits: Limits,
    /// Folder of what is needed on the way.
    pub(crate) folder: PathBuf,
    pub(crate) interrupt: &'a Interrupt,
}

impl Workshop<'_> {
    /// A file of the folder.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf, String> {
        fs::create_dir_all(&self.folder).map_err(|error| in_words(&self.folder, &error))?;
        Ok(self.folder.join(name))
    }

    /// The folder that runners write to.
    pub(super) fn scratch(&self) -> Result<PathBuf, String> {
        let folder = self.file("launch")?;
        fs::create_dir_all(&folder).map_err(|error| in_words(&folder, &error))?;
        Ok(folder)
    }

    /// Keeps what a runner wrote, under another name.
    pub(super) fn keep_scratch(&self, written: &str, name: &str) -> Result<PathBuf, String> {
        let kept = self.file(name)?;
        let written = self.scratch()?.join(written);
        fs::rename(&written, &kept).map_err(|error| in_words(&written, &error))?;
        Ok(kept)
    }

    /// Asks the runner, without a limit that a compiler could reach.
    pub(super) fn ask(&self, guest: GuestFiles, task: &Task) -> Result<Event, String> {
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
    pub(super) fn guest_of(
        &self,
        module: &Path,
        library: Option<&Path>,
    ) -> Result<GuestFiles, String> {
        let module_sha256 = file_sha256(module).map_err(|error| in_words(module, &error))?;
        Ok(GuestFiles {
            module: module.to_owned(),
            module_sha256,
            library: library.map(Path::to_owned),
            ..self.base.for_runner(Start::Plain)
        })
    }

    /// All requests of all cases of a workload in one file.
    pub(super) fn requests(&self, workload: &Workload) -> Result<PathBuf, String> {
        let path = self.file(&format!("{}.frames", workload.name))?;
        let mut all = FramesWriter::create(&path).map_err(|error| error.to_string())?;
        for case in workload.cases() {
            let scratch = self.scratch()?;
            let task = Task::MakeRequests {
                workload: workload.for_runner(),
                count: workload.requests_of(&case),
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

    /// Has `wasm-opt` rewrite the module, whose name tells `how` from then on.
    pub(super) fn rewrite(
        &self,
        stage: Stage,
        how: &str,
        options: &[&str],
    ) -> Result<Stage, String> {
        self.rewrite_and(stage, how, options, |_| Ok(()))
    }

    /// The same, and `then` what wasm-opt does not do.
    pub(super) fn rewrite_and(
        &self,
        stage: Stage,
        how: &str,
        options: &[&str],
        then: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<Stage, String> {
        let since = Instant::now();
        let module = self.file(&format!("{}-{how}.wasm", stem(&stage.module)))?;
        let options = [&FEATURES[..], options].concat();
        let what = Program::Opt.run(
            &self.setting.places,
            &options,
            &[("", &stage.module), ("-o", &module)],
        )?;
        then(&module)?;
        stage.then(module, what, since)
    }

    /// How a guest is made here, without what it is made for.
    pub(super) fn making(&self) -> Making {
        Making::of(&self.base.manifest.name, self.base.module_sha256(), &driver_sha256())
    }

    /// The manifest of a guest that is made of the base, without files yet.
    pub(super) fn manifest(&self, name: String, made: Making, title: &str) -> Manifest {
        let base = &self.base.manifest;
        Manifest {
            name,
            title: format!("{}; {title}", base.title),
            files: std::collections::BTreeMap::new(),
            made: Some(made),
            ..base.clone()
        }
    }

    /// Makes a module and its library a guest in `folder`.
    pub(super) fn keep(
        &self,
        folder: &Path,
        mut manifest: Manifest,
        stage: Stage,
        library: Option<&Path>,
    ) -> io::Result<Manifest> {
        fs::create_dir_all(folder)?;
        let mut files = vec![(MODULE.to_owned(), stage.module.clone())];
        if let Some(library) = library {
            fs::create_dir_all(folder.join("lib"))?;
            let zip = library_file(library).map_err(io::Error::other)?;
            let name = zip.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((format!("lib/{name}"), zip));
        }
        let mut compressed = std::collections::BTreeMap::new();
        for (name, source) in files {
            self.place(&source, &folder.join(&name))?;
            let sha256 = file_sha256(&source)?;
            let sizes = compressed::sizes(&source, &sha256, &self.setting.places.compressed_sizes)?;
            compressed.insert(name.clone(), sizes);
            manifest.files.insert(name, sha256);
        }
        if let Some(made) = &mut manifest.made {
            made.steps = stage.steps;
            made.closed_world = stage.closed_world;
            made.random_state = stage.random_state;
            made.compressed = compressed;
        }
        manifest.write(folder)?;
        Ok(manifest)
    }

    /// Puts a file in place: as a link where the file system takes one, since
    /// guests share what they do not change. What is the base's is copied
    /// first, so that whoever changes one of them changes no installed guest.
    fn place(&self, source: &Path, target: &Path) -> io::Result<()> {
        let own = match source.strip_prefix(self.base.file("")) {
            Err(_) => source.to_owned(),
            Ok(name) => {
                let copy = self.file("base").map_err(io::Error::other)?.join(name);
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

    /// Removes what was needed on the way.
    pub(crate) fn clear_up(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A failure as the reason of a guest that could not be made.
fn explain(failure: &Failure) -> String {
    match failure.kind {
        FailureKind::Trap => {
            let functions = innermost(&failure.detail);
            let inside = if functions.is_empty() { "" } else { ", in " };
            format!("{}, during {}{inside}{functions}", failure.message, failure.during)
        }
        _ => failure.message.clone(),
    }
}

/// The innermost functions of a backtrace, as Wasmtime writes one: a line each
/// that ends with `MODULE!FUNCTION`.
fn innermost(backtrace: &str) -> String {
    let functions = backtrace.lines().filter_map(|line| line.rsplit_once('!').map(|it| it.1));
    functions.take(3).collect::<Vec<_>>().join(" of ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_is_told_with_the_functions_that_met_it() {
        let detail = "error while executing at wasm backtrace:\n    0: 0x1c - <unknown>!left_out_function_7\n    1: 0xa7 - <unknown>!_Py_Dealloc\n    2: 0x99 - <unknown>!dict_dealloc\n    3: 0x9a - <unknown>!more";
        let failure = Failure::new(FailureKind::Trap, "guest", "the guest trapped");
        let told = explain(&Failure { detail: detail.into(), ..failure.clone() });
        assert_eq!(
            told,
            "the guest trapped, during guest, in left_out_function_7 of _Py_Dealloc of dict_dealloc"
        );
        assert_eq!(explain(&failure), "the guest trapped, during guest");
    }
}
