//! External runners: named by `--runner NAME=PATH`, or in a `runners.toml`
//! that also says with which arguments and environment to start them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;
use wasmfit_record::Target;

use super::is_wasm_runtime;
use crate::drive::{Guests, HASH_SEED, ONE_THREAD, Runner};
use crate::exit::CommandError;
use crate::workloads::{line_at, line_of};

/// Where runners are named when no other file is given.
const DEFAULT_FILE: &str = "runners.toml";

/// A runner that is not built beside this executable, or that is to stand in
/// for one that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct External {
    /// Its name in targets.
    pub(crate) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl External {
    /// How to start it.
    pub(crate) fn runner(&self) -> Runner {
        let Self { name, program, arguments, environment } = self.clone();
        // Another build of a built-in runtime brings no more guests than that.
        let is_built_in = is_wasm_runtime(&name);
        let guests = if is_built_in { Guests::Installed } else { Guests::InstalledOrOwn };
        let program = program.canonicalize().unwrap_or(program);
        Runner { name, program, arguments, environment, guests }
    }
}

impl FromStr for External {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("write NAME=PATH")?;
        check_name(name)?;
        if !Path::new(path).is_file() {
            return Err(format!("{path} is not a file"));
        }
        let (name, program) = (name.into(), path.into());
        Ok(Self { name, program, arguments: Vec::new(), environment: Vec::new() })
    }
}

/// Whether targets can name a runner so.
fn check_name(name: &str) -> Result<(), String> {
    if name == Target::NATIVE {
        return Err("native is the interpreter: choose it with --python".into());
    }
    let target: Result<Target, _> = format!("{name}/tier@guest").parse();
    target.map(|_| ()).map_err(|_| {
        format!("{name:?} is no name: take letters, digits, hyphens, dots and underscores")
    })
}

/// The external runners: those of the command line, then those of `file`, or
/// of `runners.toml` in the current folder if it is there. Of equal names the
/// first counts.
pub(crate) fn find(named: &[External], file: Option<&Path>) -> Result<Vec<External>, CommandError> {
    let default = Path::new(DEFAULT_FILE);
    let file = file.or_else(|| default.is_file().then_some(default));
    let mut all = named.to_vec();
    for runner in file.map(read).transpose()?.unwrap_or_default() {
        if !all.iter().any(|other| other.name == runner.name) {
            all.push(runner);
        }
    }
    Ok(all)
}

/// A runner in `runners.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    program: Spanned<PathBuf>,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<Spanned<String>, String>,
}

fn read(path: &Path) -> Result<Vec<External>, CommandError> {
    let text = fs::read_to_string(path).map_err(|error| {
        CommandError::Usage(format!("{}: {error}: give --runners a file", path.display()))
    })?;
    parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(|(line, what)| {
        CommandError::Usage(format!("{}, line {line}: {what}", path.display()))
    })
}

/// Reads a file's text; `folder` is where it lies. An error comes with its
/// line.
fn parse(text: &str, folder: &Path) -> Result<Vec<External>, (usize, String)> {
    let written: BTreeMap<Spanned<String>, Written> = toml::from_str(text).map_err(|error| {
        let message = error.message().replace('\n', "; ");
        let remedy = "a runner is [NAME] with program, arguments and environment";
        (line_of(&error, text), format!("{message}: {remedy}"))
    })?;
    written.into_iter().map(|(name, runner)| external(name, runner, text, folder)).collect()
}

fn external(
    name: Spanned<String>,
    written: Written,
    text: &str,
    folder: &Path,
) -> Result<External, (usize, String)> {
    let at = |start: usize, what: String| (line_at(text, start), what);
    check_name(name.get_ref()).map_err(|what| at(name.span().start, what))?;
    let program = folder.join(written.program.get_ref());
    if !program.is_file() {
        let program = program.display();
        let what = format!("{program} is not a file: a program is a path, seen from this file");
        return Err(at(written.program.span().start, what));
    }
    let set_by_us = |name: &str| ONE_THREAD.iter().chain([&HASH_SEED]).any(|it| it.0 == name);
    if let Some(taken) = written.environment.keys().find(|name| set_by_us(name.get_ref())) {
        let name = taken.get_ref();
        let what = format!("{name} is the same for every runner: leave it out");
        return Err(at(taken.span().start, what));
    }
    let environment = written.environment.into_iter();
    let environment = environment.map(|(name, value)| (name.into_inner(), value)).collect();
    Ok(External { name: name.into_inner(), program, arguments: written.arguments, environment })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<External>, (usize, String)> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mine"), "").expect("a program");
        parse(text, folder.path())
    }

    #[test]
    fn a_runner_has_a_program_arguments_and_an_environment() {
        let text = "[mine]\nprogram = 'mine'\narguments = ['--fast']\nenvironment = { KEY = 'x' }\n\n[wasmtime]\nprogram = 'mine'\n";
        let found = read(text).expect("runners");
        let [mine, wasmtime] = &found[..] else { panic!("{found:?}") };
        assert!(mine.program.ends_with("mine") && mine.program.is_absolute());
        assert_eq!(mine.arguments, ["--fast"]);
        assert_eq!(mine.environment, [("KEY".into(), "x".into())]);
        assert_eq!(mine.runner().guests, Guests::InstalledOrOwn);
        assert_eq!(wasmtime.runner().guests, Guests::Installed);
    }

    #[test]
    fn the_file_of_the_documentation_reads() {
        let page = include_str!("../../docs/runners.md");
        let text = page.split_once("```toml\n").expect("a file").1;
        let text = text.split_once("```").expect("its end").0;
        let folder = tempfile::tempdir().expect("a folder");
        for program in ["path/relative/to/this/file", "demo.py"] {
            let program = folder.path().join(program);
            fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
            fs::write(program, "").expect("a program");
        }
        assert_eq!(parse(text, folder.path()).map(|found| found.len()), Ok(2));
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        for (text, line, what) in [
            ("[mine", 1, "a runner is [NAME]"),
            ("[mine]\nprogram = 'mine'\nspeed = 3\n", 3, "unknown field `speed`"),
            ("\n[mine]\narguments = []\n", 2, "missing field `program`"),
            ("[mine]\nprogram = 'other'\n", 2, "is not a file"),
            ("[mine]\nprogram = 'mine'\n\n[native]\nprogram = 'mine'\n", 4, "--python"),
            ("\n['a b']\nprogram = 'mine'\n", 2, "is no name"),
            (
                "[mine]\nprogram = 'mine'\n[mine.environment]\nOMP_NUM_THREADS = '2'\n",
                4,
                "leave it out",
            ),
        ] {
            let (found_line, found) = read(text).expect_err(text);
            assert_eq!(found_line, line, "{text}: {found}");
            assert!(found.contains(what), "{text}: {found}");
        }
    }

    #[test]
    fn the_command_line_comes_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["mine", "other"] {
            fs::write(folder.path().join(name), "").expect("a program");
        }
        let file = folder.path().join("runners.toml");
        fs::write(&file, "[a]\nprogram = 'mine'\n[b]\nprogram = 'mine'\n").expect("a file");
        let named = format!("a={}", folder.path().join("other").display());
        let found = find(&[named.parse().expect("a runner")], Some(&file)).expect("runners");
        let told: Vec<_> =
            found.iter().map(|it| (&*it.name, it.program.ends_with("other"))).collect();
        assert_eq!(told, [("a", true), ("b", false)]);
    }
}
