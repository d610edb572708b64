//! The sampler on the real native interpreter and on the real guest: signals
//! that arrive anywhere, systems that send none, programs without symbols,
//! workloads with threads of their own.
//!
//! Needs what `scripts/setup` installs.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod installed;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use wasmfit_protocol::{Pass, Profiled, Stretch};
use wasmfit_record::{
    CellOutcome, Class, LaunchKind, LaunchOutcome, ProfileRecord, Run, RunDirectory,
    read_profile_records, read_samples,
};

const MANIFEST: &str = include_str!("workload.toml");

const NATIVE: &str = "native@cpython-3.15";
const GUESTS: [&str; 2] = ["wasmtime/cranelift@cpython-3.15", "wasmer/cranelift@cpython-3.15"];

/// What signals may interrupt: evaluation, deep recursion, exceptions that
/// unwind, collections of garbage, growing memory, calls to the system.
const SOAK: &str = "
import gc, json, os, re

def load(assets): return assets
def make_request(index): return b'%d' % index
def decode(request): return json.loads(request)
def encode(y): return json.dumps(y).encode()

def deep(n):
    return n if n == 0 else 1 + deep(n - 1)

def raising(n):
    try:
        return raising(n - 1) if n else [][n]
    except IndexError:
        raise

def infer(model, x):
    found = deep(400)
    try:
        raising(100)
    except IndexError:
        found += 1
    class Node: pass
    for _ in range(50):
        a, b = Node(), Node()
        a.b, b.a = b, a
    gc.collect()
    found += len(bytearray(1 << 20)) + len(sorted(str(i) for i in range(300)))
    found += len(re.findall('[0-7]+', '0123456789' * 20))
    try:
        os.stat('/nowhere/at/all')
    except OSError:
        found += 1
    return found + x
";

/// Computes in a thread of its own, which the serving thread waits for.
const THREADED: &str = "
import hashlib, threading

def load(assets): return bytes(1 << 20)
def make_request(index): return b'%d' % index
def decode(request): return request
def encode(y): return y

def infer(model, x):
    found = []
    threads = [threading.Thread(target=lambda: found.append(hashlib.sha256(model).digest()))
               for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return found[0]
";

/// A folder with one workload.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(name: &str, code: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let workload = folder.path().join("workloads").join(name);
        fs::create_dir_all(&workload).expect("a workload folder");
        fs::write(workload.join("workload.toml"), MANIFEST).expect("workload.toml");
        fs::write(workload.join("workload.py"), code).expect("workload.py");
        Self { folder }
    }

    fn bench(&self, targets: &[&str], adapt: impl FnOnce(Command) -> Command) -> Output {
        let mut command = Command::new(cargo_bin("wasmfit"));
        command
            .args(["bench", "--out", "run", "--timeout", "1min"])
            .args(targets.iter().flat_map(|target| ["--target", target]))
            .current_dir(self.folder.path())
            .env("WASMFIT_WORKLOADS", self.folder.path().join("workloads"));
        adapt(command).output().expect("wasmfit ran")
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn read(folder: &Path) -> (Run, Vec<ProfileRecord>) {
    let run = RunDirectory::read(folder).expect("a run");
    let mut rows = Vec::new();
    let path = RunDirectory::profile_of(folder);
    read_profile_records(&path, run.profile_bytes, |row| rows.push(row)).expect("a profile");
    (run, rows)
}

/// What became of each profile pass.
fn profiles(run: &Run) -> Vec<Profiled> {
    let served = run.launches.iter().filter_map(|launch| match &launch.outcome {
        LaunchOutcome::Served(served) => served.profile.clone(),
        LaunchOutcome::Failed(failure) => panic!("{failure:?}"),
    });
    served.collect()
}

#[test]
fn signals_may_arrive_anywhere() {
    let world = World::new("soak", SOAK);
    let targets = [&[NATIVE][..], &GUESTS[..]].concat();
    // Ten times as many as usual.
    let output = world.bench(&targets, |mut command| {
        command.args(["--sample-rate", "10000"]);
        command
    });
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (run, rows) = read(&world.run());
    assert!(run.cells.iter().all(|cell| matches!(cell.outcome, CellOutcome::Measured { .. })));
    let taken = profiles(&run);
    // A slow machine uses up a cell's budget before the last rounds.
    let launches = taken.len();
    let steady = run.launches.iter().filter(|it| it.planned.kind == LaunchKind::Steady);
    assert_eq!(launches, steady.count());
    for profiled in taken {
        let Profiled::Taken(taken) = profiled else { panic!("{profiled:?}") };
        assert!(taken.samples > 0 && taken.lost == 0, "{taken:?}");
    }
    let launches_with = |class: Class| {
        let mut launches: Vec<u32> =
            rows.iter().filter(|row| row.class == class).map(|row| row.launch).collect();
        launches.dedup();
        launches.len()
    };
    // Whatever the target, evaluation and memory are seen.
    for class in [Class::Eval, Class::Memory] {
        assert!(launches_with(class) * 2 > launches, "{class}");
    }
}

#[test]
fn a_system_that_gives_no_timer_still_times_phases() {
    let world = World::new("soak", SOAK);
    let output = world.bench(&[NATIVE, GUESTS[0]], |command| {
        // A timer needs a signal that may be pending.
        let mut shell = Command::new("bash");
        shell.args(["-c", "ulimit -i 0 && exec \"$0\" \"$@\""]).arg(command.get_program());
        shell.args(command.get_args());
        for (name, value) in command.get_envs() {
            shell.env(name, value.expect("a value"));
        }
        shell.current_dir(command.get_current_dir().expect("a folder"));
        shell
    });
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (run, rows) = read(&world.run());
    assert!(rows.is_empty());
    for profiled in profiles(&run) {
        let Profiled::Impossible { reason } = profiled else { panic!("{profiled:?}") };
        assert!(reason.starts_with("no timer to sample by: "), "{reason}");
    }
    let mut phases = 0;
    let path = RunDirectory::samples_of(&world.run());
    read_samples(&path, run.samples_bytes, |row| {
        let is_phase = matches!(row.sample.stretch, Stretch::Part(_));
        phases += u32::from(is_phase && row.sample.pass == Pass::Phase);
    })
    .expect("samples");
    assert!(phases > 0);
    assert!(said(&output).contains("No PC samples"), "{}", said(&output));
}

#[test]
fn without_symbols_whole_objects_are_told_apart() {
    let world = World::new("soak", SOAK);
    let real = installed::cache();
    // All that set-up installed but the debug files.
    let cache = world.folder.path().join("cache");
    fs::create_dir(&cache).expect("a cache");
    for name in ["guests", "artifacts", "python-3.15"] {
        symlink(real.join(name), cache.join(name)).expect("a link");
    }
    let output = world.bench(&[NATIVE], |mut command| {
        command.env("WASMFIT_CACHE", &cache);
        command
    });
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (run, rows) = read(&world.run());
    let of = |class: Class| -> u64 {
        rows.iter().filter(|row| row.class == class).map(|row| row.count).sum()
    };
    let total: u64 = Class::ALL.into_iter().map(of).sum();
    assert!(of(Class::Interpreter) * 2 > total, "{rows:#?}");
    for profiled in profiles(&run) {
        let Profiled::Taken(taken) = profiled else { panic!("{profiled:?}") };
        assert!(taken.nameless.iter().any(|name| name.starts_with("python3")), "{taken:?}");
    }
    assert!(said(&output).contains("Native code without symbols"), "{}", said(&output));
}

#[test]
fn threads_of_the_workloads_own_are_told_of() {
    let world = World::new("threaded", THREADED);
    let output = world.bench(&[NATIVE], |command| command);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("The workload has threads of its own"), "{}", said(&output));
}

#[test]
fn classify_tells_the_rule_and_the_reason() {
    let classify = |arguments: &[&str]| {
        let mut command = Command::new(cargo_bin("wasmfit"));
        command.arg("classify").args(arguments).output().expect("wasmfit ran")
    };
    let output = classify(&["--json", "sgemm_kernel", "no such function"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found[0]["class"], "compute");
    assert!(found[0]["rule"]["why"].as_str().is_some_and(|why| why.contains("BLAS")));
    assert_eq!(found[1]["class"], "unknown");
    assert!(found[1]["rule"].is_null());

    let output = classify(&["--object", "libc.so.6", "__memcpy_avx_unaligned"]);
    assert!(said(&output).starts_with("__memcpy_avx_unaligned in libc.so.6: caller\n"));

    let output = classify(&["--rules", "/no/such/rules.toml", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
}

#[test]
fn what_cannot_be_calibrated_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for (target, why) in [
        ("wasmtime/pulley@cpython-3.15", "the tier interprets"),
        ("wasmtime/winch@cpython-3.15", "exception handling"),
        ("wasmtime/cranelift@cpython-3.12", "does not name them"),
    ] {
        let mut command = Command::new(cargo_bin("wasmfit"));
        command.args(["calibrate", "--out", "run", "--target", target]);
        let output = command.current_dir(folder.path()).output().expect("wasmfit ran");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
    }
}
