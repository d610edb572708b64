//! Workloads that misbehave, on the real native interpreter and on the real
//! guests under every runtime, over both boundaries: each gives one clear
//! line, fails its own cells, and leaves the others measured. Those that only
//! seem to misbehave are measured.
//!
//! Needs what `scripts/setup` installs.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use wasmfit_protocol::{Failure, FailureKind};
use wasmfit_record::{CellOutcome, Run, RunDirectory};

/// A workload that behaves; each case replaces some of its functions.
const FUNCTIONS: [(&str, &str); 5] = [
    ("load", "def load(assets): return None"),
    ("decode", "def decode(request): return request"),
    ("infer", "def infer(model, x): return x"),
    ("encode", "def encode(y): return y"),
    ("make_request", "def make_request(index): return b'request %d' % index"),
];

const WAITS: &str = "\
def infer(model, x):
    import select, time
    select.poll().poll(0)
    time.sleep(0.001)
    return x
";

const MANIFEST: &str = include_str!("workload.toml");

const NATIVE: &str = "native@cpython-3.15";

/// Every runtime over the boundaries it has, each by the tier that comes up
/// fastest.
const GUESTS: [&str; 8] = [
    "wasmtime/cranelift@cpython-3.15",
    "wasmtime/cranelift@cpython-3.12",
    "wasmer/cranelift@cpython-3.15",
    "wasmer/cranelift@cpython-3.12",
    "wasmedge/aot@cpython-3.12",
    "node/v8@cpython-3.15",
    "node/v8@cpython-3.12",
    "chromium/worker@cpython-3.15",
];

/// What should become of a case on one target.
struct Expected {
    kind: FailureKind,
    during: &'static str,
    message: &'static str,
    detail: &'static str,
}

impl Expected {
    const fn new(
        kind: FailureKind,
        during: &'static str,
        message: &'static str,
        detail: &'static str,
    ) -> Self {
        Self { kind, during, message, detail }
    }
}

/// A case: its name, the functions replaced, what becomes of it natively and
/// in the guest; `None` means measured.
struct BadCase {
    name: &'static str,
    code: &'static [(&'static str, &'static str)],
    native: Option<Expected>,
    guest: Option<Expected>,
}

fn cases() -> Vec<BadCase> {
    use FailureKind::{
        Contract, Memory, Output, OutputMismatch, Raised, Signal, Timeout, Trap, Unsteady, Vanished,
    };
    let both = |name, code, expect: fn() -> Option<Expected>| BadCase {
        name,
        code,
        native: expect(),
        guest: expect(),
    };
    vec![
        both("good", &[], || None),
        // A poll that is to return at once, as importing `selectors` makes, and a sleep.
        both("waits", &[("infer", WAITS)], || None),
        both("lacks-a-function", &[("infer", "")], || {
            Some(Expected::new(Contract, "import", "no function infer", ""))
        }),
        both(
            "raises",
            &[("infer", "def infer(model, x):\n    raise ValueError('no such digit')")],
            || {
                let trace = "line 4, in infer\n    raise ValueError('no such digit')";
                Some(Expected::new(
                    Raised,
                    "first-request, in infer",
                    "ValueError: no such digit",
                    trace,
                ))
            },
        ),
        both("needs-a-package", &[("load", "import no_such_package")], || {
            Some(Expected::new(Raised, "import", "No module named 'no_such_package'", "Traceback"))
        }),
        both("exits", &[("load", "def load(assets): raise SystemExit('enough')")], || {
            Some(Expected::new(Raised, "model-load, in load", "SystemExit: enough", "Traceback"))
        }),
        both("recurses", &[("infer", "def infer(model, x): return infer(model, x)")], || {
            Some(Expected::new(Raised, "first-request, in infer", "RecursionError", "Traceback"))
        }),
        both("loops", &[("infer", "def infer(model, x):\n    while True: pass")], || {
            Some(Expected::new(Timeout, "first-request", "not done after 5s", ""))
        }),
        both(
            "eats-memory",
            &[(
                "infer",
                "def infer(model, x):\n    kept = []\n    while True: kept.append(bytearray(1 << 20))",
            )],
            || Some(Expected::new(Memory, "first-request, in infer", "MemoryError", "Traceback")),
        ),
        both(
            "prints",
            &[(
                "infer",
                "def infer(model, x):\n    for _ in range(1000): print('x' * 10000)\n    return x",
            )],
            || Some(Expected::new(Output, "first-request", "printed more than 1048576 bytes", "")),
        ),
        both("gives-text", &[("encode", "def encode(y): return y.decode()")], || {
            Some(Expected::new(Contract, "first-request", "encode returned str, not bytes", ""))
        }),
        both(
            "is-unsteady",
            &[(
                "infer",
                "count = 0\ndef infer(model, x):\n    global count\n    count += 1\n    return b'%d' % count",
            )],
            || {
                Some(Expected::new(
                    Unsteady,
                    "first responses",
                    "request 0 was answered differently",
                    "",
                ))
            },
        ),
        BadCase {
            name: "differs",
            code: &[("infer", "import sys\ndef infer(model, x): return sys.platform.encode()")],
            native: None,
            guest: Some(Expected::new(OutputMismatch, "output check", "differs from native", "")),
        },
        BadCase {
            name: "leaves",
            code: &[("infer", "import os\ndef infer(model, x): os._exit(7)")],
            native: Some(Expected::new(Vanished, "first-request", "exit code 7", "")),
            guest: Some(Expected::new(Trap, "guest", "exit code 7", "")),
        },
        BadCase {
            name: "crashes",
            code: &[("infer", "def infer(model, x):\n    import ctypes\n    ctypes.string_at(0)")],
            native: Some(Expected::new(Signal, "first-request", "SIGSEGV", "")),
            guest: Some(Expected::new(Raised, "first-request, in infer", "ctypes", "Traceback")),
        },
    ]
}

fn write_workload(folder: &Path, case: &BadCase) {
    let workload = folder.join("workloads").join(case.name);
    fs::create_dir_all(&workload).expect("a workload folder");
    fs::write(workload.join("workload.toml"), MANIFEST).expect("workload.toml");
    let mut code = String::new();
    for (name, good) in FUNCTIONS {
        let replaced = case.code.iter().find(|(other, _)| *other == name);
        writeln!(code, "{}", replaced.map_or(good, |(_, bad)| bad)).expect("a string");
    }
    // `load` may be replaced by a statement that is none.
    if !code.contains("def load") {
        code.push_str(FUNCTIONS[0].1);
    }
    fs::write(workload.join("workload.py"), code).expect("workload.py");
}

fn failure<'a>(run: &'a Run, workload: &str, target: &str) -> Option<&'a Failure> {
    let cell = run
        .cells
        .iter()
        .find(|cell| cell.case.workload == workload && cell.target.to_string() == target)
        .expect("the cell");
    match &cell.outcome {
        CellOutcome::Failed { failure, .. } => Some(failure),
        CellOutcome::Measured { .. } => None,
        other => panic!("{workload} on {target}: {other:?}"),
    }
}

#[test]
fn every_misbehaviour_gives_one_clear_line_and_fails_its_own_cells() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = cases();
    for case in &cases {
        write_workload(folder.path(), case);
    }
    let output = Command::new(cargo_bin("wasmfit"))
        .args(["bench", "--out", "run", "--timeout", "5s", "--memory", "256"])
        .args(["--target", NATIVE])
        .args(GUESTS.iter().flat_map(|guest| ["--target", guest]))
        .current_dir(folder.path())
        .env("WASMFIT_WORKLOADS", folder.path().join("workloads"))
        .output()
        .expect("wasmfit ran");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let run = RunDirectory::read(&folder.path().join("run")).expect("a run");
    let mut failed = 0;
    for case in &cases {
        let guests = GUESTS.iter().map(|guest| (*guest, &case.guest));
        for (target, expect) in guests.chain([(NATIVE, &case.native)]) {
            let found = failure(&run, case.name, target);
            let place = format!("{} on {target}: {found:?}", case.name);
            let (Some(expect), Some(found)) = (expect, found) else {
                assert_eq!(expect.is_some(), found.is_some(), "{place}");
                continue;
            };
            failed += 1;
            assert_eq!(found.kind, expect.kind, "{place}");
            assert!(found.during.starts_with(expect.during), "{place}");
            assert!(found.message.contains(expect.message), "{place}");
            assert!(found.detail.contains(expect.detail), "{place}");
            assert!(!found.message.contains('\n'), "{place}");
        }
    }
    let lines = said.lines().filter(|line| line.starts_with("failed:")).count();
    assert_eq!(lines, failed, "one line each:\n{said}");
}
