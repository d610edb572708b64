//! The runners: those built with this executable, and external ones.

use std::path::{Path, PathBuf};

use wasmfit_protocol::{Event, Failure, Hello, Limits, Task};
use wasmfit_record::Target;

use crate::drive::{Assignment, Guests, Interrupt, Runner, Told, drive};
use crate::exit::CommandError;
use crate::places::Places;

/// Runners of WASM runtimes that are built beside this executable.
const WASM_RUNTIMES: [&str; 1] = ["wasmtime"];

/// Limits for a job that only has to say who it is.
const DESCRIBE_LIMITS: Limits =
    Limits { memory_bytes: 1 << 30, wall_ns: 30_000_000_000, output_bytes: 1 << 20 };

/// Starts the native runner within an interpreter.
const LAUNCH_NATIVE: &str = include_str!("../runners/native/src/launch.py");

/// A runner named on the command line: `NAME=PATH`.
#[derive(Clone, Debug)]
pub(crate) struct External {
    name: String,
    path: PathBuf,
}

impl std::str::FromStr for External {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("write NAME=PATH")?;
        if name.is_empty() || name == Target::NATIVE || WASM_RUNTIMES.contains(&name) {
            return Err(format!("{name:?} is taken or empty: choose another name"));
        }
        if !Path::new(path).is_file() {
            return Err(format!("{path} is not a file"));
        }
        Ok(Self { name: name.into(), path: path.into() })
    }
}

/// Every runner that a target can name.
pub(crate) fn all(places: &Places, external: &[External]) -> Vec<Runner> {
    let native = Runner {
        name: Target::NATIVE.into(),
        program: places.python.clone(),
        arguments: vec![
            "-c".into(),
            LAUNCH_NATIVE.into(),
            places.runners.join("libwasmfit_native.so").to_string_lossy().into_owned(),
        ],
        guests: Guests::None,
    };
    let wasm = WASM_RUNTIMES.map(|name| Runner {
        name: name.into(),
        program: places.runners.join(format!("wasmfit-{name}")),
        arguments: Vec::new(),
        guests: Guests::Installed,
    });
    let external = external.iter().map(|External { name, path }| Runner {
        name: name.clone(),
        program: path.canonicalize().unwrap_or_else(|_| path.clone()),
        arguments: Vec::new(),
        guests: Guests::InstalledOrOwn,
    });
    std::iter::once(native).chain(wasm).chain(external).collect()
}

/// The runner named `name`.
pub(crate) fn find<'a>(runners: &'a [Runner], name: &str) -> Result<&'a Runner, CommandError> {
    runners.iter().find(|runner| runner.name == name).ok_or_else(|| {
        let names: Vec<&str> = runners.iter().map(|runner| runner.name.as_str()).collect();
        CommandError::Usage(format!(
            "no runner {name:?}: there are {}; name another one with --runner {name}=PATH",
            names.join(", ")
        ))
    })
}

/// Asks a runner who it is.
pub(crate) fn describe(runner: &Runner) -> Result<Hello, Failure> {
    let nowhere = Path::new(".");
    let assignment = Assignment {
        tier: "",
        guest: None,
        limits: DESCRIBE_LIMITS,
        scratch: nowhere,
        artifacts: nowhere,
    };
    let told = drive(runner, &assignment, &Task::Describe, &Interrupt::default());
    match told.last? {
        Event::Hello(hello) => Ok(hello),
        _ => Err(Told::off_topic()),
    }
}

/// The guest name of a native interpreter: `cpython-3.15` for 3.15.0.
pub(crate) fn native_guest(hello: &Hello) -> String {
    let mut parts = hello.runtime_version.split('.');
    let (major, minor) = (parts.next().unwrap_or("3"), parts.next().unwrap_or("x"));
    format!("cpython-{major}.{minor}")
}
