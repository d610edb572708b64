//! Components: Python and CPython around it, packed by componentize-py.

pub(crate) mod lab;

use std::fs;
use std::path::Path;

use wasmfit_kit::DRIVER;

use crate::compiler::{Compiler, NEEDS_SETUP};
use crate::making::in_words;
use crate::places::Places;

/// The world of a workload's component.
pub(crate) const WORLD: &str = include_str!("../../rewrites/component.wit");

/// What serves in every component.
const SERVING: &str = include_str!("../../rewrites/component.py");

/// The Python that componentize-py brings along.
pub(crate) const PYTHON: &str = "3.14.0";

/// All that makes a difference to a component, beside what it is packed of.
pub(crate) fn identity() -> String {
    [WORLD, SERVING, DRIVER, PYTHON].concat()
}

/// How a component was packed.
pub(crate) struct Packed {
    /// componentize-py, with its version.
    pub(crate) by: String,
    /// How it was called, without folders.
    pub(crate) command: String,
}

/// Packs the `workload.py` of a folder, initialised, into `module`, by the
/// world `guest` of `world`. An error says in one line what is missing or
/// wrong.
pub(crate) fn pack(
    places: &Places,
    world: &str,
    workload: &Path,
    module: &Path,
) -> Result<Packed, String> {
    let sources = scratch()?;
    let (wit, app) = (sources.path().join("wit"), sources.path().join("app"));
    for folder in [&wit, &app] {
        fs::create_dir(folder).map_err(|error| in_words(folder, &error))?;
    }
    for (path, text) in [
        (wit.join("guest.wit"), world),
        (app.join("app.py"), SERVING),
        (app.join("driver.py"), DRIVER),
    ] {
        fs::write(&path, text).map_err(|error| in_words(&path, &error))?;
    }
    let program = places.compilers.join("bin/componentize-py");
    let componentize = || Compiler::new(&program, "componentize-py", NEEDS_SETUP);
    let (_, command) = componentize()
        .arguments(&["-d", "wit", "-w", "guest", "componentize", "app"])
        .hidden("-p")
        .hidden(&app)
        .hidden("-p")
        .hidden(workload)
        .hidden("-o")
        .hidden(module)
        .within(sources.path())
        .run()?;
    let (version, _) = componentize().argument("--version").run()?;
    Ok(Packed { by: version.trim().to_owned(), command })
}

/// A folder that is gone when it is let go of.
pub(crate) fn scratch() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("no folder for what is compiled: {error}"))
}
