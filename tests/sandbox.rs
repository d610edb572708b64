//! `wasmfit sandbox` against the mock runner, one of whose tiers is another
//! with a limit.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod world;

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use wasmfit_protocol::{Limit, LimitKind};

use world::{World, error_lines};

/// The command with what is common to all.
fn sandbox(world: &World, more: &[&str]) -> std::process::Output {
    let runner = format!("mock={}", cargo_bin("wasmfit-mock").display());
    let mut arguments = vec!["sandbox", "a", "--runner", &runner, "--runtime", "mock"];
    arguments.extend(["--out", "run"]);
    arguments.extend(more);
    world.command(&arguments).output().expect("wasmfit ran")
}

#[test]
fn tiers_with_a_limit_are_measured_next_to_those_without() {
    let script = json!({
        "scripted a": [{"do": "serve", "request_ns": 2000}],
        "limited a": [{"do": "serve", "request_ns": 3000}],
    });
    let world = World::new(&["a"], &script);
    let output = sandbox(&world, &["--guest", "script", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{:?}", error_lines(&output));

    let run = world.run();
    let cells: Vec<_> =
        run.cells.iter().map(|it| (it.target.to_string(), it.limit.clone())).collect();
    let limit = Limit { kind: LimitKind::Budget, base: "scripted".into() };
    let expected = [
        ("native@cpython-3.15", None),
        ("mock/scripted@script", None),
        ("mock/limited@script", Some(limit)),
    ];
    assert_eq!(cells, expected.map(|(name, limit)| (name.to_owned(), limit)));

    let analysis: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [cost] = &analysis["limits"].as_array().expect("limits")[..] else { panic!("one limit") };
    assert_eq!(cost["base"], "mock/scripted@script");
    let times = cost["times_base"]["value"].as_f64().expect("a figure");
    assert!((times - 1.5).abs() < 0.05, "{times}");

    let resumed = world.command(&["bench", "--resume", "run"]).output().expect("wasmfit ran");
    assert_eq!(resumed.status.code(), Some(0), "{:?}", error_lines(&resumed));
    let text = String::from_utf8_lossy(&resumed.stdout);
    assert!(text.contains("\"limits\""), "{text}");
}

#[test]
fn without_a_tier_that_has_a_limit_there_is_nothing_to_measure() {
    let world = World::new(&["a"], &json!({}));
    let missing = sandbox(&world, &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(error_lines(&missing)[0].contains("no tier with a limit"), "{missing:?}");
    let unknown = world.command(&["sandbox", "a", "--runtime", "nobody"]).output();
    let unknown = unknown.expect("wasmfit ran");
    assert!(error_lines(&unknown)[0].contains("no runner \"nobody\""), "{unknown:?}");
}
