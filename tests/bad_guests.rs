//! Guests that misbehave, as small modules, on every runtime and tier: what
//! each says is the runtime's own reason, and nothing is left behind.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod installed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use wasmfit_protocol::{FailureKind, Proposal};
use wasmfit_record::{CellOutcome, Run, RunDirectory, Target};

const TIERS: [&str; 8] = [
    "wasmtime/cranelift",
    "wasmtime/winch",
    "wasmtime/pulley",
    "wasmer/cranelift",
    "wasmer/singlepass",
    "wasmedge/aot",
    "wasmedge/interpreter",
    "node/v8",
];

/// Those of them that keep what they compile.
const COMPILED_AHEAD: usize = TIERS.len() - 2;

/// The tiers that take exception handling.
const WITH_EXCEPTIONS: [&str; 5] = [
    "wasmtime/cranelift",
    "wasmtime/pulley",
    "wasmer/cranelift",
    "wasmedge/interpreter",
    "node/v8",
];

/// A cache with one guest, a workload for it, and the mock as native Python.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(module: &[u8], proposals: &[Proposal]) -> Self {
        Self::with_boundary("stdio", module, proposals)
    }

    fn with_boundary(boundary: &str, module: &[u8], proposals: &[Proposal]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let workload = path("workloads/w");
        fs::create_dir_all(&workload).expect("a workload folder");
        fs::write(workload.join("workload.py"), "").expect("workload.py");
        let manifest = include_str!("workload.toml").replace("cpython-3.12", "small");
        fs::write(workload.join("workload.toml"), manifest).expect("workload.toml");
        let guest = path("cache/guests/small");
        fs::create_dir_all(&guest).expect("a guest folder");
        fs::write(guest.join("python.wasm"), module).expect("a module");
        let manifest = format!(
            "name = 'small'\ntitle = 'x'\nsource = 'x'\npython = '3.12.0'\nboundary = '{boundary}'\n\
             proposals = {}\npackages = {{}}\nfiles = {{ 'python.wasm' = '{}' }}\n",
            serde_json::to_string(proposals).expect("a list"),
            wasmfit_protocol::sha256(module)
        );
        fs::write(guest.join("guest.toml"), manifest).expect("a manifest");
        fs::create_dir(path("tmp")).expect("a folder for temporary files");
        Self { folder }
    }

    /// A guest of these fields, with what every guest has: WASI and a memory.
    fn of_text(fields: &str, proposals: &[Proposal]) -> Self {
        let text = format!(
            "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32))) {fields})"
        );
        Self::new(&wat::parse_str(text).expect("a module"), proposals)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it on every tier, and gives the run and the exit code.
    fn bench(&self) -> (Run, Option<i32>) {
        let wasmfit = cargo_bin("wasmfit");
        let mock = wasmfit.with_file_name("wasmfit-mock");
        assert!(mock.is_file(), "wasmfit-mock is not built: build the whole workspace first");
        let targets = TIERS.map(|tier| format!("{tier}@small"));
        let output = Command::new(wasmfit)
            .args(["bench", "--out", "run", "--timeout", "20s"])
            .args(["--target", "native@cpython-3.15"])
            .args(targets.iter().flat_map(|target| ["--target", target]))
            .current_dir(self.folder.path())
            .env("WASMFIT_CACHE", self.path("cache"))
            .env("WASMFIT_WORKLOADS", self.path("workloads"))
            .env("WASMFIT_PYTHON", mock)
            .env("WASMFIT_NODE", installed::cache().join("node-v8/bin/node"))
            .env("TMPDIR", self.path("tmp"))
            .output()
            .expect("wasmfit ran");
        let run = RunDirectory::read(&self.path("run"));
        let run = run.unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        (run, output.status.code())
    }
}

/// What became of each tier's cell.
fn outcomes(run: &Run) -> impl Iterator<Item = (String, &CellOutcome)> {
    run.cells.iter().filter(|cell| !cell.target.is_native()).map(|cell| {
        let Target { runtime, tier, .. } = &cell.target;
        (format!("{runtime}/{tier}"), &cell.outcome)
    })
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_trap_is_a_failure_with_the_runtimes_own_reason() {
    let world = World::of_text(
        "(memory (export \"memory\") 1) (func (export \"_start\") unreachable)",
        &[],
    );
    let (run, code) = world.bench();
    assert_eq!(code, Some(1));
    assert_eq!(outcomes(&run).count(), TIERS.len());
    for (tier, outcome) in outcomes(&run) {
        let CellOutcome::Failed { failure, .. } = outcome else { panic!("{tier}: {outcome:?}") };
        assert_eq!(failure.kind, FailureKind::Trap, "{tier}: {failure:?}");
        assert!(failure.message.starts_with("the guest trapped: "), "{tier}: {failure:?}");
        assert!(failure.message.contains("unreachable"), "{tier}: {failure:?}");
    }
    let native = run.cells.iter().find(|cell| cell.target.is_native()).expect("native");
    assert!(matches!(native.outcome, CellOutcome::Measured { .. }));
    assert_eq!(names(&world.path("tmp")), [""; 0], "temporary files are left behind");
    // Artifacts and the notes beside them.
    let artifacts = names(&world.path("cache/artifacts"));
    assert_eq!(artifacts.len(), 2 * COMPILED_AHEAD, "{artifacts:?}");
}

#[test]
fn a_guest_that_a_tier_does_not_take_is_unsupported_there_and_no_failure() {
    // It needs what it says, and then traps where it runs.
    let throws = "(memory (export \"memory\") 1) (tag $e)
        (func (export \"_start\") (block $h (try_table (catch $e $h) (throw $e))) unreachable)";
    let world = World::of_text(throws, &[Proposal::Exceptions]);
    let (run, _) = world.bench();
    for (tier, outcome) in outcomes(&run) {
        match outcome {
            CellOutcome::Unsupported { reason } => {
                assert!(!WITH_EXCEPTIONS.contains(&&*tier), "{tier}: {reason}");
                assert!(reason.starts_with("small needs exception handling, which"), "{reason}");
            }
            CellOutcome::Failed { failure, .. } => {
                assert!(WITH_EXCEPTIONS.contains(&&*tier), "{tier}: {failure:?}");
                assert_eq!(failure.kind, FailureKind::Trap, "{tier}: {failure:?}");
            }
            other => panic!("{tier}: {other:?}"),
        }
    }
}

#[test]
fn a_lack_that_the_guest_does_not_mention_is_found_when_it_is_compiled() {
    let text = "(memory (export \"memory\") 1) (tag $e)
        (func (export \"_start\") (block $h (try_table (catch $e $h) (throw $e))) unreachable)";
    let world = World::of_text(text, &[]);
    let (run, _) = world.bench();
    for (tier, outcome) in outcomes(&run) {
        // WasmEdge is told what a guest needs, and takes it at its word.
        let takes = WITH_EXCEPTIONS.contains(&&*tier) && !tier.starts_with("wasmedge");
        match outcome {
            CellOutcome::Unsupported { reason } if !takes => {
                assert!(reason.contains(" does not take small: "), "{tier}: {reason}");
            }
            CellOutcome::Failed { failure, .. } if takes => {
                assert_eq!(failure.kind, FailureKind::Trap, "{tier}: {failure:?}");
            }
            other => panic!("{tier}: {other:?}"),
        }
    }
}

#[test]
fn a_file_that_is_no_module_says_so_on_every_tier() {
    for module in [&b"#!/bin/sh\n"[..], b"\0asm\x01\0\0\0 and then nothing that makes sense", b""] {
        let (run, code) = World::new(module, &[]).bench();
        assert_eq!(code, Some(1));
        for (tier, outcome) in outcomes(&run) {
            let CellOutcome::Failed { failure, .. } = outcome else {
                panic!("{tier}: {outcome:?}")
            };
            assert_eq!(failure.kind, FailureKind::Guest, "{tier}: {failure:?}");
            let expected = "not a valid WebAssembly module: ";
            assert!(failure.message.starts_with(expected), "{tier}: {failure:?}");
        }
    }
}

#[test]
fn a_module_without_a_program_or_with_unknown_imports_says_what_is_missing() {
    let without = "(memory (export \"memory\") 1)";
    let unknown = "(import \"env\" \"unheard_of\" (func)) (memory (export \"memory\") 1) \
                   (func (export \"_start\"))";
    for text in [without, unknown] {
        let (run, code) = World::of_text(text, &[]).bench();
        assert_eq!(code, Some(1));
        for (tier, outcome) in outcomes(&run) {
            let CellOutcome::Failed { failure, .. } = outcome else {
                panic!("{tier}: {outcome:?}")
            };
            assert_eq!(failure.kind, FailureKind::Trap, "{tier}: {failure:?}");
            assert!(
                failure.message.starts_with("the guest could not run: "),
                "{tier}: {failure:?}"
            );
        }
    }
}

#[test]
fn a_module_beyond_the_memory_limit_is_refused() {
    // Pages have 64 KiB, and the default limit is 1 GiB.
    let text = "(memory (export \"memory\") 20000) (func (export \"_start\"))";
    let (run, code) = World::of_text(text, &[]).bench();
    assert_eq!(code, Some(1));
    for (tier, outcome) in outcomes(&run) {
        assert!(matches!(outcome, CellOutcome::Failed { .. }), "{tier}: {outcome:?}");
    }
}

#[test]
fn a_component_of_another_world_says_what_does_not_match() {
    let call = "(import \"call\" (func (param \"message\" string) (result string)))";
    let serve = "(core module $m (func (export \"f\") (param i32)))
        (core instance $i (instantiate $m))
        (func (export \"serve\") (param \"times\" u32) (canon lift (core func $i \"f\")))";
    for (fields, reason) in [
        ("", "it exports no serve"),
        (serve, "its serve is another"),
        (call, "expected `list` found `string`"),
        ("(import \"elsewhere\" (func))", "`elsewhere`"),
    ] {
        let component = wat::parse_str(format!("(component {fields})")).expect("a component");
        let needs = [Proposal::ComponentModel];
        let (run, code) = World::with_boundary("component", &component, &needs).bench();
        assert_eq!(code, Some(1));
        for (tier, outcome) in outcomes(&run) {
            match outcome {
                CellOutcome::Failed { failure, .. } if tier.starts_with("wasmtime") => {
                    assert_eq!(failure.kind, FailureKind::Guest, "{tier}: {failure:?}");
                    let message = &failure.message;
                    assert!(message.contains(reason), "{tier}: {message}");
                    assert!(message.contains("a guest exports serve: func()"), "{tier}: {message}");
                    assert!(!message.contains('\n'), "{tier}: {message}");
                }
                // In its own words, to which the component adds nothing.
                CellOutcome::Unsupported { reason } if !tier.starts_with("wasmtime") => {
                    assert!(reason.contains("the component model"), "{tier}: {reason}");
                }
                other => panic!("{tier}: {other:?}"),
            }
        }
    }
}
