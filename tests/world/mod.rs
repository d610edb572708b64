//! Where the harness is tested: workloads of nothing, and the mock runner.

#![allow(dead_code, reason = "no test needs all of it")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use wasmfit_record::{CellOutcome, Run, RunDirectory};

pub(crate) const TARGET: &str = "mock/scripted@script";

/// A world of its own: workloads, a script, a cache.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(workloads: &[&str], script: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in workloads {
            let workload = folder.path().join("workloads").join(name);
            fs::create_dir_all(&workload).expect("a workload folder");
            fs::write(workload.join("workload.py"), "").expect("workload.py");
            fs::write(workload.join("workload.toml"), MANIFEST).expect("workload.toml");
        }
        fs::write(folder.path().join("script.json"), script.to_string()).expect("a script");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let wasmfit = cargo_bin("wasmfit");
        let mock = wasmfit.with_file_name("wasmfit-mock");
        assert!(mock.is_file(), "wasmfit-mock is not built: build the whole workspace first");
        let mut command = Command::new(wasmfit);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("WASMFIT_CACHE", self.path("cache"))
            .env("WASMFIT_WORKLOADS", self.path("workloads"))
            .env("WASMFIT_PYTHON", &mock)
            .env("WASMFIT_MOCK_SCRIPT", self.path("script.json"));
        command
    }

    pub(crate) fn bench_command(&self, more: &[&str]) -> Command {
        let mock = cargo_bin("wasmfit-mock");
        let runner = format!("mock={}", mock.display());
        let mut arguments = vec!["bench", "--out", "run", "--seed", "1", "--runner", &runner];
        arguments.extend(["--target", "native@cpython-3.15", "--target", TARGET]);
        arguments.extend(more);
        self.command(&arguments)
    }

    pub(crate) fn bench(&self, more: &[&str]) -> Output {
        self.bench_command(more).output().expect("wasmfit ran")
    }

    pub(crate) fn run(&self) -> Run {
        RunDirectory::read(&self.path("run")).expect("a run")
    }

    /// What the mock was asked to measure, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("script.json.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    pub(crate) fn outcome(&self, workload: &str, target: &str) -> CellOutcome {
        let run = self.run();
        let cell = run
            .cells
            .iter()
            .find(|cell| cell.case.workload == workload && cell.target.to_string() == target);
        cell.expect("the cell").outcome.clone()
    }
}

const MANIFEST: &str = include_str!("../workload.toml");

pub(crate) fn error_lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().filter(|l| l.starts_with("failed:") || l.starts_with("wasmfit:"));
    lines.map(str::to_owned).collect()
}

pub(crate) fn wait_for(condition: impl Fn() -> bool) {
    // Far longer than it ever takes; a test that waits in vain should fail.
    for _ in 0..1200 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("waited in vain");
}
