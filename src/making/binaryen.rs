//! Binaryen's programs: the ones that set-up installed, or the system's.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::places::Places;

/// A program of Binaryen's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Program {
    Opt,
    Split,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Opt => "wasm-opt",
            Self::Split => "wasm-split",
        }
    }

    fn path(self, places: &Places) -> PathBuf {
        let installed = places.binaryen.join(self.name());
        if installed.is_file() { installed } else { self.name().into() }
    }

    /// Runs it; an error is why the step could not be done, in one line.
    pub(super) fn run(
        self,
        places: &Places,
        options: &[&str],
        files: &[(&str, &Path)],
    ) -> Result<String, String> {
        let program = self.path(places);
        let mut command = Command::new(&program);
        command.args(options);
        for (option, path) in files {
            if !option.is_empty() {
                command.arg(option);
            }
            command.arg(path);
        }
        let output = command.output().map_err(|error| {
            format!("{} does not start: {error}: run scripts/setup", program.display())
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("no reason given");
            return Err(format!("{} failed ({}): {last}", self.name(), output.status));
        }
        Ok(self.told(options, files))
    }

    /// The command as a reader would type it, without folders.
    fn told(self, options: &[&str], files: &[(&str, &Path)]) -> String {
        let mut words = vec![self.name().to_owned()];
        words.extend(options.iter().map(|it| (*it).to_owned()));
        for (option, path) in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            words.extend([(*option).to_owned(), name.into_owned()]);
        }
        words.retain(|it| !it.is_empty());
        words.join(" ")
    }
}
