//! What the command says of itself.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::process::Command;

use assert_cmd::cargo::cargo_bin;

fn said(arguments: &[&str]) -> String {
    let mut command = Command::new(cargo_bin("wasmfit"));
    // Help is wrapped to the terminal's width, where there is one.
    let output = command.args(arguments).env("COLUMNS", "80").output().expect("wasmfit ran");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn help_is_as_reviewed() {
    for command in [
        "",
        "assess",
        "bench",
        "deploy",
        "trim",
        "sandbox",
        "boundary",
        "report",
        "publish",
        "calibrate",
        "classify",
        "new",
        "check",
        "runner-check",
        "list",
        "doctor",
        "completions",
    ] {
        let arguments = [command, "--help"];
        let arguments = arguments.iter().copied().filter(|word| !word.is_empty());
        let name = if command.is_empty() { "wasmfit" } else { command };
        insta::assert_snapshot!(name, said(&arguments.collect::<Vec<_>>()));
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completions", shell]);
        for command in [
            "assess",
            "bench",
            "deploy",
            "trim",
            "sandbox",
            "boundary",
            "report",
            "calibrate",
            "classify",
            "new",
            "check",
            "runner-check",
            "list",
            "doctor",
        ] {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
    }
}

#[test]
fn the_manual_has_every_command_and_exit_code() {
    let page = said(&["man"]);
    assert!(page.starts_with(".ie"), "a roff page");
    for text in ["wasmfit\\-bench", "wasmfit\\-report", "WASMFIT_PYTHON", "Exit codes", "130"] {
        assert!(page.contains(text), "{text}");
    }
}
