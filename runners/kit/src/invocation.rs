//! How a WASM guest is called: the same on every runtime.

use std::fs;
use std::path::{Path, PathBuf};

use wasmfit_protocol::{Boundary, Failure, FailureKind, GuestFiles, Job};

use crate::session::Session;
use crate::{named_call, stdio};

/// The guest's side of a job: Python source, the same in every interpreter.
pub const DRIVER: &str = include_str!("driver.py");

/// Where a guest looks for its own program and standard library.
const PROGRAM: &str = "/usr/local/bin/python.wasm";
const LIBRARY: &str = "/usr/local/lib";

/// MicroPython's heap, which does not grow, as it is told of it.
const MICROPYTHON_HEAP: &str = "heapsize=8m";

/// Where a guest sees the workload.
pub const WORKLOAD: &str = "/workload";

/// What `host.call` returns when it succeeded.
pub const HOST_CALL_OK: i32 = 0;
/// What it returns when it failed; the guest's `_host.call` then raises.
pub const HOST_CALL_FAULT: i32 = -2;

/// What a guest is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Arguments, the program's name first.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(&'static str, &'static str)>,
    /// Folders of the host, and where the guest sees them, read-only.
    pub folders: Vec<(PathBuf, &'static str)>,
    /// Modules of packages that the workload imports, for guests that look
    /// for a package only when they are told to.
    pub imports: Vec<String>,
}

impl Invocation {
    /// The invocation of `guest` for the workload of `session`.
    pub fn new(guest: &GuestFiles, session: &mut Session) -> Self {
        session.mount_workload_at(WORKLOAD);
        let imports = session.packages().to_vec();
        Self { imports, ..Self::of(guest, session.workload_folder()) }
    }

    /// The invocation of `guest` for the workload in a folder.
    #[must_use]
    pub fn of(guest: &GuestFiles, workload: &Path) -> Self {
        let mut arguments = vec![PROGRAM.to_owned()];
        match guest.boundary {
            Boundary::Stdio => {
                arguments.extend(["-c".into(), format!("{DRIVER}\n{}", stdio::CALL)]);
            }
            Boundary::NamedCall => {
                let program = named_call::DRIVER.into();
                arguments.extend(["-X".into(), MICROPYTHON_HEAP.into(), "-c".into(), program]);
            }
            Boundary::HostCall | Boundary::Component | Boundary::JavaScript => {}
        }
        // What JavaScript brings along, the guest does not look for in a folder.
        let library = guest.library.iter().filter(|_| guest.boundary != Boundary::JavaScript);
        let library = library.map(|folder| (folder.clone(), LIBRARY));
        let workload = (workload.to_owned(), WORKLOAD);
        Self {
            arguments,
            environment: vec![
                ("TMPDIR", "/tmp"),
                ("PYTHONTZPATH", ""),
                // The same seed as natively, so that sets and dicts are laid
                // out alike.
                ("PYTHONHASHSEED", "0"),
                // Folders are read-only, so it would try in vain.
                ("PYTHONDONTWRITEBYTECODE", "1"),
            ],
            folders: library.chain([workload]).collect(),
            imports: Vec::new(),
        }
    }
}

/// The failure of a job whose tier the runner does not have.
#[must_use]
pub fn no_tier(tier: &str) -> Failure {
    Failure::new(FailureKind::Runner, "spawn", format!("this runner has no tier {tier:?}"))
}

/// Why most runtimes refuse some guests.
pub(crate) const NEEDS_JAVASCRIPT: &str =
    "it is built for JavaScript around it, which Node and browsers have: node/v8, chromium/worker";

/// Why those with JavaScript refuse MicroPython as a command.
pub(crate) const HAS_ITS_OWN_BUILD: &str = "it is built for runtimes without JavaScript: micropython-1.27-web is MicroPython's own build for it";

/// The failure of a job whose guest is a component, in a runtime of modules.
#[must_use]
pub fn needs_components(guest: &GuestFiles) -> Failure {
    let message = format!("{}: it is a component, and this runs modules", guest.name);
    Failure::new(FailureKind::Unsupported, "spawn", message)
}

/// The failure of a job whose guest is built for runtimes without JavaScript,
/// in one that has it.
#[must_use]
pub fn needs_no_javascript(guest: &GuestFiles) -> Failure {
    let message = format!("{}: {HAS_ITS_OWN_BUILD}", guest.name);
    Failure::new(FailureKind::Unsupported, "spawn", message)
}

/// The failure of a job whose guest is built for JavaScript around it, in a
/// runtime that has none.
#[must_use]
pub fn needs_javascript(guest: &GuestFiles) -> Failure {
    let message = format!("{}: {NEEDS_JAVASCRIPT}", guest.name);
    Failure::new(FailureKind::Unsupported, "spawn", message)
}

/// The guest of a job for a runtime that runs nothing else.
pub fn guest_of(job: &Job) -> Result<&GuestFiles, Failure> {
    job.guest.as_ref().ok_or_else(|| {
        let message = "the job names no guest, and this runtime runs nothing else";
        Failure::new(FailureKind::Runner, "spawn", message)
    })
}

/// The module of a guest.
pub fn read_module(guest: &GuestFiles) -> Result<Vec<u8>, Failure> {
    fs::read(&guest.module).map_err(|error| {
        let message = format!("{}: {error}", guest.module.display());
        Failure::new(FailureKind::Guest, "compile", message)
    })
}

/// What a guest that calls the host is told to run. A workload and a model
/// that were served stay, for whoever saves the guest's memory.
#[must_use]
pub fn host_call_program(guest: &GuestFiles) -> String {
    if guest.holds_workload {
        // A bare expression would be displayed, as a console does. And `served`
        // stays: to let go of the model is not part of serving, and a guest
        // trimmed to serving cannot.
        "ended = resume(served)\n".into()
    } else {
        let call = match guest.boundary {
            Boundary::HostCall | Boundary::NamedCall | Boundary::Component | Boundary::Stdio => {
                "import _host\nserved = serve(_host.call)\n"
            }
            // Defined before the program is run.
            Boundary::JavaScript => "served = serve(call)\n",
        };
        format!("{DRIVER}\n{call}")
    }
}
