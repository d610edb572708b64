//! `wasmfit boundary`, on the real native interpreter and in a real guest.
//!
//! Needs what `scripts/setup` installs.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

const NATIVE: &str = "native@cpython-3.15";
const WASMTIME: &str = "wasmtime/cranelift@cpython-3.15";

fn wasmfit(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(cargo_bin("wasmfit"));
    command.args(arguments).current_dir(folder).output().expect("wasmfit ran")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

#[test]
fn items_are_measured_alone_and_in_batches_and_fitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["boundary", "--encoding", "items", "--target", NATIVE, "--target", WASMTIME];
    let output = wasmfit(folder.path(), &[&arguments[..], &["--out", "run", "--json"]].concat());
    let analysis = json(&output);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lab = &analysis["boundary"];
    let curves = lab["curves"].as_array().expect("curves");
    assert_eq!(curves.len(), 2);
    for curve in curves {
        assert_eq!(curve["points"].as_array().expect("points").len(), 7);
        let cost = |name: &str| curve["fit"][name]["value"].as_f64().expect("a cost");
        assert!(cost("fixed_ns") > 0.0 && cost("byte_ns") > 0.0, "{curve}");
    }
    // The guest's responses are native's.
    assert_eq!((&lab["identical_cells"], &lab["unverified_cells"]), (&2.into(), &0.into()));
    // Everything follows from the run directory.
    let again = wasmfit(folder.path(), &["report", "run", "--json"]);
    assert_eq!(json(&again), analysis);
}

#[test]
fn typed_lists_reach_a_component_from_its_host_and_from_another_component() {
    let folder = tempfile::tempdir().expect("a folder");
    // Its guests are made when they are asked for.
    let guests = folder.path().join("guests");
    let wasmfit = |out: &str, cache: Option<&Path>| {
        let mut command = Command::new(cargo_bin("wasmfit"));
        command.args(["boundary", "--encoding", "wit-items", "--target", NATIVE]);
        command.args(["--target", "wasmtime/cranelift@component-3.14"]);
        command.args(["--target", "wasmtime/cranelift@component-3.14-composed"]);
        command.args(["--out", out, "--json"]).current_dir(folder.path());
        command.env("WASMFIT_GUESTS", &guests);
        command.envs(cache.map(|it| ("WASMFIT_CACHE", it)));
        command.output().expect("wasmfit ran")
    };
    let empty = folder.path().join("empty");
    let output = wasmfit("none", Some(&empty));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("componentize-py does not start"), "{stderr}");
    assert!(stderr.trim_end().ends_with("run scripts/setup"), "{stderr}");
    assert!(!folder.path().join("none").exists(), "nothing was begun");
    let output = wasmfit("run", None);
    let analysis = json(&output);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lab = &analysis["boundary"];
    // In, out and both ways.
    assert_eq!(lab["curves"].as_array().expect("curves").len(), 3 * 3);
    // Two groups of payloads on each.
    assert_eq!((&lab["identical_cells"], &lab["unverified_cells"]), (&4.into(), &0.into()));
}

#[test]
fn payloads_beyond_the_memory_limit_fail_and_the_others_are_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["boundary", "--encoding", "array", "--target", NATIVE, "--memory", "32"];
    let output = wasmfit(folder.path(), &[&arguments[..], &["--out", "run", "--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let lab = &json(&output)["boundary"];
    let missing = lab["missing"].as_array().expect("what is missing");
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0]["payload_bytes"], serde_json::json!([4 << 20, 16 << 20]));
    let reason = missing[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("more than the job's memory limit"), "{reason}");
    let points = lab["curves"][0]["points"].as_array().expect("points");
    assert_eq!(points.last().expect("a point")["payload_bytes"], 1 << 20);
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, said) in [
        (&["boundary", "--encoding", "xml"][..], "invalid value 'xml' for '--encoding"),
        (&["boundary", "--target", "wasmtime"], "invalid value 'wasmtime' for '--target"),
        (&["boundary", "--target", "nowhere/fast@cpython-3.15"], "nowhere"),
    ] {
        let output = wasmfit(folder.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
