//! The runners: those built with this executable, and external ones.

mod external;

use std::path::{Path, PathBuf};

use wasmfit_protocol::{Event, Failure, Hello, Limits, Task, Tier, file_sha256, sha256};
use wasmfit_record::Target;

pub(crate) use self::external::{External, find as find_external};

use crate::drive::{Assignment, Guests, Interrupt, Runner, Told, drive};
use crate::places::{Browser, Places};
use crate::rewrites::{EXTENSION, MACHINE, ONNX_RUNTIME};

/// Runners of WASM runtimes that are built beside this executable, with the
/// tiers that are named where the runner itself is missing.
const WASM_RUNTIMES: [(&str, &[&str]); 5] = [
    ("wasmtime", &["cranelift", "winch", "pulley"]),
    ("wasmer", &["cranelift", "singlepass"]),
    ("wasmedge", &["aot", "interpreter"]),
    (NODE, &["v8"]),
    (CHROMIUM, &["worker", "main-thread", "worker-revisit", "pyscript"]),
];

/// Runners of what a workload was rewritten as, and their tiers, each with what
/// it is. They have no guests.
const NATIVE_RUNTIMES: [(&str, &[(&str, &str)]); 3] = [
    (
        EXTENSION,
        &[
            ("c", "native CPython with infer in C"),
            ("cython", "native CPython with infer in Cython"),
        ],
    ),
    (ONNX_RUNTIME, &[("cpu", "the model as ONNX, in ONNX Runtime")]),
    (
        MACHINE,
        &[
            ("c", "the workload in C, without Python"),
            ("rust", "the workload in Rust, without Python"),
            ("tract", "the model as ONNX, by tract, without Python"),
        ],
    ),
];

/// The one of them that is an addon of its runtime.
const NODE: &str = "node";

/// The one whose guests run in a program that is not the runner's.
const CHROMIUM: &str = "chromium";

/// Limits for a job that only has to say who it is.
const DESCRIBE_LIMITS: Limits =
    Limits { memory_bytes: 1 << 30, wall_ns: 30_000_000_000, output_bytes: 1 << 20 };

/// Starts the native runner within an interpreter.
const LAUNCH_NATIVE: &str = include_str!("../../runners/native/src/launch.py");

/// Starts the Node runner within a Node.
const LAUNCH_NODE: &str = concat!(
    include_str!("../../runners/kit/src/steps.js"),
    include_str!("../../runners/kit/src/lab.js"),
    include_str!("../../runners/kit/src/pyodide.js"),
    include_str!("../../runners/kit/src/micropython.js"),
    include_str!("../../runners/kit/src/onnxruntime.js"),
    include_str!("../../runners/kit/src/sleeping.js"),
    include_str!("../../runners/node/src/launch.js")
);

/// Stack of the guest's frames and JavaScript's, in KiB: CPython guards its own
/// recursion by depth, and the main thread has 8 MiB in most places.
const NODE_STACK: &str = "--stack-size=7000";

fn is_wasm_runtime(name: &str) -> bool {
    WASM_RUNTIMES.iter().any(|(known, _)| *known == name)
}

fn is_built_in(name: &str) -> bool {
    is_wasm_runtime(name) || NATIVE_RUNTIMES.iter().any(|(known, _)| *known == name)
}

/// The tiers of a runner that cannot be asked.
pub(crate) fn tiers_of_absent(name: &str) -> Vec<Tier> {
    let tiers = WASM_RUNTIMES.iter().find(|(known, _)| *known == name);
    let why = match name {
        NODE => Some("a JavaScript engine, beside the runtimes of servers"),
        CHROMIUM => Some("a browser, beside the runtimes of servers"),
        _ => None,
    };
    let opt_in = why.map(str::to_owned);
    let tier = |tier: &&str| Tier { opt_in: opt_in.clone(), ..Tier::new(tier) };
    tiers.map_or_else(|| native_tiers(name), |(_, tiers)| tiers.iter().map(tier).collect())
}

/// The tiers of a runner of rewrites; none of any other.
fn native_tiers(name: &str) -> Vec<Tier> {
    let tiers = NATIVE_RUNTIMES.iter().find(|(known, _)| *known == name);
    let tier =
        |(tier, what): &(&str, &str)| Tier { opt_in: Some((*what).to_owned()), ..Tier::new(tier) };
    tiers.map_or_else(Vec::new, |(_, tiers)| tiers.iter().map(tier).collect())
}

/// The guest that stands in the targets of a runner without guests.
pub(crate) fn guest_without(runner: &Runner, hello: &Hello) -> String {
    if runner.name == MACHINE { "kernel".into() } else { native_guest(hello) }
}

/// The native runner.
pub(crate) fn native(places: &Places) -> Runner {
    Runner {
        name: Target::NATIVE.into(),
        program: places.python.clone(),
        arguments: vec![
            "-c".into(),
            LAUNCH_NATIVE.into(),
            places.runners.join("libwasmfit_native.so").to_string_lossy().into_owned(),
        ],
        environment: Vec::new(),
        guests: Guests::None,
    }
}

/// The runner of a runtime that serves rewrites.
fn of_rewrites(places: &Places, name: &str) -> Runner {
    let native = native(places);
    match name {
        MACHINE => Runner {
            name: name.into(),
            program: places.runners.join("wasmfit-machine"),
            arguments: Vec::new(),
            ..native
        },
        ONNX_RUNTIME => Runner { name: name.into(), program: places.onnx_python.clone(), ..native },
        _ => Runner { name: name.into(), ..native },
    }
}

/// Every runner that a target can name. An external one takes the place of a
/// built-in one of the same name, and of equal names the first counts.
pub(crate) fn all(places: &Places, external: &[External]) -> Vec<Runner> {
    let named = |name: &str| external.iter().find(|it| it.name == name).map(External::runner);
    let wasm = WASM_RUNTIMES.map(|(name, _)| named(name).unwrap_or_else(|| built_in(places, name)));
    let rewrites =
        NATIVE_RUNTIMES.map(|(name, _)| named(name).unwrap_or_else(|| of_rewrites(places, name)));
    let is_first = |at: usize| !external[..at].iter().any(|it| it.name == external[at].name);
    let others = external.iter().enumerate();
    let others = others.filter(|(at, it)| !is_built_in(&it.name) && is_first(*at));
    let others = others.map(|(_, it)| it.runner());
    std::iter::once(native(places)).chain(wasm).chain(rewrites).chain(others).collect()
}

/// The runner of a runtime that is built with this executable.
fn built_in(places: &Places, name: &str) -> Runner {
    if name == NODE {
        let addon = places.runners.join("libwasmfit_node.so").to_string_lossy().into_owned();
        // What it says of WASI's being experimental is nothing to a reader.
        let options = ["--disable-warning=ExperimentalWarning", NODE_STACK, "--eval", LAUNCH_NODE];
        return Runner {
            name: NODE.into(),
            program: places.node.clone(),
            arguments: options.into_iter().map(String::from).chain([addon]).collect(),
            environment: Vec::new(),
            guests: Guests::Installed,
        };
    }
    if name == CHROMIUM {
        let Browser { program, environment } = &places.browser;
        let paths = [&places.browser_wasi, &places.pyscript, program];
        let paths = paths.map(|it| it.to_string_lossy().into_owned());
        let environment = environment.iter().map(|(name, value)| format!("{name}={value}"));
        return Runner {
            name: CHROMIUM.into(),
            program: places.runners.join("wasmfit-browser"),
            arguments: paths.into_iter().chain(environment).collect(),
            environment: Vec::new(),
            guests: Guests::Installed,
        };
    }
    Runner {
        name: name.into(),
        program: places.runners.join(format!("wasmfit-{name}")),
        arguments: Vec::new(),
        environment: Vec::new(),
        guests: Guests::Installed,
    }
}

/// Where a runner keeps what it compiles. Another build of a built-in one gets
/// a folder of its own: artifacts are told apart by the runtime's version,
/// which two builds may share.
pub(crate) fn artifact_folder(runner: &Runner, places: &Places) -> PathBuf {
    if runner.program.parent() == Some(&places.runners) {
        return places.artifacts.clone();
    }
    places.artifacts.join(format!("{}-{}", runner.name, &identity(runner)[..16]))
}

/// SHA-256 of what makes a runner what it is: its program, arguments and
/// environment. A program that cannot be read cannot be started either.
pub(crate) fn identity(runner: &Runner) -> String {
    let program = file_sha256(&runner.program).unwrap_or_default();
    // A path of this executable's own is the same runner elsewhere.
    let is_own = runner.arguments.iter().any(|it| it == LAUNCH_NATIVE || it == LAUNCH_NODE);
    let own = if is_own { &[][..] } else { &runner.arguments[..] };
    if own.is_empty() && runner.environment.is_empty() {
        return if program.is_empty() { sha256(b"") } else { program };
    }
    sha256(format!("{program} {own:?} {:?}", runner.environment).as_bytes())
}

/// What a runner says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// Who it is.
    pub(crate) hello: Hello,
    /// Its tiers; empty natively.
    pub(crate) tiers: Vec<Tier>,
}

/// Asks a runner who it is.
pub(crate) fn describe(runner: &Runner) -> Result<Description, Failure> {
    describe_in(runner, Path::new("."))
}

/// The same of one that writes to `folder` before it answers.
pub(crate) fn describe_in(runner: &Runner, folder: &Path) -> Result<Description, Failure> {
    let assignment = Assignment {
        tier: "",
        guest: None,
        limits: DESCRIBE_LIMITS,
        scratch: folder,
        artifacts: folder,
        debug_files: &[],
    };
    let told = drive(runner, &assignment, &Task::Describe, &Interrupt::default());
    match (told.hello, told.last?) {
        (Some(hello), Event::Described { mut tiers }) => {
            if tiers.is_empty() {
                // Of an interpreter that is given a rewrite: it has none itself.
                tiers = native_tiers(&runner.name);
            }
            Ok(Description { hello, tiers })
        }
        _ => Err(Told::off_topic()),
    }
}

/// The guest name of a native interpreter: `cpython-3.15` for 3.15.0.
pub(crate) fn native_guest(hello: &Hello) -> String {
    let mut parts = hello.runtime_version.split('.');
    let (major, minor) = (parts.next().unwrap_or("3"), parts.next().unwrap_or("x"));
    format!("cpython-{major}.{minor}")
}
