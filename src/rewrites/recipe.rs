//! How each rewrite is made of its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use wasmfit_protocol::{Boundary, Interpreter, Proposal, Start, file_sha256};
use wasmfit_record::{Making, RewriteRecord};

use super::{FOLDER, Rewrite};
use crate::compiler::{Compiler, NEEDS_SETUP};
use crate::components::{self, scratch};
use crate::guests::{Manifest, driver_sha256};
use crate::making::in_words;
use crate::places::Places;
use crate::workloads::Workload;

/// What a kernel in C includes.
const HEADER: &str = include_str!("../../rewrites/kernel.h");

/// What serves from a kernel as a guest.
const GUEST: &str = include_str!("../../rewrites/guest.c");

/// The workload around an extension module.
const EXTENDED: &str = include_str!("../../rewrites/extended.py");

/// The workload around a model that ONNX Runtime runs.
const ONNX: &str = include_str!("../../rewrites/onnx.py");

/// What serves from an ONNX model by tract, as a package of its own: its
/// dependencies take minutes to compile, and are for this alone.
const TRACT: &str = include_str!("../../rewrites/tract/src/lib.rs");
const TRACT_MANIFEST: &str = include_str!("../../rewrites/tract/Cargo.toml");
const TRACT_LOCK: &str = include_str!("../../rewrites/tract/Cargo.lock");

/// How C is compiled natively. For this processor, as a server would be built;
/// without fused multiply and add, which Python does not have either and whose
/// last digits are others.
const NATIVE_C: [&str; 5] = ["-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"];

/// The same for WebAssembly, whose fixed-width SIMD has no fused operations.
const WASM_C: [&str; 6] =
    ["cc", "-target", "wasm32-wasi", "-O3", "-ffp-contract=off", "-mexec-model=reactor"];

/// How Rust is compiled natively.
const RUST: [&str; 11] = [
    "--edition",
    "2024",
    "-C",
    "opt-level=3",
    "-C",
    "target-cpu=native",
    "-C",
    "panic=abort",
    "-C",
    "strip=symbols",
    "--crate-type=cdylib",
];

/// The shared object of what needs no Python, as its runner looks for it.
const SHARED_OBJECT: &str = "kernel.so";

/// A model, as its workload's folder has it.
const MODEL: &str = "model.onnx";

/// What ONNX Runtime Web consists of, as its package and as a guest call it.
const ONNX_WEB: [(&str, &str); 2] = [
    ("ort-wasm-simd-threaded.wasm", Start::Plain.module()),
    ("ort.wasm.bundle.min.mjs", "lib/ort.wasm.bundle.min.mjs"),
];

/// What a module for WASI by zig uses. ONNX Runtime Web's does too, with SIMD,
/// and memory that threads may share, which all that have JavaScript take.
const PROPOSALS: [Proposal; 5] = [
    Proposal::BulkMemory,
    Proposal::MultiValue,
    Proposal::ReferenceTypes,
    Proposal::SaturatingFloatToInt,
    Proposal::SignExtension,
];

const NEEDS_CC: &str = "install a C compiler, or set WASMFIT_CC";
const NEEDS_RUSTC: &str = "install Rust, or set WASMFIT_RUSTC";

/// All that makes a difference to how rewrites are made, beside their sources.
pub(super) fn identity() -> String {
    let native = [HEADER, EXTENDED, ONNX, TRACT, TRACT_MANIFEST, TRACT_LOCK].concat();
    let texts = [&native, GUEST, &components::identity()].concat();
    format!("{texts}{NATIVE_C:?}{WASM_C:?}{RUST:?}")
}

/// Makes a rewrite in an empty folder.
pub(super) fn follow(
    rewrite: Rewrite,
    places: &Places,
    workload: &Workload,
    folder: &Path,
) -> Result<RewriteRecord, String> {
    let bench = Bench { rewrite, places, workload, folder };
    match rewrite {
        Rewrite::ExtensionC => bench.extension_c(),
        Rewrite::ExtensionCython => bench.extension_cython(),
        Rewrite::MachineC => bench.machine_c(),
        Rewrite::MachineRust => bench.machine_rust(),
        Rewrite::MachineTract => bench.machine_tract(),
        Rewrite::OnnxRuntime => bench.onnx_runtime(),
        Rewrite::OnnxWeb => bench.onnx_web(),
        Rewrite::WasmC => bench.wasm(false),
        Rewrite::WasmCSimd => bench.wasm(true),
        Rewrite::Component => bench.component(),
    }
}

/// Where one is made.
struct Bench<'a> {
    rewrite: Rewrite,
    places: &'a Places,
    workload: &'a Workload,
    folder: &'a Path,
}

impl Bench<'_> {
    fn extension_c(&self) -> Result<RewriteRecord, String> {
        self.lay_out_around(EXTENDED)?;
        let command = self.compile_extension(&self.sources().join("extension.c"))?;
        self.record(SHARED_OBJECT, &self.version_of_cc()?, command)
    }

    fn extension_cython(&self) -> Result<RewriteRecord, String> {
        self.lay_out_around(EXTENDED)?;
        let scratch = scratch()?;
        let translated = scratch.path().join("kernel.c");
        let (_, cython) = Compiler::of_module(self.places, "cython")
            .arguments(&["-3", "--module-name", "kernel"])
            .hidden(self.sources().join("extension.pyx"))
            .hidden("-o")
            .hidden(&translated)
            .run()?;
        let compiler = self.compile_extension(&translated)?;
        let (version, _) =
            Compiler::of_module(self.places, "cython").argument("--version").run()?;
        let version = format!("{}; {}", version.trim(), self.version_of_cc()?);
        self.record(SHARED_OBJECT, &version, format!("{cython} extension.pyx && {compiler}"))
    }

    fn machine_c(&self) -> Result<RewriteRecord, String> {
        self.lay_out_assets()?;
        let headers = headers()?;
        let (_, command) = self
            .cc()
            .hidden("-I")
            .hidden(headers.path())
            .hidden(self.sources().join("kernel.c"))
            .hidden("-o")
            .hidden(self.folder.join(SHARED_OBJECT))
            .argument("-lm")
            .run()?;
        self.record(SHARED_OBJECT, &self.version_of_cc()?, format!("{command} kernel.c"))
    }

    fn machine_rust(&self) -> Result<RewriteRecord, String> {
        self.lay_out_assets()?;
        let rustc = || Compiler::new(&self.places.rustc, "rustc", NEEDS_RUSTC);
        let (_, command) = rustc()
            .arguments(&RUST)
            .hidden(self.sources().join("kernel.rs"))
            .hidden("-o")
            .hidden(self.folder.join(SHARED_OBJECT))
            .run()?;
        let (version, _) = rustc().argument("--version").run()?;
        self.record(SHARED_OBJECT, version.trim(), format!("{command} kernel.rs"))
    }

    /// tract is compiled with Cargo, once for all models.
    fn machine_tract(&self) -> Result<RewriteRecord, String> {
        self.lay_out_assets()?;
        self.copy_model()?;
        let sources = self.tract().join("source");
        fs::create_dir_all(sources.join("src")).map_err(|error| in_words(&sources, &error))?;
        write(&sources.join("Cargo.toml"), TRACT_MANIFEST)?;
        write(&sources.join("Cargo.lock"), TRACT_LOCK)?;
        write(&sources.join("src/lib.rs"), TRACT)?;
        let cargo = || Compiler::new(&self.places.cargo, "cargo", NEEDS_RUSTC);
        let (_, command) = cargo()
            .arguments(&["build", "--release", "--locked"])
            .variable("CARGO_TARGET_DIR", self.tract().join("target"))
            .variable("WASMFIT_ONNX_RS", self.sources().join("onnx.rs"))
            .within(&sources)
            .run()?;
        let built = self.tract().join("target/release/libkernel.so");
        let shared = self.folder.join(SHARED_OBJECT);
        fs::copy(&built, &shared).map_err(|error| in_words(&built, &error))?;
        let (version, _) = cargo().argument("--version").run()?;
        self.record(SHARED_OBJECT, version.trim(), command)
    }

    fn onnx_runtime(&self) -> Result<RewriteRecord, String> {
        self.lay_out_around(ONNX)?;
        self.copy_model()?;
        let ask = "import onnxruntime; print(onnxruntime.__version__)";
        let python = Compiler::new(&self.places.onnx_python, "python", NEEDS_SETUP);
        let (version, _) = python.hidden("-c").hidden(ask).run()?;
        self.record(MODEL, &format!("ONNX Runtime {}", version.trim()), String::new())
    }

    /// A guest of files that are there: nothing is compiled.
    fn onnx_web(&self) -> Result<RewriteRecord, String> {
        let library = self.folder.join("lib");
        fs::create_dir(&library).map_err(|error| in_words(&library, &error))?;
        let from_setup = |(from, to)| {
            let from = self.places.onnx_web.join(from);
            copy(&from, &self.folder.join(to)).map_err(|error| format!("{error}: {NEEDS_SETUP}"))
        };
        ONNX_WEB.into_iter().try_for_each(from_setup)?;
        for name in ["onnx.mjs", MODEL] {
            copy(&self.sources().join(name), &library.join(name))?;
        }
        let version = onnx_web_version(&library)?;
        let record = self.record(&format!("lib/{MODEL}"), &version, String::new())?;
        let name = &self.workload.name;
        self.write_manifest(
            &record,
            Manifest {
                title: format!("the model of {name} in ONNX Runtime Web"),
                source: format!("workloads/{name}/{FOLDER}/{MODEL} in {version}"),
                boundary: Boundary::JavaScript,
                interpreter: Interpreter::OnnxRuntime,
                proposals: PROPOSALS.into_iter().chain([Proposal::Simd]).collect(),
                ..Manifest::bare()
            },
        )?;
        Ok(record)
    }

    /// A guest, with the `guest.toml` that says so.
    fn wasm(&self, with_simd: bool) -> Result<RewriteRecord, String> {
        let sources = headers()?;
        let guest = sources.path().join("guest.c");
        write(&guest, GUEST)?;
        let module = Start::Plain.module();
        let simd: &[&str] = if with_simd { &["-msimd128"] } else { &[] };
        let (_, command) = Compiler::zig(self.places)
            .arguments(&WASM_C)
            .arguments(simd)
            // A module that is shipped carries no names.
            .argument("-s")
            .hidden("-I")
            .hidden(sources.path())
            .hidden(self.sources().join("kernel.c"))
            .hidden(guest)
            .hidden("-o")
            .hidden(self.folder.join(module))
            .run()?;
        let (version, _) = Compiler::zig(self.places).argument("version").run()?;
        let version = format!("zig {}", version.trim());
        let record = self.record(module, &version, format!("{command} kernel.c"))?;
        let name = &self.workload.name;
        let proposals = PROPOSALS.into_iter().chain(with_simd.then_some(Proposal::Simd));
        self.write_manifest(
            &record,
            Manifest {
                title: format!("{name} in C{}", if with_simd { ", with SIMD" } else { "" }),
                source: format!("workloads/{name}/{FOLDER}/kernel.c by {version}"),
                proposals: proposals.collect(),
                ..Manifest::bare()
            },
        )?;
        Ok(record)
    }

    /// The workload's Python and CPython around it as a component, initialised:
    /// a guest too.
    fn component(&self) -> Result<RewriteRecord, String> {
        let module = Start::Plain.module();
        let packed = components::pack(
            self.places,
            components::WORLD,
            &self.workload.folder,
            &self.folder.join(module),
        )?;
        let record = self.record(module, &packed.by, packed.command)?;
        let name = &self.workload.name;
        self.write_manifest(
            &record,
            Manifest {
                title: format!(
                    "{name} and CPython {} as a component, initialised",
                    components::PYTHON
                ),
                source: format!("workloads/{name}/workload.py by {}", packed.by),
                python: components::PYTHON.to_owned(),
                boundary: Boundary::Component,
                interpreter: Interpreter::Cpython,
                proposals: BTreeSet::from([Proposal::ComponentModel]),
                ..Manifest::bare()
            },
        )?;
        Ok(record)
    }

    /// Makes the folder a guest of this workload alone.
    fn write_manifest(&self, record: &RewriteRecord, manifest: Manifest) -> Result<(), String> {
        let name = &self.workload.name;
        let identity = self.workload.identity().map_err(|error| error.to_string())?;
        let mut made = Making::of(name, &record.sha256, &driver_sha256());
        made.workloads = BTreeMap::from([(name.clone(), identity)]);
        let manifest = Manifest {
            name: self.rewrite.guest_name(self.workload),
            opt_in: Some(format!("{name} alone, as wasmfit routes makes and measures it")),
            files: hashes_below(self.folder)?,
            made: Some(made),
            ..manifest
        };
        manifest.write(self.folder).map_err(|error| error.to_string())
    }

    /// A folder that is a workload's: `workload` around its own Python.
    fn lay_out_around(&self, workload: &str) -> Result<(), String> {
        self.lay_out_assets()?;
        copy(&self.workload.folder.join("workload.py"), &self.folder.join("original.py"))?;
        write(&self.folder.join("workload.py"), workload)
    }

    fn lay_out_assets(&self) -> Result<(), String> {
        let assets = self.workload.folder.join("assets");
        if assets.is_dir() { link(&assets, &self.folder.join("assets")) } else { Ok(()) }
    }

    fn copy_model(&self) -> Result<(), String> {
        copy(&self.sources().join(MODEL), &self.folder.join(MODEL))
    }

    fn sources(&self) -> PathBuf {
        self.workload.folder.join(FOLDER)
    }

    /// Where tract is compiled, once for all models.
    fn tract(&self) -> PathBuf {
        self.places.rewrites.join("tract")
    }

    fn cc(&self) -> Compiler {
        Compiler::new(&self.places.cc, "cc", NEEDS_CC).arguments(&NATIVE_C)
    }

    fn version_of_cc(&self) -> Result<String, String> {
        let (told, _) =
            Compiler::new(&self.places.cc, "cc", NEEDS_CC).argument("--version").run()?;
        Ok(told.lines().next().unwrap_or_default().to_owned())
    }

    /// Compiles the C of an extension module; returns the command.
    fn compile_extension(&self, source: &Path) -> Result<String, String> {
        let ask = "import sysconfig; print(sysconfig.get_paths()['include'])";
        let asked = Compiler::new(&self.places.python, "python", NEEDS_SETUP);
        let (include, _) = asked.hidden("-c").hidden(ask).run()?;
        let include = PathBuf::from(include.trim());
        if !include.join("Python.h").is_file() {
            return Err(format!(
                "{} is missing: install the headers of that Python, or {NEEDS_SETUP}",
                include.join("Python.h").display()
            ));
        }
        let headers = headers()?;
        // What Debian's pyconfig.h includes is beside the folder.
        let above = include.parent().unwrap_or(&include);
        let compiler = [headers.path(), &include, above]
            .into_iter()
            .fold(self.cc(), |compiler, folder| compiler.hidden("-I").hidden(folder));
        let (_, command) = compiler
            .hidden(source)
            .hidden("-o")
            .hidden(self.folder.join(SHARED_OBJECT))
            .argument("-lm")
            .run()?;
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("{command} {name}"))
    }

    fn record(&self, file: &str, compiler: &str, command: String) -> Result<RewriteRecord, String> {
        let path = self.folder.join(file);
        let bytes = fs::metadata(&path).map_err(|error| in_words(&path, &error))?.len();
        let sha256 = file_sha256(&path).map_err(|error| in_words(&path, &error))?;
        let (part, title) = self.rewrite.told();
        let (title, compiler) = (title.to_owned(), compiler.to_owned());
        Ok(RewriteRecord { part, title, compiler, command, bytes, sha256 })
    }
}

/// Which ONNX Runtime Web a folder holds, as its own first lines say.
fn onnx_web_version(library: &Path) -> Result<String, String> {
    const NAMED: &str = "ONNX Runtime Web ";
    let path = library.join("ort.wasm.bundle.min.mjs");
    let script = fs::read_to_string(&path).map_err(|error| in_words(&path, &error))?;
    let named = script.lines().take(5).find_map(|line| Some(&line[line.find(NAMED)?..]));
    named.map(str::to_owned).ok_or_else(|| format!("{} does not say what it is", path.display()))
}

/// SHA-256 of every file of a folder, by its path in it.
fn hashes_below(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let entries = fs::read_dir(folder).map_err(|error| in_words(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| in_words(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let below = hashes_below(&path)?.into_iter();
            found.extend(below.map(|(inner, hash)| (format!("{name}/{inner}"), hash)));
        } else {
            found.insert(name, file_sha256(&path).map_err(|error| in_words(&path, &error))?);
        }
    }
    Ok(found)
}

/// A folder with `kernel.h`.
fn headers() -> Result<tempfile::TempDir, String> {
    let folder = scratch()?;
    write(&folder.path().join("kernel.h"), HEADER)?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| in_words(path, &error))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(|_| ()).map_err(|error| in_words(from, &error))
}

fn link(from: &Path, to: &Path) -> Result<(), String> {
    symlink(from, to).map_err(|error| in_words(to, &error))
}
