//! Two versions compared: in turn, with a saved run, in shards; and whatever
//! cannot be compared.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use wasmfit_record::{LaunchKind, RunDirectory, Side, Status};

use world::{TARGET, World, error_lines, wait_for};

/// A runner that is the mock with a script of its own: another build.
fn other_build(world: &World, script: &Value) -> String {
    let (program, own) = (world.path("other-build"), world.path("other.json"));
    fs::write(&own, script.to_string()).expect("a script");
    let mock = cargo_bin("wasmfit-mock");
    let text =
        format!("#!/bin/sh\nWASMFIT_MOCK_SCRIPT='{}' exec '{}'\n", own.display(), mock.display());
    fs::write(&program, text).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    format!("mock={}", program.display())
}

fn serve(request_ns: u64) -> Value {
    json!([{"do": "serve", "request_ns": request_ns}])
}

/// Measures a mock of `new_ns` in turn with another of `base_ns`.
fn in_turn(new_ns: u64, base_ns: u64, more: &[&str]) -> (World, Output) {
    let world = World::new(&["a"], &json!({"scripted a": serve(new_ns)}));
    let base = other_build(&world, &json!({"scripted a": serve(base_ns)}));
    let mut arguments = vec!["--base-runner", &base];
    arguments.extend(more);
    let output = world.bench(&arguments);
    (world, output)
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn comparison(world: &World) -> Value {
    let text = fs::read(world.path("run/comparison.json")).expect("a comparison");
    serde_json::from_slice(&text).expect("JSON")
}

/// What was found of the latency on `target`.
fn finding(world: &World, target: &str) -> String {
    let comparison = comparison(world);
    let cells = comparison["cells"].as_array().expect("cells").clone();
    let cell = cells.iter().find(|it| it["target"] == target).expect("the cell");
    let measures = cell["state"]["measures"].as_array().expect("measures");
    let latency = measures.iter().find(|it| it["measure"] == "latency").expect("a latency");
    latency["finding"]["finding"].as_str().expect("a finding").to_owned()
}

#[test]
fn versions_in_turn_are_launched_alternately_until_they_are_decided() {
    let (world, output) = in_turn(2000, 2000, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("2 cells unchanged"), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "unchanged");
    let (new, base) = (world.run(), RunDirectory::read(&world.path("run/base")).expect("a run"));
    let sessions = [&new, &base].map(|run| run.session.clone().expect("a session"));
    assert_eq!(sessions[0].id, sessions[1].id);
    assert_eq!(sessions.each_ref().map(|it| it.side), [Side::New, Side::Base]);
    for run in [&new, &base] {
        assert_eq!(run.status, Status::Finished);
        // Decided at the first look, and launched no more.
        let last = run.launches.iter().map(|it| it.planned.round).max();
        assert_eq!(last, Some(run.plan.until_decided.as_ref().expect("a rule").looks[0] - 1));
        assert!(run.launches.iter().all(|it| it.planned.kind == LaunchKind::Steady));
    }
    assert_eq!(new.launches.len(), base.launches.len());
    // The runner is another program of the same version.
    let differences = comparison(&world)["differences"].to_string();
    assert!(differences.contains("runner-build"), "{differences}");
    assert!(world.path("run/comparison.md").is_file());
    assert!(world.path("run/base/report.html").is_file());
}

#[test]
fn a_slower_version_fails_the_gate_and_a_faster_one_does_not() {
    let (world, output) = in_turn(2200, 2000, &[]);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "worse");
    assert_eq!(finding(&world, "native@cpython-3.15"), "unchanged");
    let (world, output) = in_turn(2000, 2200, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "better");
    let (world, output) = in_turn(2200, 2000, &["--fail-on", "never"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "worse");
    let (world, output) = in_turn(2200, 2000, &["--min-effect", "15%"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "unchanged");
}

#[test]
fn a_version_that_fails_is_broken() {
    let failure = json!({"kind": "raised", "during": "import", "message": "no such module"});
    let script = json!({"scripted a": [{"do": "fail", "failure": failure}]});
    let world = World::new(&["a"], &script);
    let base = other_build(&world, &json!({}));
    let output = world.bench(&["--base-runner", &base]);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert!(said(&output).contains("1 cell broken"), "{}", said(&output));
    let junit = world.command(&["compare", "run/base", "run", "--format", "junit"]);
    let junit = { junit }.output().expect("compared");
    assert_eq!(junit.status.code(), Some(6));
    assert!(said(&junit).contains("<failure message=\"failed during import: no such module\"/>"));
}

#[test]
fn every_format_tells_the_same() {
    let (world, _) = in_turn(2200, 2000, &[]);
    for (format, text) in [
        ("text", "1 cell slower, 1 cell unchanged"),
        ("markdown", "## wasmfit: 1 cell slower, 1 cell unchanged"),
        ("json", "\"finding\": \"worse\""),
        ("junit", "failures=\"2\""),
        ("github", "::error title=a on mock/scripted@script::latency: slower"),
    ] {
        let mut command = world.command(&["compare", "run/base", "run", "--format", format]);
        let output = command.output().expect("compared");
        assert_eq!(output.status.code(), Some(6), "{format}");
        assert!(said(&output).contains(text), "{format}: {}", said(&output));
    }
}

#[test]
fn an_interrupted_comparison_goes_on_where_it_was() {
    let slow = json!({"do": "linger", "milliseconds": 60_000});
    let good = json!({"do": "serve", "request_ns": 2000});
    let script = json!({"scripted a": [good, good, good, slow, good]});
    let world = World::new(&["a"], &script);
    let base = other_build(&world, &json!({"scripted a": serve(2000)}));
    let mut command = world.bench_command(&["--base-runner", &base]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let running = command.spawn().expect("started");
    wait_for(|| world.log().iter().filter(|key| *key == "scripted a").count() == 4);
    let interrupt = Command::new("kill").args(["-s", "INT", &running.id().to_string()]).status();
    assert!(interrupt.expect("kill ran").success());
    let output = running.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert_eq!(world.run().status, Status::Unfinished);
    let before = world.run().launches;
    let resumed = world.command(&["bench", "--resume", "run"]).output().expect("resumed");
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    assert_eq!(world.run().launches[..before.len()], before[..]);
    assert_eq!(finding(&world, TARGET), "unchanged");
    let again = world.command(&["bench", "--resume", "run"]).output().expect("resumed");
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
}

/// A saved run and what was exported of it.
fn saved() -> World {
    let world = World::new(&["a"], &json!({"scripted a": serve(2000)}));
    let output = world.bench(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let exported = world.command(&["report", "--json", "run"]).output().expect("exported");
    fs::write(world.path("saved.json"), &exported.stdout).expect("saved");
    fs::rename(world.path("run"), world.path("before")).expect("moved");
    world
}

type Alteration = fn(&mut Value);

fn change(world: &World, file: &str, change: impl FnOnce(&mut Value)) {
    let path = world.path(file);
    let mut value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    change(&mut value);
    fs::write(path, value.to_string()).expect("written");
}

#[test]
fn a_saved_run_is_compared_by_ratios_to_native() {
    let world = saved();
    fs::write(world.path("script.json"), json!({"scripted a": serve(2300)}).to_string())
        .expect("a script");
    let output = world.bench(&["--baseline", "saved.json", "--until-decided=1min"]);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "worse");
    // Nothing beside it saw the same machine.
    assert_eq!(finding(&world, "native@cpython-3.15"), "inconclusive");
    let folder = world.command(&["compare", "before", "run", "--format", "json"]).output();
    let file = world.command(&["compare", "saved.json", "run", "--format", "json"]).output();
    let (folder, file) = (folder.expect("compared"), file.expect("compared"));
    assert_eq!(said(&folder), said(&file));
    let gated = world.command(&["compare", "before", "run", "--fail-on", "inconclusive"]).output();
    assert_eq!(gated.expect("compared").status.code(), Some(6));
}

#[test]
fn a_fixed_number_of_launches_may_decide_too() {
    let world = World::new(&["a"], &json!({"scripted a": serve(2000)}));
    let output = world.bench(&["--profile", "default"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    fs::rename(world.path("run"), world.path("before")).expect("moved");
    fs::write(world.path("script.json"), json!({"scripted a": serve(2300)}).to_string())
        .expect("a script");
    let output = world.bench(&["--profile", "default", "--baseline", "before"]);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert_eq!(finding(&world, TARGET), "worse");
}

#[test]
fn what_cannot_be_compared_is_said_in_one_line() {
    let world = saved();
    assert_eq!(world.bench(&[]).status.code(), Some(0));
    let files: [(&str, &str); 3] =
        [("none.json", "{}"), ("broken.json", "{"), ("later.json", r#"{"analysis_version": 999}"#)];
    for (name, text) in files {
        fs::write(world.path(name), text).expect("a file");
    }
    let exported = fs::read_to_string(world.path("saved.json")).expect("saved");
    let others: [(&str, Alteration); 4] = [
        ("future.json", |it| it["started_at"] = json!("2999-01-01T00:00:00Z")),
        ("machine.json", |it| it["environment"]["cpu"] = json!("Another")),
        ("earlier.json", |it| it["analysis_version"] = json!(1)),
        ("suite.json", |it| it["workloads"][0]["cases"][0]["case"]["workload"] = json!("other")),
    ];
    for (name, alter) in others {
        fs::write(world.path(name), &exported).expect("a copy");
        change(&world, name, alter);
    }
    let cases = [
        ("nowhere.json", 5, "nowhere.json"),
        ("none.json", 4, "it is no exported run"),
        ("broken.json", 4, "it is no JSON"),
        ("later.json", 4, "version 999"),
        ("earlier.json", 4, "export the run again"),
        ("future.json", 4, "after the run it is compared with"),
        ("machine.json", 4, "--across-machines"),
        ("suite.json", 4, "no cell in common"),
    ];
    for (name, code, text) in cases {
        let output = world.command(&["compare", name, "run"]).output().expect("ran");
        assert_eq!(output.status.code(), Some(code), "{name}: {}", said(&output));
        assert_eq!(said(&output).lines().count(), 1, "{name}: {}", said(&output));
        assert!(said(&output).contains(text), "{name}: {}", said(&output));
    }
    let asked = world.command(&["compare", "machine.json", "run", "--across-machines"]).output();
    let asked = asked.expect("compared");
    assert_eq!(asked.status.code(), Some(0), "{}", said(&asked));
    assert!(said(&asked).contains("The machines differ"), "{}", said(&asked));
}

#[test]
fn a_baseline_of_something_else_is_refused_before_anything_is_measured() {
    let world = saved();
    let before = world.log().len();
    change(&world, "saved.json", |it| it["environment"]["cpu"] = json!("Another"));
    let output = world.bench(&["--baseline", "saved.json"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("--across-machines"), "{}", said(&output));
    assert_eq!(world.log().len(), before);
    assert!(!world.path("run").exists());
}

#[test]
fn a_baseline_that_is_none_is_refused_before_anything_is_measured() {
    let world = World::new(&["a"], &json!({}));
    let output = world.bench(&["--baseline", "nowhere"]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert_eq!(world.log(), [""; 0]);
    for (more, text) in [
        (&["--until-decided"][..], "--until-decided needs something to decide"),
        (&["--base-workloads", "nowhere", "--workload", "a"][..], "holds none of a"),
        (&["--base-guest", "x=nowhere"][..], "holds no guest.toml"),
        (&["--inject", "moon=5%"][..], "the places are runtime and boundary"),
        (&["--shard", "3/2"][..], "I from 1 to N"),
        (&["--shard", "1/3"][..], "divide it into 1 at most"),
    ] {
        let output = world.bench(more);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", said(&output));
        assert!(said(&output).contains(text), "{more:?}: {}", said(&output));
    }
}

/// Measures the shards named.
fn shards(world: &World, of: u32, which: &[u32], more: &[&str]) {
    for index in which {
        let (shard, out) = (format!("{index}/{of}"), format!("shard-{index}"));
        let mut arguments = vec!["--shard", &shard];
        arguments.extend(more);
        let output = world.bench(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        fs::rename(world.path("run"), world.path(&out)).expect("moved");
    }
}

#[test]
fn shards_are_planned_measured_and_merged() {
    let world = World::new(&["a", "b", "c"], &json!({"scripted b": serve(3000)}));
    let plan = world.command(&["plan", "--shards", "2", "--json"]).output().expect("planned");
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("JSON");
    assert_eq!(plan[0]["cases"], json!(["a", "c"]));
    assert_eq!(plan[1]["cases"], json!(["b"]));
    shards(&world, 2, &[1, 2], &[]);
    let merge = ["merge", "shard-2", "shard-1", "--out", "run"];
    let merged = world.command(&merge).output().expect("merged");
    assert_eq!(merged.status.code(), Some(0), "{}", said(&merged));
    let run = world.run();
    assert_eq!(run.status, Status::Finished);
    let cases: Vec<String> = run.cells.iter().map(|it| it.case.to_string()).collect();
    assert_eq!(cases, ["a", "a", "c", "c", "b", "b"]);
    assert_eq!(run.launches.len(), run.plan.launches.len());
    let parts: Vec<Option<usize>> = run.cells.iter().map(|it| it.shard).collect();
    assert_eq!(parts, [Some(0), Some(0), Some(0), Some(0), Some(1), Some(1)]);
    // The figures are those of the shards.
    let json = |folder: &str| -> Value {
        let told = world.command(&["report", "--json", folder]).output().expect("told");
        serde_json::from_slice(&told.stdout).expect("JSON")
    };
    let (whole, part) = (json("run"), json("shard-2"));
    assert_eq!(
        whole["workloads"][2]["cases"][0]["cells"][1]["state"],
        part["workloads"][0]["cases"][0]["cells"][1]["state"]
    );
    let again = world.command(&merge).output().expect("ran");
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
}

#[test]
fn a_lost_shard_is_named_and_can_be_left_out() {
    let world = World::new(&["a", "b", "c"], &json!({}));
    shards(&world, 3, &[1, 3], &[]);
    let merge = |more: &[&str]| {
        let mut arguments = vec!["merge", "--out", "run"];
        arguments.extend(more);
        world.command(&arguments).output().expect("ran")
    };
    let lost = merge(&["shard-1", "shard-3"]);
    assert_eq!(lost.status.code(), Some(4), "{}", said(&lost));
    assert!(error_lines(&lost)[0].contains("2 is missing"), "{}", said(&lost));
    assert!(error_lines(&lost)[0].contains("--shard 2/3"), "{}", said(&lost));
    let twice = merge(&["shard-1", "shard-3", "shard-3"]);
    assert_eq!(twice.status.code(), Some(4), "{}", said(&twice));
    let partial = merge(&["shard-1", "shard-3", "--partial"]);
    assert_eq!(partial.status.code(), Some(0), "{}", said(&partial));
    assert_eq!(world.run().status, Status::Unfinished);
    fs::remove_dir_all(world.path("run")).expect("removed");
    change(&world, "shard-3/run.json", |it| it["wasmfit_version"] = json!("0.0.1"));
    let other = merge(&["shard-1", "shard-3", "--partial"]);
    assert_eq!(other.status.code(), Some(4), "{}", said(&other));
    assert!(said(&other).contains("differ in wasmfit's version"), "{}", said(&other));
    let none = merge(&["nowhere"]);
    assert_eq!(none.status.code(), Some(4), "{}", said(&none));
}

#[test]
fn shards_of_two_versions_are_compared_when_they_are_merged() {
    let world = World::new(&["a", "b"], &json!({"scripted b": serve(2200)}));
    let base = other_build(&world, &json!({"scripted b": serve(2000)}));
    shards(&world, 2, &[1, 2], &["--base-runner", &base, "--fail-on", "never"]);
    // Another kind of machine each: a ratio is of one of them.
    for folder in ["shard-2", "shard-2/base"] {
        change(&world, &format!("{folder}/run.json"), |it| {
            it["environment"]["cpu"] = json!("Another");
        });
    }
    let merged = world.command(&["merge", "shard-1", "shard-2", "--out", "run"]).output();
    let merged = merged.expect("merged");
    assert_eq!(merged.status.code(), Some(6), "{}", said(&merged));
    assert!(said(&merged).contains("1 cell slower, 3 cells unchanged"), "{}", said(&merged));
    let report = fs::read_to_string(world.path("run/report.md")).expect("a report");
    assert!(report.contains("Measured on different machines"), "{report}");
}
