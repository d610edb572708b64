//! External runners as targets: one in Python, named on the command line, and
//! the mock by a `runners.toml`. The mock stands in for the native interpreter
//! too.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use wasmfit_record::{CellOutcome, RunDirectory};

/// Answers with the request, as the mock does.
const ECHO: &str = "\
def load(assets): return None
def decode(request): return request
def infer(model, x): return x
def encode(y): return y
def make_request(index): return b'request %d' % index
";

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let workload = folder.path().join("workloads/echo");
        fs::create_dir_all(&workload).expect("a workload folder");
        fs::write(workload.join("workload.py"), ECHO).expect("workload.py");
        fs::write(workload.join("workload.toml"), include_str!("workload.toml")).expect("a file");
        let guest = folder.path().join("cache/guests/cpython-3.15");
        fs::create_dir_all(&guest).expect("a guest folder");
        fs::write(guest.join("python.wasm"), "a module").expect("a module");
        let manifest = format!(
            "name = 'cpython-3.15'\ntitle = 'x'\nsource = 'x'\npython = '3.15.0'\n\
             boundary = 'host-call'\npackages = {{}}\nfiles = {{ 'python.wasm' = '{}' }}\n",
            wasmfit_protocol::sha256(b"a module")
        );
        fs::write(guest.join("guest.toml"), manifest).expect("a manifest");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(cargo_bin("wasmfit"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("WASMFIT_CACHE", self.path("cache"))
            .env("WASMFIT_WORKLOADS", self.path("workloads"))
            .env("WASMFIT_PYTHON", mock())
            .env("WASMFIT_RUNNERS", self.path("nowhere"))
            .env_remove("WASMFIT_GUESTS")
            .env_remove("WASMFIT_MOCK_SCRIPT");
        command.output().expect("wasmfit ran")
    }

    /// Measures native and `target`; says what became of it.
    fn bench(&self, target: &str, more: &[&str]) -> CellOutcome {
        let mut arguments = vec!["bench", "--out", "run", "--target", "native@cpython-3.15"];
        arguments.extend(["--target", target]);
        arguments.extend(more);
        let output = self.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        let run = RunDirectory::read(&self.path("run")).expect(&said);
        let cell = run.cells.into_iter().find(|cell| cell.target.to_string() == target);
        cell.expect("the cell").outcome
    }
}

fn mock() -> PathBuf {
    let mock = cargo_bin("wasmfit").with_file_name("wasmfit-mock");
    assert!(mock.is_file(), "wasmfit-mock is not built: build the whole workspace first");
    mock
}

fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runner.py")
}

#[test]
fn any_executable_that_speaks_the_protocol_is_a_target() {
    let runner = format!("mine={}", python().display());
    for target in ["mine/any@cpython-3.15", "mine/any@its-own"] {
        let outcome = World::new().bench(target, &["--runner", &runner]);
        assert!(matches!(outcome, CellOutcome::Measured { .. }), "{target}: {outcome:?}");
    }
}

#[test]
fn a_runner_may_take_the_place_of_a_built_in_one() {
    let world = World::new();
    let runner = format!("wasmtime={}", mock().display());
    let outcome = world.bench("wasmtime/scripted@cpython-3.15", &["--runner", &runner]);
    assert!(matches!(outcome, CellOutcome::Measured { .. }), "{outcome:?}");
    // Which brings no guest of its own, as the built-in one does not.
    let other = World::new().bench("wasmtime/scripted@its-own", &["--runner", &runner]);
    assert!(matches!(other, CellOutcome::Failed { .. }), "{other:?}");
}

#[test]
fn native_is_no_name_for_a_runner() {
    let runner = format!("native={}", mock().display());
    let output = World::new().run(&["bench", "--runner", &runner]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--python"), "{said}");
}

#[test]
fn a_file_names_runners_with_arguments_and_environment() {
    let world = World::new();
    fs::create_dir(world.path("runners")).expect("a folder");
    let launcher = "#!/bin/sh\n[ \"$1 $GREETING\" = '--loud hello' ] && exec \"$MOCK\"\n";
    fs::write(world.path("runners/launch"), launcher).expect("a program");
    let chmod = Command::new("chmod").arg("+x").arg(world.path("runners/launch")).status();
    assert!(chmod.expect("chmod ran").success());
    let text = format!(
        "[mine]\nprogram = 'launch'\narguments = ['--loud']\n\
         environment = {{ GREETING = 'hello', MOCK = '{}' }}\n",
        mock().display()
    );
    // Elsewhere by its name, and here because it is here.
    fs::write(world.path("runners/runners.toml"), &text).expect("a file");
    let target = "mine/scripted@cpython-3.15";
    let outcome = world.bench(target, &["--runners", "runners/runners.toml"]);
    assert!(matches!(outcome, CellOutcome::Measured { .. }), "{outcome:?}");

    fs::write(world.path("runners.toml"), text.replace("'launch'", "'runners/launch'"))
        .expect("a file");
    let output = world.run(&["list", "targets", "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let states = listed.as_array().expect("targets").iter();
    let mut mine = states.filter(|it| it["target"] == target).map(|it| &it["state"]);
    assert_eq!(mine.next(), Some(&"ready".into()), "{listed}");
}

#[test]
fn a_bad_file_is_told_in_one_line() {
    let world = World::new();
    fs::write(world.path("runners.toml"), "[mine]\nprogram = 'nowhere'\n").expect("a file");
    for arguments in [&["bench"][..], &["list", "targets"], &["runner-check", "mine"]] {
        let output = world.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("runners.toml, line 2: nowhere is not a file"), "{said}");
    }
}
