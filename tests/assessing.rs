//! `wasmfit assess`, on the real native interpreter and in a real guest.
//!
//! Needs what `scripts/setup` installs.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

const TARGETS: [&str; 4] =
    ["--target", "native@cpython-3.15", "--target", "wasmtime/cranelift@cpython-3.15"];

fn assess(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(cargo_bin("wasmfit"));
    command.arg("assess").args(arguments).current_dir(folder);
    command.output().expect("wasmfit ran")
}

fn measured(folder: &Path, arguments: &[&str]) -> (Output, Value) {
    let quick = ["--profile", "quick", "--out", "run", "--json"];
    let output = assess(folder, &[arguments, &quick, &TARGETS].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let analysis = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {said}");
    });
    (output, analysis)
}

/// Grade and reason in the scenario `name`.
fn verdict(analysis: &Value, name: &str) -> (String, String) {
    let verdicts = analysis["verdicts"].as_array().expect("verdicts");
    let found = verdicts.iter().find(|it| it["scenario"] == name).expect("the scenario");
    let text = |key: &str| found[key].as_str().expect("text").to_owned();
    (text("grade"), text("reason"))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("written");
}

#[test]
fn the_ways_beside_a_port_are_measured_of_a_script_when_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(at, "backwards.py", "def infer(request):\n    return bytes(reversed(request))\n");
    write(at, "sample.txt", "request");
    let arguments = ["backwards.py", "--requests", "sample.txt", "--routes", "--profile", "quick"];
    let output = assess(at, &[&arguments[..], &["--out", "run", "--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let analysis: Value = serde_json::from_slice(&output.stdout).expect("an analysis");
    let measured = analysis["routes"][0]["measured"].as_array().expect("ways");
    let has = |route: &str, target: &str| {
        measured.iter().any(|it| it["route"] == route && it["target"] == target)
    };
    assert!(has("interpreter", "wasmtime/cranelift@cpython-3.15"), "{measured:?}");
    assert!(has("small-interpreter", "wasmtime/cranelift@micropython-1.27"), "{measured:?}");
    assert!(has("component", "wasmtime/cranelift@backwards.component"), "{measured:?}");
}

#[test]
fn a_script_with_a_module_beside_it_is_measured_and_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(
        at,
        "model.py",
        "import helper\n\ndef infer(request):\n    return helper.turn(request)\n",
    );
    write(at, "helper.py", "import data.table\n\ndef turn(request):\n    return request[::-1]\n");
    write(at, "data/__init__.py", "");
    write(at, "data/table.py", "ROWS = [1, 2, 3]\n");
    for number in 0..3 {
        write(at, &format!("samples/{number}.txt"), &format!("request {number}").repeat(50));
    }
    let own = "title = 'Mine'\nstands_for = 'me'\nneeds = ['threads']\n";
    write(at, "mine.toml", own);
    let asked = ["--scenario", "plugin", "--scenario", "mine.toml"];
    let budgets = ["--budget", "slowdown=none,cold-start=60s,memory=none"];
    let all = [&["model.py", "--requests", "samples"][..], &asked, &budgets].concat();
    let (output, analysis) = measured(at, &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(verdict(&analysis, "plugin").0, "strong");
    let (grade, reason) = verdict(&analysis, "mine");
    assert_eq!(
        (grade.as_str(), reason.as_str()),
        ("weak", "It lacks threads: the guests have one thread.")
    );
    let html = fs::read_to_string(at.join("run/report.html")).expect("a report");
    assert!(html.contains("Should it be ported?"));
    // The run is whole: its workload lies in it, and the report follows from it.
    assert!(at.join("run/workload/model/helper.py").is_file());
    let mut again = Command::new(cargo_bin("wasmfit"));
    assert!(again.args(["report", "run"]).current_dir(at).status().expect("ran").success());
    assert_eq!(fs::read_to_string(at.join("run/report.html")).expect("a report"), html);
}

#[test]
fn what_a_guest_cannot_do_is_the_reason() {
    for (name, code, expected) in [
        (
            "needs_torch",
            "def infer(request):\n    import torch\n    return request\n",
            "guest cpython-3.15 has no torch",
        ),
        (
            "opens_socket",
            "import socket\ndef infer(request):\n    socket.socket().close()\n    return request\n",
            "OSError",
        ),
        (
            "starts_process",
            "import subprocess\ndef infer(request):\n    subprocess.run(['true'])\n    return request\n",
            "process",
        ),
        (
            "starts_thread",
            "import threading\ndef infer(request):\n    threading.Thread(target=int).start()\n    return request\n",
            "thread",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!("{name}.py");
        write(folder.path(), &file, code);
        write(folder.path(), "request.bin", "abc");
        let (output, analysis) = measured(folder.path(), &[&file, "--requests", "request.bin"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let (grade, reason) = verdict(&analysis, "plugin");
        assert_eq!(grade, "weak", "{name}: {reason}");
        assert!(reason.starts_with("It does not run on") && reason.contains(expected), "{reason}");
    }
}

#[test]
fn what_cannot_be_assessed_is_said_in_a_line_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(at, "good.py", "def infer(request):\n    return request\n");
    write(at, "nothing.py", "def predict(request):\n    return request\n");
    write(at, "wrong.py", "def infer(request) return request\n");
    write(at, "json.py", "def infer(request):\n    return request\n");
    write(at, "empty/.hidden", "");
    write(at, "one.bin", "abc");
    let before = fs::read_dir(at).expect("a folder").count();
    for (arguments, expected) in [
        (&["missing.py"][..], "missing.py: neither a folder"),
        (&["good.py"], "good.py has no make_request: give sample requests"),
        (&["good.py", "--requests", "no-such"], "no-such: no such file"),
        (&["good.py", "--requests", "empty"], "empty: holds no files"),
        (&["good.py", "--requests", "one.bin", "--with", "no-such"], "no-such: no such file"),
        (&["nothing.py", "--requests", "one.bin"], "nothing.py has neither infer(request)"),
        (&["wrong.py", "--requests", "one.bin"], "wrong.py: line 1: "),
        (&["json.py", "--requests", "one.bin"], "json.py: its name is no module's of its own"),
        (&["good.py", "--requests", "one.bin", "--scenario", "none"], "scenario none: "),
        (&["good.py", "--requests", "one.bin", "--budget", "p98=1s"], "no budget p98"),
    ] {
        let output = assess(at, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("Traceback"), "{said}");
        assert_eq!(fs::read_dir(at).expect("a folder").count(), before, "{arguments:?}");
    }
    let python = ["good.py", "--requests", "one.bin", "--python", "/no/python"];
    assert_eq!(assess(at, &python).status.code(), Some(3));
}
