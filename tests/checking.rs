//! `wasmfit new` and `wasmfit check`, on the real native interpreter.
//!
//! Needs what `scripts/setup` installs.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;

fn wasmfit(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(cargo_bin("wasmfit"));
    command.args(arguments).current_dir(folder).output().expect("wasmfit ran")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_new_workload_keeps_its_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = wasmfit(folder.path(), &["new", "my-model"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let checked = wasmfit(folder.path(), &["check", "./my-model"]);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", text(&checked.stderr));
    assert!(!said.contains("note"), "{said}");
    assert!(said.ends_with("1 of 1 workloads keep the contract\n"), "{said}");
}

#[test]
fn a_name_that_is_taken_or_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("taken")).expect("a folder");
    for (name, reason) in [("taken", "is there already"), ("My_Model", "is no name")] {
        let made = wasmfit(folder.path(), &["new", name]);
        assert_eq!(made.status.code(), Some(2));
        assert!(text(&made.stderr).contains(reason), "{name}: {}", text(&made.stderr));
    }
}

/// What to replace in which file of a new workload, and what the check says.
const FAULTS: [(&str, &str, &str, &str, &str); 17] = [
    ("no-function", "workload.py", "def encode", "def encoded", "no function encode(y)"),
    (
        "arity",
        "workload.py",
        "def infer(model, rows)",
        "def infer(rows)",
        "called as infer(model, x)",
    ),
    (
        "syntax",
        "workload.py",
        "def decode(request):",
        "def decode(request)",
        "workload.py, line 19",
    ),
    (
        "clock",
        "workload.py",
        "import math",
        "import math, time\nNOW = time.time()",
        "time.time reads a clock",
    ),
    ("chance", "workload.py", "random.Random(index)", "random.Random()", "without a seed"),
    (
        "network",
        "workload.py",
        "import math",
        "import math, urllib.request",
        "a guest has no network",
    ),
    (
        "unstated",
        "workload.py",
        "import math",
        "import math, numpy",
        "packages in workload.toml does not list",
    ),
    (
        "raises",
        "workload.py",
        "return json.load(file)",
        "return json.load(file)[0]",
        "in load: KeyError",
    ),
    (
        "thread",
        "workload.py",
        "    return [_prob",
        "    import threading\n    threading.Thread(target=int).start()\n    return [_prob",
        "starts a thread",
    ),
    (
        "writes",
        "workload.py",
        "    return [_prob",
        "    open('written', 'a').close()\n    return [_prob",
        "folders are read-only",
    ),
    (
        "remembers",
        "workload.py",
        "    return [_prob",
        "    model['bias'] += 0.5\n    return [_prob",
        "is answered differently",
    ),
    (
        "hash-order",
        "workload.py",
        "    return [_prob",
        "    rows = [(len(str({'a', 'b', 'c'})), hash('a') % 7, 0, 0)]\n    return [_prob",
        "by another process",
    ),
    (
        "not-finite",
        "workload.py",
        "    return [_prob",
        "    return [math.nan]\n    return [_prob",
        "element 0 is NaN",
    ),
    (
        "vacuous",
        "workload.toml",
        "absolute_tolerance = 1e-12",
        "absolute_tolerance = 0.5",
        "would pass",
    ),
    (
        "no-asset",
        "workload.toml",
        "\"model.json\" =",
        "\"weights.bin\" = \"00\"\n\"model.json\" =",
        "assets/weights.bin is missing",
    ),
    ("other-asset", "assets/model.json", "0.8", "0.9", "has sha256"),
    (
        "no-package",
        "workload.toml",
        "packages = []",
        "packages = [\"torch\"]",
        "guest cpython-3.15 has no torch: it has attrs, ",
    ),
];

#[test]
fn every_fault_is_found_and_told_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut arguments = vec!["check"];
    for (name, file, before, after, _) in FAULTS {
        assert!(wasmfit(folder.path(), &["new", name]).status.success());
        let path = folder.path().join(name).join(file);
        let whole = fs::read_to_string(&path).expect("a file");
        assert!(whole.contains(before), "{name}");
        fs::write(&path, whole.replacen(before, after, 1)).expect("a file");
        arguments.push(name);
    }
    let checked = wasmfit(folder.path(), &arguments);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}{}", text(&checked.stderr));
    for (name, .., expected) in FAULTS {
        let rest = said.split_once(&format!("✗ {name}\n")).expect(name).1;
        let faults: Vec<&str> = rest
            .lines()
            .take_while(|line| line.starts_with("  "))
            .filter(|line| line.contains("FAULT"))
            .collect();
        assert!(faults.iter().any(|line| line.contains(expected)), "{name}: {faults:?}");
    }
}

#[test]
fn a_run_of_a_workload_that_is_not_whole_fails_its_cells_and_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(wasmfit(folder.path(), &["new", "my-model"]).status.success());
    fs::remove_file(folder.path().join("my-model/assets/model.json")).expect("a file");
    let arguments = ["bench", "-w", "./my-model", "-t", "native@cpython-3.15", "--out", "run"];
    let ran = wasmfit(folder.path(), &arguments);
    assert_eq!(ran.status.code(), Some(1));
    let said = text(&ran.stderr);
    assert!(said.contains("workload my-model: assets/model.json is missing"), "{said}");
}
