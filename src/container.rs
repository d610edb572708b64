//! Native CPython in a container: what others deploy instead of a guest.

use std::path::PathBuf;
use std::process::Command;

use wasmfit_protocol::file_sha256;
use wasmfit_record::ContainerRecord;

use crate::drive::Runner;
use crate::places::Places;
use crate::runners;

/// What starts containers, and the native runner in one.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) record: ContainerRecord,
    /// None where no container can be started.
    pub(crate) runner: Option<Runner>,
}

impl Container {
    /// Starts one, to see whether that can be done here.
    pub(crate) fn find(places: &Places) -> Self {
        match start_one(places) {
            Ok((runner, record)) => Self { record, runner: Some(runner) },
            Err(reason) => Self { record: ContainerRecord::Unavailable { reason }, runner: None },
        }
    }
}

fn start_one(places: &Places) -> Result<(Runner, ContainerRecord), String> {
    let program = &places.runc;
    let runner = runner(places);
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| format!("{}: {error}: run scripts/setup", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // "runc version 1.3.6", and crun's is the same.
    let first = said.lines().next().unwrap_or_default().replacen(" version ", " ", 1);
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    runners::describe_in(&runner, scratch.path()).map_err(|failure| {
        let told = failure.detail.lines().map(str::trim).rfind(|line| !line.is_empty());
        format!("{first}: {}", told.unwrap_or(&failure.message))
    })?;
    let sha256 = file_sha256(&path_of(program)).unwrap_or_default();
    Ok((runner, ContainerRecord::Started { runtime: first, sha256 }))
}

/// The native runner, within a container.
fn runner(places: &Places) -> Runner {
    let native = runners::native(places);
    let path = |it: &PathBuf| it.to_string_lossy().into_owned();
    let command = [path(&places.runc), path(&native.program)];
    Runner {
        program: places.runners.join("wasmfit-container"),
        arguments: command.into_iter().chain(native.arguments.clone()).collect(),
        ..native
    }
}

/// The file of a program that is named without its folder.
fn path_of(program: &PathBuf) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(program));
    found.find(|it| it.is_file()).unwrap_or_else(|| program.clone())
}
