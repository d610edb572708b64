//! `wasmfit deploy` with real guests and runners.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;
use wasmfit_protocol::Start;
use wasmfit_record::{
    CellOutcome, ContainerRecord, Launch, LaunchOutcome, Run, RunDirectory, Rung,
};

fn deploy(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("wasmfit");
    command.arg("deploy").args(arguments).current_dir(folder);
    command.env("WASMFIT_WORKLOADS", concat!(env!("CARGO_MANIFEST_DIR"), "/workloads"));
    command.output().expect("wasmfit ran")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_has_no_ladder_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, reason) in [
        (&["no-such-workload"][..], "no workload \"no-such-workload\""),
        (&["wordpiece", "-t", "native@cpython-3.15"], "native CPython has no guest"),
        (
            &["wordpiece", "-t", "wasmtime/cranelift@a", "-t", "wasmer/cranelift@b"],
            "a ladder is of one guest, and the targets name a, b",
        ),
        (
            &["wordpiece", "-t", "wasmtime/cranelift@cpython-3.12"],
            "nothing can be made of what has ended",
        ),
    ] {
        let output = deploy(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", errors(&output));
        let said = errors(&output);
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was written");
}

/// Native is started in containers too, or it says why not.
fn in_a_container_if_any(run: &Run) {
    let in_container = |it: &&Launch| it.planned.start == Start::Container;
    let launches: Vec<&Launch> = run.launches.iter().filter(in_container).collect();
    match run.container.as_ref().expect("it was tried") {
        ContainerRecord::Unavailable { reason } => {
            eprintln!("not tried, no container: {reason}");
            assert!(launches.is_empty());
        }
        ContainerRecord::Started { .. } => {
            assert!(!launches.is_empty());
            for launch in launches {
                assert!(matches!(launch.outcome, LaunchOutcome::Served(_)), "{launch:?}");
                assert!(run.cells[launch.planned.cell].target.is_native());
            }
        }
    }
}

#[test]
fn without_containers_the_rest_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = cargo_bin_cmd!("wasmfit");
    command.args(["deploy", "rules-engine", "--rung", "aot", "-o", "run"]);
    command.env("WASMFIT_WORKLOADS", concat!(env!("CARGO_MANIFEST_DIR"), "/workloads"));
    command.env("WASMFIT_RUNC", folder.path().join("none"));
    let output = command.current_dir(folder.path()).output().expect("wasmfit ran");
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let run = RunDirectory::read(&folder.path().join("run")).expect("a run");
    let Some(ContainerRecord::Unavailable { reason }) = &run.container else {
        panic!("{:?}", run.container)
    };
    assert!(reason.ends_with("run scripts/setup"), "{reason}");
}

#[test]
fn a_ladder_is_made_measured_and_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let rungs = ["--rung", "aot", "--rung", "least"];
    let output =
        deploy(folder.path(), &[&["rules-engine", "--json", "-o", "run"], &rungs[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));

    let run = RunDirectory::read(&folder.path().join("run")).expect("a run");
    in_a_container_if_any(&run);
    assert!(run.cells.iter().all(|it| matches!(it.outcome, CellOutcome::Measured { .. })));
    let found: Vec<_> = run.guests.iter().filter_map(|it| it.made.as_ref()).collect();
    assert_eq!(
        found.iter().map(|it| it.rung).collect::<Vec<_>>(),
        [Some(Rung::Aot), Some(Rung::Least)]
    );
    let least = found[1];
    let closed = least.closed_world.expect("it was trimmed");
    assert!(closed.functions > 1000 && closed.functions < closed.of / 4, "{closed:?}");
    let commands: Vec<&str> = least.steps.iter().map(|it| &*it.what).collect();
    assert!(commands.iter().any(|it| it.starts_with("Wizer")), "{commands:?}");

    let analysis: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ladders = analysis["ladders"].as_array().expect("ladders");
    for ladder in ladders {
        let [aot, least] = &ladder["rungs"].as_array().expect("rungs")[..] else {
            panic!("two rungs: {ladder}");
        };
        for smaller in ["module_bytes", "library_bytes", "artifact_bytes"] {
            let [aot, least] = [aot, least].map(|it| it[smaller].as_u64().expect("a size"));
            assert!(least * 2 < aot, "{smaller}: {least} of {aot}");
        }
    }

    // Whoever changes a guest afterwards hears of it.
    let module = folder.path().join("run/guests/cpython-3.15-least/python.wasm");
    fs::remove_file(&module).expect("removed");
    fs::write(&module, b"\0asm\x01\0\0\0").expect("another module");
    let guest = "cpython-3.15-least=run/guests/cpython-3.15-least";
    let mut command = cargo_bin_cmd!("wasmfit");
    command.args(["bench", "-w", "rules-engine", "--guest", guest, "-o", "again"]);
    command.args(["-t", "native@cpython-3.15", "-t", "wasmtime/cranelift@cpython-3.15-least"]);
    command.env("WASMFIT_WORKLOADS", concat!(env!("CARGO_MANIFEST_DIR"), "/workloads"));
    let output = command.current_dir(folder.path()).output().expect("wasmfit ran");
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let run = RunDirectory::read(&folder.path().join("again")).expect("a run");
    let failed = |it: &&wasmfit_record::Cell| it.target.guest == "cpython-3.15-least";
    let cell = run.cells.iter().find(failed).expect("a cell");
    let CellOutcome::Failed { failure, .. } = &cell.outcome else { panic!("{cell:?}") };
    assert!(failure.message.contains("is not the file its guest.toml names"), "{failure:?}");
}
