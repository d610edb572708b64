//! `wasmfit runner-check`: a runner that keeps the protocol, the same with one
//! thing broken at a time, and a scripted one. The runners are executables in
//! Python that share nothing with wasmfit; no interpreter of `scripts/setup`'s
//! is needed.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};

const RUNNER: &str = include_str!("runner.py");

/// A folder with a cache, one installed guest, and runners.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let guest = folder.path().join("cache/guests/tiny");
        fs::create_dir_all(&guest).expect("a guest folder");
        fs::write(guest.join("python.wasm"), "a module").expect("a module");
        let manifest = format!(
            "name = 'tiny'\ntitle = 'x'\nsource = 'x'\npython = '3.15.0'\nboundary = 'host-call'\n\
             packages = {{}}\nfiles = {{ 'python.wasm' = '{}' }}\n",
            wasmfit_protocol::sha256(b"a module")
        );
        fs::write(guest.join("guest.toml"), manifest).expect("a manifest");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn executable(&self, code: &str) -> PathBuf {
        let path = self.path("runner.py");
        fs::write(&path, code).expect("a runner");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("executable");
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("wasmfit"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("WASMFIT_CACHE", self.path("cache"))
            .env_remove("WASMFIT_GUESTS")
            .env("WASMFIT_MOCK_SCRIPT", self.path("script.json"));
        command
    }

    fn check(&self, runner: &Path, more: &[&str]) -> Report {
        let runner = runner.to_string_lossy();
        let mut arguments = vec!["runner-check", &runner, "--json"];
        arguments.extend(more);
        Report::of(&self.command(&arguments).output().expect("wasmfit ran"))
    }
}

/// What `runner-check --json` printed.
struct Report {
    code: Option<i32>,
    checks: Vec<Value>,
}

impl Report {
    fn of(output: &Output) -> Self {
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        let checks = report["checks"].as_array().expect("checks").clone();
        Self { code: output.status.code(), checks }
    }

    /// The names of checks that came out so.
    fn with(&self, outcome: &str) -> Vec<&str> {
        let checks = self.checks.iter().filter(|check| check["outcome"] == outcome);
        checks.filter_map(|check| check["name"].as_str()).collect()
    }

    fn reasons(&self) -> String {
        let reason = |check: &Value| format!("{}: {}\n", check["name"], check["reason"]);
        self.checks.iter().filter(|check| check["outcome"] == "broken").map(reason).collect()
    }
}

/// What is broken by replacing what by what in `runner.py`.
const FAULTS: &[(&str, &str, &str)] = &[
    ("describe", r#"tiers=[{"name": TIER}]"#, r#"tiers=[{"name": TIER}, {"name": TIER}]"#),
    ("hello", r#"tell("hello", protocol=VERSION"#, r#"tell("hello", protocol=9"#),
    ("later-version", r#"if job["protocol"] != VERSION:"#, "if False:"),
    ("no-job", r#"fail("protocol", "that is no job")"#, "sys.exit(0)"),
    ("prepare", r#"    stage = "compile"\n"#, "    fail('guest', 'no')\n"),
    ("prepare-again", r#""cached": cached"#, r#""cached": False"#),
    (
        "cold-start",
        "for response in responses)",
        "for response in responses * (1 + (not sampling and len(requests[0]) == 7)))",
    ),
    ("unknown-tier", r#"if job["tier"] != TIER:"#, "if False:"),
    ("cold-phases", r#"cold("model-load""#, r#"cold("instantiate""#),
    (
        "cold-time",
        "cold_start_ns = time.monotonic_ns()",
        "cold_start_ns = 10**10 + time.monotonic_ns()",
    ),
    ("cold-time", "cold_start_ns = time.monotonic_ns() - spawned", "cold_start_ns = 1"),
    (
        "same-again",
        "    if sampling:\n",
        "    if not sampling and len(requests[0]) == 7: responses = [os.urandom(8)]\n    if sampling:\n",
    ),
    (
        "measure",
        "        requests += source\n",
        "        requests += source\n        if sampling['plain_ns'] == 200_000_000: fail('trap', 'no')\n",
    ),
    ("versions", "packages=versions", "packages={}"),
    ("samples", "wall_ns,cpu_ns", "wall,cpu"),
    (
        "order",
        r#"timed(f"{stage},request,{index},{number}""#,
        r#"timed(f"{stage},request,{index},0""#,
    ),
    ("order", r#"timed(f"{stage},request,{index},"#, r#"timed(f"{stage},request,{index + 1},"#),
    ("times", "time.thread_time_ns() - cpu\n", "time.thread_time_ns() - cpu + 10**9\n"),
    ("warm-up", r#"sum(row.startswith("warmup") for row in rows)"#, "0"),
    (
        "plain-pass",
        r#"left = 0, sampling[stage + "_ns"]"#,
        r#"left = 0, sampling[stage + "_ns"] // (1 if stage != "plain" else 50)"#,
    ),
    (
        "phase-pass",
        r#"return timed(f"{name},collect,{index},{number}", lambda: response)"#,
        "return response",
    ),
    (
        "profile-pass",
        r#""linear_memory_bytes": None"#,
        r#""linear_memory_bytes": None, "profile": {"pass": "impossible", "reason": ""}"#,
    ),
    (
        "profile-pass",
        r#""linear_memory_bytes": None"#,
        r#""linear_memory_bytes": None, "profile": {"pass": "taken", "samples": 3, "lost": 0, "own_cpu_ns": 1, "other_cpu_ns": 0, "nameless": []}"#,
    ),
    ("least-requests", r#"("plain", least)"#, r#"("plain", 1)"#),
    ("most-requests", "index < most and", "index < most * 1000 and"),
    ("responses", "for response in responses)", "for response in responses[::-1])"),
    ("footprint", r#"1024 * int(status["VmHWM"].split()[0])"#, "0"),
    (
        "large-request",
        "    requests = [next(source)]\n",
        "    requests = [next(source)]\n    if len(requests[0]) > 10**6: fail('runner', 'too much')\n",
    ),
    ("empty-request", "for response in responses)", "for response in responses if response)"),
    ("raises-in-import", "stage = place(error)", "stage = place(error).replace('import', 'x')"),
    ("raises-in-load", "stage = place(error)", "stage = place(error).replace('load', 'x')"),
    (
        "raises-in-infer",
        "stage = place(error)",
        "stage = place(error).replace('infer', 'x').replace('first-request', 'x')",
    ),
    ("missing-function", "    if missing:\n", "    if False:\n"),
    ("unsteady", "elif response != responses[number]:", "elif False:"),
    ("printing", "sys.stdout.text[:4096]", "''"),
    (
        "printing",
        "        self.text += text\n",
        "        self.text += text\n        if self.limit > 1 << 16: events.write(text)\n",
    ),
    ("output-limit", "if len(self.text) > self.limit:", "if False:"),
    ("wall-limit", "    signal.setitimer(", "    (lambda *_: None)("),
    ("memory-limit", "    resource.setrlimit(", "    (lambda *_: None)("),
    (
        "standard-output",
        r#"return tell("described""#,
        r#"print("ready", file=events); return tell("described""#,
    ),
    (
        "last-event",
        r#"    tell("served", **served)"#,
        r#"    tell("served", **served); tell("served", **served)"#,
    ),
    ("last-event", r#"    tell("served", **served)"#, "    os._exit(0)"),
    ("last-event", r#"    tell("served", **served)"#, "    os.kill(os.getpid(), 11)"),
    ("exit", "os._exit(3)", "os._exit(1)"),
    (
        "exit",
        r#"    tell("served", **served)"#,
        "    tell('served', **served)\n    if sampling and least == 11: time.sleep(30)",
    ),
    (
        "nothing-left",
        r#"return tell("described""#,
        r#"__import__("subprocess").Popen(["sleep", "20"]); return tell("described""#,
    ),
];

#[test]
fn a_runner_in_python_keeps_the_protocol_with_a_guest_and_without() {
    let world = World::new();
    let runner = world.executable(RUNNER);
    let given = world.check(&runner, &[]);
    assert_eq!((given.code, &*given.reasons()), (Some(0), ""));
    assert_eq!(given.with("not-tried"), ["profile-pass"]);
    let own = world.check(&runner, &["--guest", "mine"]);
    assert_eq!((own.code, &*own.reasons()), (Some(0), ""));
    assert_eq!(own.with("not-tried"), ["prepare", "prepare-again", "profile-pass"]);
}

#[test]
fn every_fault_breaks_the_check_that_is_about_it_and_no_other() {
    let next = AtomicUsize::new(0);
    let surprises = Mutex::new(Vec::new());
    // Most of the time of a check is a runner's, which waits or has one thread.
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let world = World::new();
                while let Some(fault) = FAULTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(otherwise) = breaks(&world, *fault) {
                        surprises.lock().expect("no panic").push(otherwise);
                    }
                }
            });
        }
    });
    let surprises = surprises.into_inner().expect("no panic");
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// Whether a fault breaks its check and no other; else what came out.
fn breaks(world: &World, (check, before, after): (&str, &str, &str)) -> Result<(), String> {
    let before = before.replace("\\n", "\n");
    let runner = RUNNER.replace(&before, after);
    // What is compiled is kept; each fault is to begin anew.
    let _ = fs::remove_dir_all(world.path("cache/artifacts"));
    let report = world.check(&world.executable(&runner), &[]);
    let as_due = report.with("broken") == [check] && report.code == Some(1);
    let is_one_change = RUNNER.matches(&before).count() == 1;
    let told = || format!("{check}, by {after}:\n{}", report.reasons());
    if as_due && is_one_change { Ok(()) } else { Err(told()) }
}

#[test]
fn every_check_has_a_fault_and_a_line_in_the_documentation() {
    let world = World::new();
    let report = world.check(&world.executable(RUNNER), &[]);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runners.md");
    let page = fs::read_to_string(page).expect("docs/runners.md");
    for check in &report.checks {
        let name = check["name"].as_str().expect("a name");
        assert!(FAULTS.iter().any(|(other, ..)| *other == name), "{name} is never broken");
        let row = format!("| `{name}` | {} |", check["asks"].as_str().expect("a line"));
        assert!(page.contains(&row), "docs/runners.md lacks the row {row}");
    }
}

#[test]
fn the_runner_of_the_protocol_s_page_leaves_out_what_the_page_says() {
    let page = include_str!("../runners/protocol/README.md");
    let code = page.split_once("```python\n").expect("a runner").1;
    let code = code.split_once("```").expect("its end").0;
    let world = World::new();
    let report = world.check(&world.executable(code), &["--guest", "mine"]);
    let limits = ["output-limit", "wall-limit", "memory-limit"];
    assert_eq!(report.with("broken"), limits, "{}", report.reasons());
    let not_tried = ["prepare", "prepare-again", "phase-pass", "profile-pass"];
    assert_eq!(report.with("not-tried"), not_tried);
}

/// What the mock does instead of serving breaks nothing but the checks about
/// it: the others are not tried.
#[test]
fn whatever_a_runner_does_instead_of_serving_is_told_once() {
    let mock = cargo_bin("wasmfit").with_file_name("wasmfit-mock");
    assert!(mock.is_file(), "wasmfit-mock is not built: build the whole workspace first");
    let world = World::new();
    let failure = json!({"kind": "trap", "during": "import", "message": "no"});
    let broken: [(Value, &[&str]); 7] = [
        (json!({"do": "fail", "failure": failure}), &["cold-start"]),
        (json!({"do": "vanish", "code": 0}), &["last-event"]),
        (json!({"do": "signal", "signal": "SEGV"}), &["last-event"]),
        (json!({"do": "silence"}), &["last-event"]),
        (json!({"do": "garbage"}), &["standard-output", "last-event"]),
        (json!({"do": "flood"}), &["standard-output", "last-event"]),
        (json!({"do": "later-protocol"}), &["hello", "last-event"]),
    ];
    for (behaviour, expected) in broken {
        let script = json!({"scripted checksum": [behaviour]});
        fs::write(world.path("script.json"), script.to_string()).expect("a script");
        let report = world.check(&mock, &["--timeout", "1s"]);
        assert_eq!(report.with("broken"), expected, "{behaviour}:\n{}", report.reasons());
    }
}

#[test]
fn what_cannot_be_checked_is_said_in_one_line() {
    let world = World::new();
    let runner = world.executable(RUNNER);
    fs::write(world.path("plain.txt"), "").expect("a file");
    fs::write(world.path("bad.toml"), "[mine]\nprogram = 'nowhere'\n").expect("a file");
    let path = runner.to_string_lossy();
    for (arguments, code, text) in [
        (&["runner-check", "nowhere"][..], 2, "neither a file nor a runner"),
        (&["runner-check", "plain.txt"], 2, "chmod +x"),
        (&["runner-check", &path, "--tier", "fast"], 2, "it has any"),
        (&["runner-check", "mine", "--runners", "bad.toml"], 2, "bad.toml, line 2: "),
        (&["bench", "--runners", "none.toml"], 2, "none.toml: "),
    ] {
        let output = world.command(arguments).output().expect("wasmfit ran");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(text), "{said}");
    }
}
