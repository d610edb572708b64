//! Running compilers.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::places::Places;

/// What to do where one of set-up's is missing.
pub(crate) const NEEDS_SETUP: &str = "run scripts/setup";

/// Which compilers and runtimes set-up has installed, in its own words: what
/// was made by others is made again.
pub(crate) fn installed(places: &Places) -> String {
    const STAMP: &str = ".setup-stamp.json";
    let onnx = places.onnx_python.parent().and_then(Path::parent);
    let folders = [Some(&*places.compilers), onnx, Some(&*places.onnx_web)];
    let stamps = folders.into_iter().flatten().map(|it| fs::read_to_string(it.join(STAMP)));
    stamps.filter_map(Result::ok).collect()
}

/// A command that compiles, and what to do where it does not start.
pub(crate) struct Compiler {
    command: Command,
    words: Vec<String>,
    remedy: &'static str,
}

impl Compiler {
    /// zig, as set-up has installed it.
    pub(crate) fn zig(places: &Places) -> Self {
        Self::of_module(places, "ziglang")
    }

    /// A tool of set-up's that comes as a module of Python.
    pub(crate) fn of_module(places: &Places, module: &str) -> Self {
        let programs = places.compilers.join("bin");
        let cache = programs.join("cache");
        Self::new(&programs.join("python"), module, NEEDS_SETUP)
            .hidden("-m")
            .hidden(module)
            .variable("ZIG_GLOBAL_CACHE_DIR", &cache)
            .variable("ZIG_LOCAL_CACHE_DIR", &cache)
    }

    /// `program`, as a reader would call it.
    pub(crate) fn new(program: &Path, called: &str, remedy: &'static str) -> Self {
        Self { command: Command::new(program), words: vec![called.to_owned()], remedy }
    }

    /// Adds an argument that a reader is told.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.words.push(argument.to_owned());
        self.hidden(argument)
    }

    /// Adds arguments that a reader is told.
    pub(crate) fn arguments(self, arguments: &[&str]) -> Self {
        arguments.iter().fold(self, |compiler, argument| compiler.argument(argument))
    }

    /// Adds an argument that says nothing to a reader: a folder of this
    /// machine.
    pub(crate) fn hidden(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Has it work in a folder, of which file names then are.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it; returns what it printed and the command as it would be typed.
    /// An error says in one line what failed.
    pub(crate) fn run(mut self) -> Result<(String, String), String> {
        let called = self.words[0].clone();
        let output = self
            .command
            .output()
            .map_err(|error| format!("{called} does not start: {error}: {}", self.remedy))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let errors = said.lines().find(|line| line.contains("error") || line.contains("Error"));
            let last = errors.or_else(|| said.lines().last()).unwrap_or("no reason given");
            return Err(format!("{called} failed ({}): {last}", output.status));
        }
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), self.words.join(" ")))
    }
}
