//! Workloads without their Python, or without the part of it that computes.
//!
//! A workload's folder may hold `rewrite/`: its kernel in C and in Rust, as
//! extension modules of CPython, its model as ONNX. `wasmfit routes` compiles
//! what is there, and each is measured like the workload itself: the same
//! requests, the same check of what it answers. What serves natively is kept in
//! a folder of its own that a runner takes for the workload's; what serves in
//! WebAssembly becomes a guest.

mod recipe;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wasmfit_protocol::sha256;
use wasmfit_record::{RewriteRecord, RewrittenPart, Target};

use crate::compiler::installed;
use crate::draft::Draft;
use crate::guests::Guest;
use crate::making::in_words;
use crate::places::Places;
use crate::workloads::Workload;

/// The runtime of native CPython with a compiled kernel.
pub(crate) const EXTENSION: &str = "extension";

/// The runtime of compiled code alone.
pub(crate) const MACHINE: &str = "machine";

/// The runtime of ONNX models in ONNX Runtime, called from Python.
pub(crate) const ONNX_RUNTIME: &str = "onnxruntime";

/// The folder of a workload that holds what it was rewritten in.
pub(crate) const FOLDER: &str = "rewrite";

/// Where a made one says what it was made of.
const NOTE: &str = "rewrite.json";

/// What a workload can be rewritten as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// `load` and `infer` in C, an extension module of CPython.
    ExtensionC,
    /// The same in Cython.
    ExtensionCython,
    /// All in C, without Python.
    MachineC,
    /// All in Rust.
    MachineRust,
    /// The model as ONNX, run by tract, without Python.
    MachineTract,
    /// The model as ONNX, run by ONNX Runtime, called from Python.
    OnnxRuntime,
    /// The same by ONNX Runtime Web, without Python.
    OnnxWeb,
    /// All in C, compiled to WebAssembly.
    WasmC,
    /// The same with `simd128`.
    WasmCSimd,
    /// Nothing but packed: its Python as a component.
    Component,
}

impl Rewrite {
    pub(crate) const ALL: [Self; 10] = [
        Self::ExtensionC,
        Self::ExtensionCython,
        Self::MachineC,
        Self::MachineRust,
        Self::MachineTract,
        Self::OnnxRuntime,
        Self::OnnxWeb,
        Self::WasmC,
        Self::WasmCSimd,
        Self::Component,
    ];

    /// That of a target that serves natively.
    pub(crate) fn of(target: &Target) -> Option<Self> {
        Self::ALL.into_iter().find(|it| {
            it.executor().is_some_and(|executor| executor == (&target.runtime, &target.tier))
        })
    }

    /// Runtime and tier; none where any WebAssembly runtime is.
    pub(crate) const fn executor(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ExtensionC => Some((EXTENSION, "c")),
            Self::ExtensionCython => Some((EXTENSION, "cython")),
            Self::MachineC => Some((MACHINE, "c")),
            Self::MachineRust => Some((MACHINE, "rust")),
            Self::MachineTract => Some((MACHINE, "tract")),
            Self::OnnxRuntime => Some((ONNX_RUNTIME, "cpu")),
            Self::OnnxWeb | Self::WasmC | Self::WasmCSimd | Self::Component => None,
        }
    }

    /// What of the folder it is made of; the first decides whether there is one.
    const fn sources(self) -> &'static [&'static str] {
        match self {
            Self::ExtensionC => &["extension.c", "kernel.c"],
            Self::ExtensionCython => &["extension.pyx"],
            Self::MachineC | Self::WasmC | Self::WasmCSimd => &["kernel.c"],
            Self::MachineRust => &["kernel.rs"],
            Self::MachineTract => &["onnx.rs", "model.onnx"],
            Self::OnnxRuntime => &["model.onnx"],
            Self::OnnxWeb => &["onnx.mjs", "model.onnx"],
            Self::Component => &[],
        }
    }

    /// The folder or guest that it becomes, behind the workload's name.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::ExtensionC => "extension-c",
            Self::ExtensionCython => "extension-cython",
            Self::MachineC => "machine-c",
            Self::MachineRust => "machine-rust",
            Self::MachineTract => "machine-tract",
            Self::OnnxRuntime => "onnxruntime",
            Self::OnnxWeb => "onnx",
            Self::WasmC => "c",
            Self::WasmCSimd => "c-simd",
            Self::Component => "component",
        }
    }

    /// What of the workload it is, and how a reader calls it.
    const fn told(self) -> (RewrittenPart, &'static str) {
        match self {
            Self::ExtensionC => (RewrittenPart::Inference, "Python, infer in C"),
            Self::ExtensionCython => (RewrittenPart::Inference, "Python, infer in Cython"),
            Self::MachineC | Self::WasmC => (RewrittenPart::Whole, "C"),
            Self::WasmCSimd => (RewrittenPart::Whole, "C, simd128"),
            Self::Component => (RewrittenPart::Nothing, "by componentize-py"),
            Self::MachineRust => (RewrittenPart::Whole, "Rust"),
            Self::MachineTract => (RewrittenPart::Model, "ONNX by tract"),
            Self::OnnxRuntime => (RewrittenPart::Model, "ONNX by ONNX Runtime"),
            Self::OnnxWeb => (RewrittenPart::Model, "ONNX by ONNX Runtime Web"),
        }
    }

    /// Whether the workload was rewritten as this.
    pub(crate) fn is_of(self, workload: &Workload) -> bool {
        match self.sources().first() {
            Some(source) => workload.folder.join(FOLDER).join(source).is_file(),
            // Packages are in no component: none has wheels for it.
            None => workload.manifest.packages.is_empty(),
        }
    }

    /// The name of the guest that it is of a workload.
    pub(crate) fn guest_name(self, workload: &Workload) -> String {
        format!("{}.{}", workload.name, self.suffix())
    }
}

/// SHA-256 over all that rewrites of a workload depend on: their sources, its
/// Python, and how and by what they are made.
fn sources_sha256(places: &Places, workload: &Workload) -> io::Result<String> {
    let mut told = vec![recipe::identity(), installed(places)];
    let entries = fs::read_dir(workload.folder.join(FOLDER)).into_iter().flatten();
    let mut names: Vec<PathBuf> =
        entries.map(|entry| entry.map(|it| it.path())).collect::<io::Result<_>>()?;
    names.push(workload.folder.join("workload.py"));
    names.sort();
    for path in names.iter().filter(|it| it.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        told.push(format!("{name} {}", sha256(&fs::read(path)?)));
    }
    Ok(sha256(told.join("\n").as_bytes()))
}

/// A rewrite that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// The folder that runners take for the workload's; that of a guest.
    pub(crate) folder: PathBuf,
    /// How it was made.
    pub(crate) record: RewriteRecord,
}

/// `rewrite.json`.
#[derive(Serialize, Deserialize)]
struct Note {
    sources_sha256: String,
    outcome: Outcome,
}

/// What became of making it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Made(RewriteRecord),
    Failed(String),
}

/// Where a rewrite is kept.
fn folder_of(places: &Places, workload: &Workload, rewrite: Rewrite) -> PathBuf {
    if rewrite.executor().is_none() {
        return places.guests.join(rewrite.guest_name(workload));
    }
    // Extension modules are for one Python.
    let whose = format!("{} {}", workload.folder.display(), places.python.display());
    let whose = sha256(whose.as_bytes());
    places.rewrites.join(format!("{}-{}", workload.name, &whose[..8])).join(rewrite.suffix())
}

/// What a target serves of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// What the workload was rewritten as.
    Rewrite(Made),
    /// That too, if it had been made: why it was not, in one line.
    NotMade(String),
    /// Nothing: it serves rewrites, and not of this workload.
    Nothing,
}

/// What a target with such a guest serves of a workload; nothing where it is
/// the workload itself.
pub(crate) fn served(
    places: &Places,
    workload: &Workload,
    target: &Target,
    guest: Option<&Guest>,
) -> Option<Served> {
    let of_one = guest.filter(|it| it.file(NOTE).is_file());
    let rewrite = match of_one {
        None => Rewrite::of(target).filter(|it| it.is_of(workload)),
        Some(guest) => {
            let is_it = |it: &Rewrite| it.guest_name(workload) == guest.manifest.name;
            Rewrite::ALL.into_iter().filter(|it| it.executor().is_none()).find(is_it)
        }
    };
    let serves_rewrites = of_one.is_some() || Rewrite::of(target).is_some();
    match rewrite {
        None => serves_rewrites.then_some(Served::Nothing),
        Some(rewrite) => {
            Some(find(places, workload, rewrite).map_or_else(Served::NotMade, Served::Rewrite))
        }
    }
}

/// The rewrite of a workload, as it was made; an error says in one line why
/// there is none.
fn find(places: &Places, workload: &Workload, rewrite: Rewrite) -> Result<Made, String> {
    let name = &workload.name;
    let folder = folder_of(places, workload, rewrite);
    let remedy = format!("run wasmfit routes {name}");
    let note = read_note(&folder).ok_or_else(|| format!("it is not compiled: {remedy}"))?;
    let now = sources_sha256(places, workload).map_err(|error| error.to_string())?;
    match note.outcome {
        _ if note.sources_sha256 != now => {
            Err(format!("it was compiled of other sources: {remedy}"))
        }
        Outcome::Failed(reason) => Err(format!("it could not be compiled: {reason}")),
        Outcome::Made(record) => Ok(Made { folder, record }),
    }
}

fn read_note(folder: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()
}

/// Makes the rewrite of a workload, unless it is there as it would be made.
pub(crate) fn make(places: &Places, workload: &Workload, rewrite: Rewrite) -> Result<Made, String> {
    let folder = folder_of(places, workload, rewrite);
    let sources_sha256 = sources_sha256(places, workload).map_err(|error| error.to_string())?;
    if let Some(Note { sources_sha256: then, outcome: Outcome::Made(record) }) = read_note(&folder)
        && then == sources_sha256
    {
        return Ok(Made { folder, record });
    }
    let draft = Draft::of(folder, NOTE)?;
    let made = recipe::follow(rewrite, places, workload, draft.path());
    let outcome = match &made {
        Ok(record) => Outcome::Made(record.clone()),
        Err(reason) => Outcome::Failed(reason.clone()),
    };
    let note = Note { sources_sha256, outcome };
    let text = serde_json::to_vec_pretty(&note).map_err(|error| error.to_string())?;
    fs::write(draft.path().join(NOTE), text).map_err(|error| in_words(draft.path(), &error))?;
    let folder = draft.put_in_place()?;
    made.map(|record| Made { folder, record })
}
