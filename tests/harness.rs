//! The harness against the mock runner: what it does with whatever a runner
//! does. The mock stands in for the native interpreter too, so no Python is
//! needed and nothing takes longer than a process start.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wasmfit_protocol::FailureKind;
use wasmfit_record::{
    CellOutcome, Class, LaunchOutcome, RunDirectory, Status, read_profile_records,
};

use world::{TARGET, World, error_lines, wait_for};

#[test]
fn a_run_measures_verifies_and_reports_every_cell() {
    let script = json!({"scripted a": [{"do": "serve", "request_ns": 3000}]});
    let world = World::new(&["a", "b"], &script);
    let output = world.bench(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let run = world.run();
    assert_eq!(run.status, Status::Finished);
    assert_eq!(run.launches.len(), run.plan.launches.len());
    for cell in &run.cells {
        let CellOutcome::Measured { deviation, .. } = &cell.outcome else {
            panic!("{:?}", cell.outcome);
        };
        assert_eq!(deviation.is_some(), !cell.target.is_native());
    }
    let mut classes = BTreeMap::new();
    let path = RunDirectory::profile_of(&world.path("run"));
    read_profile_records(&path, run.profile_bytes, |row| {
        *classes.entry(row.class).or_insert(0) += row.count;
    })
    .expect("a profile");
    let launches = 4 * u64::from(run.plan.rounds);
    assert_eq!(classes, [(Class::Eval, 9 * launches), (Class::Compute, launches)].into());
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(summary.contains("3.00"), "{summary}");
    assert!(world.path("run/report.html").is_file());
    assert!(!world.path("run/launch").exists(), "scratch is left behind");
    // The first launch of each case is native's: the reference for the rest.
    assert!(world.log()[0].starts_with("native "), "{:?}", world.log());
}

#[test]
fn whatever_a_runner_does_fails_its_own_cell_only() {
    let failure = |kind: &str| json!({"do": "fail", "failure": {"kind": kind, "during": "import", "message": "no such module", "detail": "Traceback"}});
    let cases = [
        (failure("raised"), FailureKind::Raised, "no such module"),
        (json!({"do": "signal", "signal": "SEGV"}), FailureKind::Signal, "SIGSEGV"),
        (json!({"do": "signal", "signal": "KILL"}), FailureKind::Signal, "SIGKILL"),
        (json!({"do": "garbage"}), FailureKind::Garbage, "Segmentation fault, or so"),
        (json!({"do": "flood"}), FailureKind::Garbage, "xxxx"),
        (json!({"do": "vanish", "code": 0}), FailureKind::Vanished, "exit code 0"),
        (json!({"do": "vanish", "code": 7}), FailureKind::Vanished, "exit code 7"),
        (json!({"do": "nothing"}), FailureKind::Garbage, "samples.csv"),
        (json!({"do": "serve", "change": 1}), FailureKind::OutputMismatch, "differs from native"),
        (json!({"do": "serve", "one_less": true}), FailureKind::Garbage, "responses to"),
        (json!({"do": "later-protocol"}), FailureKind::Protocol, "speaks protocol 3"),
    ];
    let names: Vec<String> = (0..cases.len()).map(|index| format!("bad-{index}")).collect();
    let mut workloads: Vec<&str> = names.iter().map(String::as_str).collect();
    workloads.push("good");
    let script: BTreeMap<String, Value> = names
        .iter()
        .zip(&cases)
        .map(|(name, (behaviour, ..))| (format!("scripted {name}"), json!([behaviour])))
        .collect();
    let world = World::new(&workloads, &json!(script));
    let output = world.bench(&[]);
    assert_eq!(output.status.code(), Some(1));
    let lines = error_lines(&output);
    assert_eq!(lines.len(), cases.len(), "one line each: {lines:#?}");
    for (name, (_, kind, text)) in names.iter().zip(&cases) {
        let CellOutcome::Failed { failure, .. } = world.outcome(name, TARGET) else {
            panic!("{name} did not fail");
        };
        assert_eq!(failure.kind, *kind, "{name}: {failure:?}");
        assert!(failure.message.contains(text), "{name}: {}", failure.message);
        assert!(lines.iter().any(|line| line.contains(name) && line.contains(text)), "{name}");
        let native = world.outcome(name, "native@cpython-3.15");
        assert!(matches!(native, CellOutcome::Measured { .. }), "{name}: native");
    }
    assert!(matches!(world.outcome("good", TARGET), CellOutcome::Measured { .. }));
    assert_eq!(world.run().status, Status::Finished);
}

#[test]
fn a_silent_runner_is_killed_past_its_limit() {
    let world = World::new(&["a"], &json!({"scripted a": [{"do": "silence"}]}));
    let output = world.bench(&["--timeout", "1s"]);
    assert_eq!(output.status.code(), Some(1));
    let CellOutcome::Failed { failure, .. } = world.outcome("a", TARGET) else {
        panic!("it did not fail");
    };
    assert_eq!(failure.kind, FailureKind::Silent);
    assert_eq!(failure.during, "import");
}

#[test]
fn a_failure_late_in_a_run_keeps_what_was_measured_before() {
    let good = json!({"do": "serve"});
    let script = json!({"scripted a": [good, good, good, {"do": "signal", "signal": "ABRT"}]});
    let world = World::new(&["a"], &script);
    assert_eq!(world.bench(&[]).status.code(), Some(1));
    let run = world.run();
    let of_target = run.launches.iter().filter(|l| !run.cells[l.planned.cell].target.is_native());
    let ended: Vec<bool> =
        of_target.map(|launch| matches!(launch.outcome, LaunchOutcome::Served(_))).collect();
    assert_eq!(ended, [true, true, true, false], "and no launch after the failure");
}

#[test]
fn native_failing_leaves_the_others_measured_and_unverified() {
    let world = World::new(&["a"], &json!({"native a": [{"do": "vanish", "code": 1}]}));
    assert_eq!(world.bench(&[]).status.code(), Some(1));
    let CellOutcome::Measured { deviation, .. } = world.outcome("a", TARGET) else {
        panic!("not measured");
    };
    assert_eq!(deviation, None);
}

#[test]
fn a_killed_run_keeps_finished_launches_and_resume_makes_the_rest() {
    let linger = json!({"do": "linger", "milliseconds": 60_000});
    let good = json!({"do": "serve"});
    let script = json!({"scripted a": [good, good, good, linger]});
    let world = World::new(&["a"], &script);
    let mut running = world.bench_command(&[]).spawn().expect("started");
    wait_for(|| world.log().iter().filter(|key| *key == "scripted a").count() == 4);
    running.kill().expect("killed");
    running.wait().expect("waited for");
    let before = world.run();
    assert_eq!(before.status, Status::Unfinished);
    assert!(before.launches.len() >= 5, "{}", before.launches.len());

    fs::write(world.path("script.json"), "{}").expect("a new script");
    let resumed = world.command(&["bench", "--resume", "run"]).output().expect("resumed");
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    let after = world.run();
    assert_eq!(after.status, Status::Finished);
    assert_eq!(after.launches[..before.launches.len()], before.launches[..]);
    let mut ids: Vec<u32> = after.launches.iter().map(|launch| launch.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..u32::try_from(after.plan.launches.len()).unwrap()).collect::<Vec<_>>());
}

#[test]
fn what_a_killed_run_wrote_of_a_launch_in_flight_is_dropped() {
    let world = World::new(&["a"], &json!({}));
    assert_eq!(world.bench(&[]).status.code(), Some(0));
    let samples = world.path("run/samples.csv");
    let whole = fs::read(&samples).expect("samples");
    // As a run killed between the samples and run.json leaves it.
    let mut torn = whole.clone();
    torn.extend_from_slice(b"9,plain,requ");
    fs::write(&samples, torn).expect("torn");
    let report = world.command(&["report", "run"]).output().expect("reported");
    assert_eq!(report.status.code(), Some(0), "{}", String::from_utf8_lossy(&report.stderr));
    let resumed = world.command(&["bench", "--resume", "run"]).output().expect("resumed");
    assert_eq!(resumed.status.code(), Some(0));
    assert_eq!(fs::read(&samples).expect("samples"), whole);
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_says_how_to_go_on() {
    let linger = json!({"do": "linger", "milliseconds": 60_000});
    let good = json!({"do": "serve"});
    let world = World::new(&["a"], &json!({"scripted a": [good, good, linger]}));
    let mut command = world.bench_command(&[]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let running = command.spawn().expect("started");
    wait_for(|| world.log().iter().filter(|key| *key == "scripted a").count() == 3);
    let interrupt = Command::new("kill").args(["-s", "INT", &running.id().to_string()]).status();
    assert!(interrupt.expect("kill ran").success());
    let output = running.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130));
    let last = error_lines(&output).pop().expect("a line");
    assert!(last.contains("--resume"), "{last}");
    assert_eq!(world.run().status, Status::Unfinished);
    assert!(world.run().launches.len() >= 3);
    assert!(world.path("run/report.html").is_file());
}

#[test]
fn a_changed_workload_is_not_mixed_into_an_old_run() {
    let world = World::new(&["a"], &json!({}));
    assert_eq!(world.bench(&[]).status.code(), Some(0));
    fs::write(world.path("workloads/a/workload.py"), "changed").expect("changed");
    let output = world.command(&["bench", "--resume", "run"]).output().expect("ran");
    assert_eq!(output.status.code(), Some(4));
    assert!(error_lines(&output)[0].contains("workload a has changed"));
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_it() {
    let world = World::new(&["a"], &json!({}));
    // The file system's refusal, for files beyond 40 KiB: run.json fits, and
    // samples.csv soon does not. The signal that comes with it is ignored, as
    // a full disk sends none.
    let bench = world.bench_command(&["--profile", "thorough"]);
    let quoted = std::iter::once(bench.get_program())
        .chain(bench.get_args())
        .map(|part| format!("'{}'", part.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ");
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -f 40; {quoted}")]);
    shell.current_dir(world.folder.path());
    for (name, value) in bench.get_envs() {
        shell.env(name, value.expect("a value"));
    }
    let output = shell.output().expect("ran");
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = error_lines(&output);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!world.run().launches.is_empty());
    let resumed = world.command(&["bench", "--resume", "run"]).output().expect("resumed");
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
}

#[test]
fn wrong_usage_says_what_there_is() {
    let world = World::new(&["a", "b"], &json!({}));
    let cases: [(&[&str], &str); 5] = [
        (&["bench", "--workload", "c"], "there are a, b"),
        (&["bench", "--target", "wasmtime"], "RUNTIME/TIER@GUEST"),
        (&["bench", "--target", "lunatic/jit@x"], "there are native, wasmtime"),
        (&["bench", "--target", "native@cpython-2.7"], "WASMFIT_PYTHON"),
        (&["bench", "--runner", "native=/bin/true"], "--python"),
    ];
    for (arguments, text) in cases {
        let output = world.command(arguments).output().expect("ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}

#[test]
fn a_missing_interpreter_is_said_in_one_line() {
    let world = World::new(&["a"], &json!({}));
    for (python, text) in [("/nowhere/python", "No such file"), ("/bin/false", "exit code 1")] {
        let mut command = world.command(&["bench"]);
        let output = command.env("WASMFIT_PYTHON", python).output().expect("ran");
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(text) && said.contains("WASMFIT_PYTHON"), "{said}");
    }
}

#[test]
fn a_run_that_is_none_is_said_in_one_line() {
    let world = World::new(&["a"], &json!({}));
    fs::create_dir(world.path("empty")).expect("a folder");
    fs::create_dir(world.path("damaged")).expect("a folder");
    fs::write(world.path("damaged/run.json"), "{").expect("a file");
    fs::create_dir(world.path("later")).expect("a folder");
    fs::write(world.path("later/run.json"), r#"{"schema_version": 999}"#).expect("a file");
    for (folder, text) in
        [("empty", "holds no run"), ("damaged", "is damaged"), ("later", "schema version 999")]
    {
        let output = world.command(&["report", folder]).output().expect("ran");
        assert_eq!(output.status.code(), Some(4));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn a_missing_guest_fails_its_cells_and_keeps_native() {
    let world = World::new(&["a"], &json!({}));
    let target = "wasmtime/cranelift@cpython-3.15";
    let output = world
        .command(&["bench", "--out", "run", "--target", "native@cpython-3.15", "--target", target])
        .output()
        .expect("ran");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let CellOutcome::Failed { failure, .. } = world.outcome("a", target) else {
        panic!("it did not fail");
    };
    assert_eq!(failure.kind, FailureKind::Guest);
    assert!(failure.message.contains("scripts/setup"), "{}", failure.message);
    let native = world.outcome("a", "native@cpython-3.15");
    assert!(matches!(native, CellOutcome::Measured { .. }));
}

#[test]
fn a_guest_with_a_wrong_hash_is_not_run() {
    let world = World::new(&["a"], &json!({}));
    let guest = world.path("cache/guests/cpython-3.15");
    fs::create_dir_all(&guest).expect("a guest folder");
    fs::write(guest.join("python.wasm"), "not what it was").expect("a module");
    let manifest = r#"
name = "cpython-3.15"
title = "x"
source = "x"
python = "3.15.0"
boundary = "host-call"
packages = {}
files = { "python.wasm" = "0000000000000000000000000000000000000000000000000000000000000000" }
"#;
    fs::write(guest.join("guest.toml"), manifest).expect("a manifest");
    let target = "wasmtime/cranelift@cpython-3.15";
    let output =
        world.command(&["bench", "--out", "run", "--target", target]).output().expect("ran");
    assert_eq!(output.status.code(), Some(1));
    let CellOutcome::Failed { failure, .. } = world.outcome("a", target) else {
        panic!("it did not fail");
    };
    assert!(failure.message.contains("is not the file its guest.toml names"), "{failure:?}");
}

/// Installs a guest of one file, which no mock looks into.
fn install_guest(world: &World, name: &str, proposals: &str) {
    let guest = world.path("cache/guests").join(name);
    fs::create_dir_all(&guest).expect("a guest folder");
    fs::write(guest.join("python.wasm"), "a module").expect("a module");
    let manifest = format!(
        "name = '{name}'\ntitle = 'x'\nsource = 'x'\npython = '3.15.0'\nboundary = 'host-call'\n\
         proposals = {proposals}\npackages = {{}}\nfiles = {{ 'python.wasm' = '{}' }}\n",
        wasmfit_protocol::sha256(b"a module")
    );
    fs::write(guest.join("guest.toml"), manifest).expect("a manifest");
}

#[test]
fn what_a_tier_does_not_take_is_unsupported_and_no_failure() {
    let refusal = json!({"do": "fail", "failure": {
        "kind": "unsupported", "during": "compile", "message": "no such instruction"
    }});
    let world = World::new(&["a"], &json!({"prepare other": [refusal]}));
    install_guest(&world, "cpython-3.15", "['exceptions']");
    let targets = ["lacking", "other", "scripted"].map(|tier| format!("mock/{tier}@cpython-3.15"));
    let mut arguments = Vec::new();
    arguments.extend(targets.iter().flat_map(|target| ["--target", target.as_str()]));
    let output = world.bench_command(&arguments).output().expect("ran");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(error_lines(&output), [""; 0]);
    let [lacking, other, scripted] = targets.each_ref().map(|target| world.outcome("a", target));
    let unsupported = |reason: &str| CellOutcome::Unsupported { reason: reason.into() };
    let reason =
        "cpython-3.15 needs exception handling, which mock/lacking does not take: not for a mock";
    assert_eq!(lacking, unsupported(reason));
    let reason = "mock/other does not take cpython-3.15: no such instruction";
    assert_eq!(other, unsupported(reason));
    assert!(matches!(scripted, CellOutcome::Measured { .. }), "{scripted:?}");
}

#[test]
fn a_runner_that_is_not_built_stops_no_other() {
    let world = World::new(&["a"], &json!({}));
    install_guest(&world, "cpython-3.15", "[]");
    let target = "wasmedge/aot@cpython-3.15";
    let output = world
        .bench_command(&["--target", target])
        .env("WASMFIT_RUNNERS", world.path("nowhere"))
        .output()
        .expect("ran");
    assert_eq!(output.status.code(), Some(1));
    let CellOutcome::Failed { failure, .. } = world.outcome("a", target) else {
        panic!("it did not fail");
    };
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.contains("wasmfit-wasmedge does not start"), "{failure:?}");
    assert!(failure.message.contains("build it"), "{failure:?}");
    assert_eq!(error_lines(&output).len(), 1);
    assert!(matches!(world.outcome("a", TARGET), CellOutcome::Measured { .. }));
}

#[test]
fn a_cell_beyond_its_budget_gets_the_least_and_the_run_is_complete() {
    let linger = json!({"native a": [{"do": "linger", "milliseconds": 2}]});
    let world = World::new(&["a"], &linger);
    let script = world.path("script.json.log");
    // Interrupted before anything is measured, and gone on with under a
    // budget that a launch uses up.
    let mut child = world
        .bench_command(&[])
        .env("WASMFIT_MOCK_SCRIPT", world.path("script.json"))
        .spawn()
        .expect("started");
    wait_for(|| world.path("run/run.json").is_file());
    child.kill().expect("killed");
    child.wait().expect("ended");
    let _ = fs::remove_file(script);
    let path = world.path("run/run.json");
    let mut run: Value =
        serde_json::from_slice(&fs::read(&path).expect("a run")).expect("run.json");
    run["plan"]["budget"] = json!({"cell_ns": 1, "least_rounds": 3});
    run["launches"] = json!([]);
    run["samples_bytes"] = json!(0);
    run["profile_bytes"] = json!(0);
    fs::write(&path, run.to_string()).expect("written");
    let output = world.command(&["bench", "--resume", "run"]).output().expect("ran");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let run = world.run();
    assert_eq!(run.status, Status::Finished);
    assert!(run.launches.len() < run.plan.launches.len());
    for cell in 0..run.cells.len() {
        let rounds: Vec<u32> = run
            .launches
            .iter()
            .filter(|launch| launch.planned.cell == cell)
            .map(|launch| launch.planned.round)
            .collect();
        assert_eq!(rounds, [0, 1, 2]);
    }
}

#[test]
fn a_report_is_the_same_bytes_again() {
    let world = World::new(&["a", "b"], &json!({}));
    assert_eq!(world.bench(&[]).status.code(), Some(0));
    let read = |path: &Path| fs::read(path).expect("a report");
    let html = world.path("run/report.html");
    let before = read(&html);
    fs::remove_file(&html).expect("removed");
    assert_eq!(world.command(&["report", "run"]).output().expect("ran").status.code(), Some(0));
    assert_eq!(read(&html), before);
}
