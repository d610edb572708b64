//! `wasmfit routes` with real compilers, guests and runners.

#![allow(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod installed;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use wasmfit_record::{Cell, CellOutcome, RunDirectory};
use wasmfit_reports::analysis::{Analysis, Route};

/// With kernels.
const WORKLOAD: &str = "digits-mlp-python";

/// With a model.
const WITH_MODEL: &str = "digits-mlp-numpy";

/// A folder with guests, a cache of rewrites and a workload of its own.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        Self::of(WORKLOAD)
    }

    fn of(workload: &str) -> Self {
        let world = Self(tempfile::tempdir().expect("a folder"));
        for name in ["guests", "cache"] {
            fs::create_dir_all(world.path(name)).expect("a folder");
        }
        for guest in ["cpython-3.15", "micropython-1.27"] {
            let installed = installed::cache().join("guests").join(guest);
            symlink(installed, world.path("guests").join(guest)).expect("a guest");
        }
        // All that is installed, but for what is compiled here.
        for entry in fs::read_dir(installed::cache()).expect("a cache").map(|it| it.expect("one")) {
            if entry.file_name() != "rewrites" && entry.file_name() != "guests" {
                symlink(entry.path(), world.path("cache").join(entry.file_name())).expect("linked");
            }
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(workload);
        copy(&source, &world.path("workloads").join(workload));
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self, name: &str) -> PathBuf {
        self.path("workloads").join(WORKLOAD).join("rewrite").join(name)
    }

    fn routes(&self, out: &str, environment: &[(&str, &str)]) -> Output {
        self.routes_on("wasmtime", out, environment)
    }

    fn routes_on(&self, runtime: &str, out: &str, environment: &[(&str, &str)]) -> Output {
        let mut command = cargo_bin_cmd!("wasmfit");
        command.args(["routes", "--runtime", runtime, "--out", out]).current_dir(self.0.path());
        command.env("WASMFIT_GUESTS", self.path("guests"));
        command.env("WASMFIT_WORKLOADS", self.path("workloads"));
        command.env("WASMFIT_CACHE", self.path("cache"));
        command.envs(environment.iter().copied());
        command.output().expect("wasmfit ran")
    }

    fn cell(&self, out: &str, target: &str) -> Cell {
        let run = RunDirectory::read(&self.path(out)).expect("a run");
        let found = run.cells.into_iter().find(|it| it.target.to_string() == target);
        found.unwrap_or_else(|| panic!("no cell on {target}"))
    }

    fn analysis(&self, out: &str) -> Analysis {
        wasmfit_reports::analyze(&self.path(out)).expect("an analysis")
    }
}

fn copy(source: &Path, target: &Path) {
    fs::create_dir_all(target).expect("a folder");
    for entry in fs::read_dir(source).expect("a folder").map(|it| it.expect("an entry")) {
        let target = target.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_way_serves_the_same_requests_and_is_compared_with_native() {
    let world = World::new();
    let output = world.routes("run", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let analysis = world.analysis("run");
    let [routes] = &analysis.routes[..] else { panic!("{:?}", analysis.routes) };
    let ways = routes.measured.iter().map(|it| (it.route, it.target.to_string()));
    let ways: Vec<(Route, String)> = ways.collect();
    for (route, target) in [
        (Route::Native, "native@cpython-3.15"),
        (Route::Interpreter, "wasmtime/cranelift@cpython-3.15"),
        (Route::SmallInterpreter, "wasmtime/cranelift@micropython-1.27"),
        (Route::Component, "wasmtime/cranelift@digits-mlp-python.component"),
        (Route::Extension, "extension/c@cpython-3.15"),
        (Route::Extension, "extension/cython@cpython-3.15"),
        (Route::Kernel, "machine/c@kernel"),
        (Route::Kernel, "machine/rust@kernel"),
        (Route::WasmKernel, "wasmtime/cranelift@digits-mlp-python.c"),
        (Route::WasmKernel, "wasmtime/cranelift@digits-mlp-python.c-simd"),
    ] {
        assert!(ways.contains(&(route, target.to_owned())), "{route:?} {target}: {ways:?}");
    }
    // What is compiled alone is in no ranking of ports.
    let [case] = &analysis.workloads[0].cases[..] else { panic!("one case") };
    let ranked = case.rankings.iter().flat_map(|it| &it.fastest).map(ToString::to_string);
    let ranked: Vec<String> = ranked.collect();
    assert!(ranked.iter().any(|it| it == "wasmtime/cranelift@cpython-3.15"), "{ranked:?}");
    // By Amdahl's law, once checked against native Python that calls the kernel.
    let checked = routes.estimates.iter().filter(|it| it.measured.is_some());
    assert_eq!(checked.count(), 1, "{:?}", routes.estimates);
    assert!(routes.infer_share > 0.5 && routes.infer_share < 1.0);
}

#[test]
fn what_is_missing_broken_or_wrong_is_left_out_and_said() {
    let world = World::new();
    let kernel = fs::read_to_string(world.source("kernel.c")).expect("a kernel");
    let wrong = kernel.replacen("/ 16.0", "/ 15.0", 1);
    assert_ne!(kernel, wrong, "what the test changes is not in the kernel any more");
    fs::write(world.source("kernel.c"), wrong).expect("written");
    fs::write(world.source("kernel.rs"), "fn kernel_load() { nonsense }").expect("written");
    let output = world.routes("run", &[("WASMFIT_CC", "no-such-compiler")]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said.lines().filter(|it| it.starts_with("left out: ")).collect();
    for (rewrite, reason) in [
        ("extension-c", "cc does not start"),
        ("machine-c", "install a C compiler, or set WASMFIT_CC"),
        ("machine-rust", "rustc failed"),
    ] {
        let line = lines.iter().find(|it| it.contains(&format!("as {rewrite}:")));
        assert!(line.is_some_and(|it| it.contains(reason)), "{rewrite}: {said}");
    }
    let cell = world.cell("run", "machine/c@kernel");
    let CellOutcome::Unsupported { reason } = &cell.outcome else { panic!("{cell:?}") };
    assert!(reason.contains("cc does not start"), "{reason}");
    // zig compiles what is wrong, and the check of responses finds it.
    let wrong = "wasmtime/cranelift@digits-mlp-python.c";
    let cell = world.cell("run", wrong);
    assert!(matches!(&cell.outcome, CellOutcome::Failed { deviation: Some(_), .. }), "{cell:?}");
    let analysis = world.analysis("run");
    let mut measured = analysis.routes.iter().flat_map(|it| &it.measured);
    assert!(measured.all(|it| it.target.to_string() != wrong));
}

#[test]
fn a_model_serves_without_python_in_node_and_is_compared_with_it() {
    let world = World::of(WITH_MODEL);
    let rewrite = world.path("workloads").join(WITH_MODEL).join("rewrite");
    // tract takes minutes to compile.
    fs::remove_file(rewrite.join("onnx.rs")).expect("removed");
    let output = world.routes_on("node", "run", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let analysis = world.analysis("run");
    assert_eq!(analysis.routes.len(), 2, "a case for each batch size");
    for routes in &analysis.routes {
        let ways = routes.measured.iter().map(|it| (it.route, it.target.to_string()));
        let ways: Vec<(Route, String)> = ways.collect();
        for (route, target) in [
            (Route::Model, "onnxruntime/cpu@cpython-3.11"),
            (Route::WasmModel, "node/v8@digits-mlp-numpy.onnx"),
        ] {
            assert!(ways.contains(&(route, target.to_owned())), "{route:?} {target}: {ways:?}");
        }
    }
    for (values, reason) in [
        ("return new Float32Array(request);", "differs from native"),
        ("throw new Error(\"no pixels\");", "no pixels"),
    ] {
        let script = format!("export function values(request) {{ {values} }}");
        fs::write(rewrite.join("onnx.mjs"), script).expect("written");
        let out = reason.replace(' ', "-");
        let output = world.routes_on("node", &out, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let cell = world.cell(&out, "node/v8@digits-mlp-numpy.onnx");
        let CellOutcome::Failed { failure, .. } = &cell.outcome else { panic!("{cell:?}") };
        assert!(failure.message.contains(reason), "{failure:?}");
    }
}
