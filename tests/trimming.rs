//! `wasmfit trim` with a real guest and runners.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod installed;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use wasmfit_record::{CellOutcome, RunDirectory};

const BASE: &str = "cpython-3.15";

/// A folder with guests and workloads of its own.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(world.path("guests")).expect("guests");
        symlink(installed::cache().join("guests").join(BASE), world.path("guests").join(BASE))
            .expect("the base");
        for workload in ["rules-engine", "wordpiece"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(workload);
            copy(&source, &world.path("workloads").join(workload));
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = cargo_bin_cmd!("wasmfit");
        command.args(arguments).current_dir(self.0.path());
        command.env("WASMFIT_GUESTS", self.path("guests"));
        command.env("WASMFIT_WORKLOADS", self.path("workloads"));
        command.output().expect("wasmfit ran")
    }
}

fn copy(source: &Path, target: &Path) {
    fs::create_dir_all(target).expect("a folder");
    for entry in fs::read_dir(source).expect("a folder").map(|it| it.expect("an entry")) {
        let target = target.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn unsupported(cell: &wasmfit_record::Cell) -> &str {
    let CellOutcome::Unsupported { reason } = &cell.outcome else { panic!("{cell:?}") };
    reason
}

#[test]
fn what_cannot_be_trimmed_is_refused_in_one_line() {
    let world = World::new();
    for (arguments, reason) in [
        (&["trim", "no-such", "--name", "small"][..], "no workload \"no-such\""),
        (&["trim", "wordpiece", "--name", "a/b"], "\"a/b\" is no name for a guest"),
        (&["trim", "wordpiece", "--name", BASE], "was not made by trim, and is not replaced"),
        (&["trim", "wordpiece", "--name", "s", "--guest", "cpython-3.12"], "cpython-3.12"),
    ] {
        let output = world.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{arguments:?}: {said}");
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
    }
    let said = world.run(&["trim", "wordpiece"]);
    assert_eq!(said.status.code(), Some(2), "workloads of one's own need a name");
    let left: Vec<_> = fs::read_dir(world.path("guests")).expect("guests").collect();
    assert_eq!(left.len(), 1, "nothing was left behind: {left:?}");
}

#[test]
fn one_module_serves_every_runtime_and_its_own_workloads_alone() {
    let world = World::new();
    let trim = ["trim", "rules-engine", "--name", "small"];
    let output = world.run(&[&trim[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let proposals = manifest["proposals"].as_array().expect("proposals");
    assert!(!proposals.iter().any(|it| it == "exceptions"), "{proposals:?}");
    let closed = &manifest["made"]["closed_world"];
    let [reached, kept, of] =
        ["reached", "functions", "of"].map(|it| closed[it].as_u64().expect("a number"));
    assert!(1000 < reached && reached < kept && kept < of / 4, "{closed}");
    assert!(manifest["packages"].as_object().expect("packages").is_empty(), "it imports none");

    // It is made once.
    let guest = world.path("guests/small/guest.toml");
    let made = fs::metadata(&guest).and_then(|it| it.modified()).expect("a time");
    let output = world.run(&trim);
    assert!(String::from_utf8_lossy(&output.stdout).contains("is there already"), "{output:?}");
    assert_eq!(fs::metadata(&guest).and_then(|it| it.modified()).expect("a time"), made);

    // No default measures it.
    let output = world.run(&["list", "targets"]);
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = listed.lines().find(|it| it.starts_with("wasmedge/aot@small")).expect("a line");
    assert!(line.contains("1 of 2 workloads") && line.contains("only when named"), "{line}");

    let targets = ["wasmtime/cranelift", "wasmer/cranelift", "wasmedge/aot"];
    let named: Vec<String> = targets.iter().map(|it| format!("{it}@small")).collect();
    let mut arguments = vec!["bench", "-t", "native@cpython-3.15", "-o", "run"];
    arguments.extend(named.iter().flat_map(|it| ["-t", it.as_str()]));
    let output = world.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let run = RunDirectory::read(&world.path("run")).expect("a run");
    for cell in run.cells.iter().filter(|it| !it.target.is_native()) {
        match &*cell.case.workload {
            "rules-engine" => {
                assert!(matches!(cell.outcome, CellOutcome::Measured { .. }), "{cell:?}");
            }
            _ => assert!(unsupported(cell).contains("was made for others: rules-engine")),
        }
    }

    // What has changed since may reach something else.
    let code = world.path("workloads/rules-engine/workload.py");
    let changed = fs::read_to_string(&code).expect("code") + "\n# changed\n";
    fs::write(&code, changed).expect("written");
    let output = world.run(&[
        "bench",
        "-w",
        "rules-engine",
        "-t",
        "native@cpython-3.15",
        "-t",
        &named[0],
        "-o",
        "again",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let run = RunDirectory::read(&world.path("again")).expect("a run");
    let cell = run.cells.iter().find(|it| !it.target.is_native()).expect("a cell");
    assert!(unsupported(cell).contains("have changed since: make it again"), "{cell:?}");
}
