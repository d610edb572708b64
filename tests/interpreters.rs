//! Guests that have JavaScript of their own around them: Pyodide, MicroPython
//! and Brython, in Node, in a browser, and as PyScript opens them.
//!
//! Needs what `scripts/setup --browser` installs.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

fn wasmfit(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin("wasmfit"));
    let workloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
    command.env("WASMFIT_WORKLOADS", workloads);
    command.args(arguments).current_dir(folder);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `wasmfit check` says of a workload on each target.
fn checked(workload: &str, targets: &[&str]) -> Vec<String> {
    checked_where(&[], workload, targets)
}

/// The same with variables of the environment set.
fn checked_where(variables: &[(&str, &str)], workload: &str, targets: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let targets = targets.iter().flat_map(|it| ["--target", *it]);
    let arguments: Vec<&str> = ["check", workload].into_iter().chain(targets).collect();
    let mut command = wasmfit(folder.path(), &arguments);
    let output = command.envs(variables.iter().copied()).output().expect("wasmfit ran");
    let said = text(&output.stdout);
    let of_targets = said.lines().filter(|it| it.contains(" on ") && !it.contains("native@"));
    let lines: Vec<String> = of_targets.map(str::to_owned).collect();
    assert!(!lines.is_empty(), "{said}{}", text(&output.stderr));
    lines
}

#[test]
fn pyodide_answers_as_native_in_node_in_a_worker_and_by_pyscript() {
    let targets =
        ["node/v8@pyodide-3.14", "chromium/worker@pyodide-3.14", "chromium/pyscript@pyodide-3.14"];
    for (line, target) in checked("wordpiece", &targets).iter().zip(targets) {
        assert!(line.ends_with(&format!("on {target}: identical to native, 32 of 32")), "{line}");
    }
}

#[test]
fn micropython_computes_what_it_can_and_names_what_it_lacks() {
    let targets = [
        "node/v8@micropython-1.27-web",
        "chromium/worker@micropython-1.27-web",
        "chromium/main-thread@micropython-1.27-web",
        "chromium/pyscript@micropython-1.27-web",
    ];
    for (line, target) in checked("digits-mlp-python", &targets).iter().zip(targets) {
        assert!(line.contains(&format!("on {target}: within tolerance of native")), "{line}");
    }
    let lacks = checked("wordpiece", &targets[..1]);
    assert!(lacks[0].ends_with("import: ImportError: no module named 'unicodedata'"), "{lacks:?}");
    let lacks = checked("gbdt-python", &targets[..1]);
    assert!(lacks[0].contains("in decode: AttributeError: module 'struct'"), "{lacks:?}");
}

#[test]
fn brython_computes_what_it_can_and_names_what_fails() {
    let target = "chromium/main-thread@brython-3.14";
    let answers = checked("moving-anomaly", &[target]);
    assert!(
        answers[0].ends_with(&format!("on {target}: identical to native, 25 of 25")),
        "{answers:?}"
    );
    let fails = checked("gbdt-python", &[target]);
    assert!(fails[0].contains("in decode: AttributeError"), "{fails:?}");
}

#[test]
fn a_tier_refuses_guests_for_what_is_around_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let listed = wasmfit(folder.path(), &["list", "targets"]).output().expect("wasmfit ran");
    let listed = text(&listed.stdout);
    assert!(listed.contains("\nchromium/main-thread@brython-3.14 "), "{listed}");
    let refused = [
        ("wasmtime/cranelift@pyodide-3.14", "JavaScript around it"),
        ("node/v8@brython-3.14", "made for pages"),
        ("chromium/worker@brython-3.14", "chromium/main-thread"),
        ("chromium/pyscript@cpython-3.15", "PyScript opens interpreters"),
        ("chromium/worker@cpython-3.12", "nothing in a browser may wait"),
    ];
    for (target, reason) in refused {
        assert!(!listed.contains(&format!("\n{target} ")), "{listed}");
        let said = checked("wordpiece", &[target]);
        assert!(said[0].contains("unsupported") && said[0].contains(reason), "{said:?}");
    }
}

#[test]
fn an_engine_that_is_missing_or_another_program_is_named_with_a_remedy() {
    let missing = [
        ("WASMFIT_BROWSER", "/nowhere/chromium", "chromium/worker@pyodide-3.14", "no browser at"),
        ("WASMFIT_BROWSER", "/bin/true", "chromium/worker@pyodide-3.14", "is no Chromium"),
        ("WASMFIT_NODE", "/nowhere/node", "node/v8@pyodide-3.14", "run scripts/setup"),
    ];
    for (variable, program, target, reason) in missing {
        let said = checked_where(&[(variable, program)], "wordpiece", &[target]);
        assert!(said[0].contains("FAULT") && said[0].contains(reason), "{said:?}");
        assert!(said[0].contains(variable), "{said:?}");
    }
}
