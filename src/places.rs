//! Where things are: the cache that `scripts/setup` fills, the runners beside
//! this executable, the workloads. Each place can be overridden by an
//! environment variable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

use crate::exit::CommandError;

/// The environment variables, for the help text.
pub(crate) const VARIABLES: &str = "\
Environment:
  WASMFIT_CACHE      folder of what scripts/setup installs and of compiled
                     artifacts (default: $XDG_CACHE_HOME/wasmfit or
                     ~/.cache/wasmfit)
  WASMFIT_PYTHON     native interpreter, CPython 3.11 or later, for example
                     of a virtual environment
  WASMFIT_GUESTS     folder of WASM guests, one sub-folder each
  WASMFIT_RUNNERS    folder of the runners (default: beside this executable)
  WASMFIT_WORKLOADS  folder of workloads
  WASMFIT_DEBUG      folder of debug files (.build-id/xx/yyyy.debug), which name
                     native functions in profiles; searched before that of
                     scripts/setup and /usr/lib/debug
  WASMFIT_WASM_OPT   Binaryen's wasm-opt, for the tier wasmedge/aot-noeh
  WASMFIT_NODE       a Node.js, 24 or later, for the targets node/v8 (default:
                     that of scripts/setup, else node)
  WASMFIT_BROWSER    a Chromium or Chrome for the targets chromium/... (default:
                     that of scripts/setup --browser, else chromium)
  WASMFIT_CC, WASMFIT_RUSTC, WASMFIT_CARGO
                     compilers of rewrites (default: cc, rustc, cargo)
  WASMFIT_RUNC       an OCI runtime, for the container beside a deployment's
                     rungs (default: that of scripts/setup, else runc)";

/// Where things are.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The native interpreter, whether or not it exists.
    pub(crate) python: PathBuf,
    /// Folder of guests.
    pub(crate) guests: PathBuf,
    /// Folders of guests that take the place of those there, by name.
    pub(crate) own_guests: BTreeMap<String, PathBuf>,
    /// Folder of rewrites that serve natively.
    pub(crate) rewrites: PathBuf,
    /// A C compiler, by its path or its name.
    pub(crate) cc: PathBuf,
    /// Rust's compiler and package manager, by their paths or their names.
    pub(crate) rustc: PathBuf,
    pub(crate) cargo: PathBuf,
    /// The virtual environment that has zig and Cython.
    pub(crate) compilers: PathBuf,
    /// The Python that has ONNX Runtime.
    pub(crate) onnx_python: PathBuf,
    /// Folder of compiled artifacts.
    pub(crate) artifacts: PathBuf,
    /// What `wasmfit calibrate` found out.
    pub(crate) calibrations: PathBuf,
    /// Folder of Binaryen's programs, whether or not they exist.
    pub(crate) binaryen: PathBuf,
    /// Folder of sizes after compression, by hash.
    pub(crate) compressed_sizes: PathBuf,
    /// What `wasmfit boundary` found out.
    pub(crate) crossings: PathBuf,
    /// Folder of sizes after gzip, by hash.
    pub(crate) gzip_sizes: PathBuf,
    /// Folders of debug files, the first to be searched first.
    pub(crate) debug_files: Vec<PathBuf>,
    /// The Node.js that guests are measured in, by its path or its name.
    pub(crate) node: PathBuf,
    /// The browser that guests are measured in.
    pub(crate) browser: Browser,
    /// Folder of the modules by which guests have WASI in a browser.
    pub(crate) browser_wasi: PathBuf,
    /// Folder of ONNX Runtime Web's files.
    pub(crate) onnx_web: PathBuf,
    /// Folder of PyScript's modules.
    pub(crate) pyscript: PathBuf,
    /// What starts containers, by its path or its name.
    pub(crate) runc: PathBuf,
    /// What `scripts/setup` noted down.
    pub(crate) setup_note: PathBuf,
    /// Folder of runners.
    pub(crate) runners: PathBuf,
    /// Folder of workloads.
    pub(crate) workloads: PathBuf,
}

/// A browser, by its path or its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Browser {
    /// Its program.
    #[serde(rename = "executable")]
    pub(crate) program: PathBuf,
    /// What to add to its environment: the libraries and fonts of one that
    /// does not use the system's.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Browser {
    /// The one that is named, or that set-up noted down, or the system's.
    fn find(setup_note: &Path) -> Self {
        if let Some(program) = folder("WASMFIT_BROWSER") {
            return Self { program, ..Self::default() };
        }
        let note = fs::read(setup_note).ok();
        let note: Option<serde_json::Value> =
            note.and_then(|note| serde_json::from_slice(&note).ok());
        let noted = note.and_then(|mut note| {
            serde_json::from_value(note["components"]["browser"]["chromium"].take()).ok()
        });
        noted.unwrap_or_else(|| Self { program: "chromium".into(), ..Self::default() })
    }
}

impl Places {
    /// Finds them from the environment.
    pub(crate) fn find() -> Result<Self, CommandError> {
        let cache = folder("WASMFIT_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("wasmfit")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache/wasmfit")))
            .ok_or_else(|| {
                let message = "no place for the cache: set WASMFIT_CACHE to a folder";
                CommandError::Setup(message.into())
            })?;
        let executable = env::current_exe().unwrap_or_default();
        let beside = executable.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self {
            python: folder("WASMFIT_PYTHON")
                .unwrap_or_else(|| cache.join("python-3.15/bin/python")),
            guests: folder("WASMFIT_GUESTS").unwrap_or_else(|| cache.join("guests")),
            own_guests: BTreeMap::new(),
            rewrites: cache.join("rewrites"),
            cc: folder("WASMFIT_CC").unwrap_or_else(|| "cc".into()),
            rustc: folder("WASMFIT_RUSTC").unwrap_or_else(|| "rustc".into()),
            cargo: folder("WASMFIT_CARGO").unwrap_or_else(|| "cargo".into()),
            compilers: cache.join("compilers"),
            onnx_python: cache.join("onnxruntime/bin/python"),
            artifacts: cache.join("artifacts"),
            calibrations: cache.join("calibrations.json"),
            binaryen: cache.join("sysroots/binaryen/usr/bin"),
            compressed_sizes: cache.join("compressed-sizes"),
            crossings: cache.join("crossings.json"),
            gzip_sizes: cache.join("gzip-sizes"),
            debug_files: folder("WASMFIT_DEBUG")
                .into_iter()
                .chain([cache.join("sysroots/python/usr/lib/debug"), "/usr/lib/debug".into()])
                .collect(),
            node: program("WASMFIT_NODE", &cache.join("node-v8/bin/node"), "node"),
            browser: Browser::find(&cache.join("setup.json")),
            browser_wasi: cache.join("browser-wasi"),
            onnx_web: cache.join("onnxruntime-web"),
            pyscript: cache.join("pyscript"),
            runc: program("WASMFIT_RUNC", &cache.join("sysroots/runc/usr/sbin/runc"), "runc"),
            setup_note: cache.join("setup.json"),
            runners: folder("WASMFIT_RUNNERS").unwrap_or(beside),
            workloads: folder("WASMFIT_WORKLOADS").unwrap_or_else(|| find_workloads(&executable)),
        })
    }

    /// The same with another native interpreter, if one is given.
    pub(crate) fn with_python(mut self, python: Option<&Path>) -> Self {
        if let Some(python) = python {
            python.clone_into(&mut self.python);
        }
        self
    }
}

/// The program that a variable names, or that set-up has installed, or the
/// system's.
fn program(variable: &str, installed: &Path, name: &str) -> PathBuf {
    folder(variable)
        .unwrap_or_else(|| if installed.is_file() { installed.to_owned() } else { name.into() })
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// `workloads` in the current folder, or in the source tree that this
/// executable was built in.
fn find_workloads(executable: &Path) -> PathBuf {
    let here = PathBuf::from("workloads");
    if here.is_dir() {
        return here;
    }
    let mut above = executable.ancestors().map(|folder| folder.join("workloads"));
    above.find(|folder| folder.is_dir()).unwrap_or(here)
}
