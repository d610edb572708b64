//! What a request through a runtime is made of, measured under the same names
//! on every runtime: benches/README.md says what each is.
//!
//! A runtime's own crate says how it loads, instantiates and calls, as its
//! documentation has an embedder do it, and hands that to [`measure`].

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a bench may stop at once")]

mod door;
mod fixtures;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use wasmfit_kit::DRIVER;

pub use door::Door;
pub use fixtures::cache;
use fixtures::{ENCODINGS, Fixtures};

/// Folders of the host, and where a guest sees them.
pub type Folders = [(PathBuf, &'static str)];

/// Environment of a guest; the hash seed is the one that runners give.
pub const ENVIRONMENT: [(&str, &str); 3] =
    [("TMPDIR", "/tmp"), ("PYTHONTZPATH", ""), ("PYTHONHASHSEED", "0")];

/// Where a guest looks for its own program.
pub const PROGRAM: &str = "/usr/local/bin/python.wasm";

/// Stack that CPython's own guard against recursion counts on.
pub const STACK_BYTES: usize = 8 << 20;

/// A module that does next to nothing: `empty()`, and `echo(ptr, len) -> ptr`,
/// which copies what lies there to the second half of its memory.
const SMALL: &str = r#"(module
    (memory (export "memory") 64)
    (func (export "empty"))
    (func (export "echo") (param $from i32) (param $length i32) (result i32)
        (memory.copy (i32.const 2097152) (local.get $from) (local.get $length))
        (i32.const 2097152)))"#;

/// A runtime, as an embedder uses it.
pub trait Host {
    /// Its name in the benches.
    const NAME: &'static str;
    /// A compiled module.
    type Module;
    /// An instance of the small module.
    type Small;
    /// An instance of a Python guest.
    type Python;

    /// Compiles a module ahead of time to a file.
    fn compile(module: &Path, artifact: &Path);
    /// Loads what was compiled.
    fn load(artifact: &Path) -> Self::Module;
    /// Instantiates the small module.
    fn small(module: &Self::Module) -> Self::Small;
    /// Calls `empty`.
    fn empty(small: &mut Self::Small);
    /// Writes `bytes` to the guest's memory at 0, calls `echo` and reads what
    /// it returned.
    fn echo(small: &mut Self::Small, bytes: &[u8], back: &mut [u8]);
    /// Instantiates a guest with WASI and `host.call`, which `door` answers,
    /// and does not run it.
    fn python(module: &Self::Module, folders: &Folders, door: Door) -> Self::Python;
    /// Has the guest come up: `_initialize`.
    fn initialize(python: &mut Self::Python);
    /// Runs Python source in it.
    fn turn(python: &mut Self::Python, source: &str);
    /// What answers its calls.
    fn door(python: &mut Self::Python) -> &mut Door;
}

/// Measures a runtime.
pub fn measure<H: Host>(criterion: &mut Criterion) {
    let fixtures = Fixtures::find();
    small::<H>(criterion, &fixtures);
    instances::<H>(criterion, &fixtures);
    encodings::<H>(criterion, &fixtures);
}

/// The compiled form of a module, made once.
fn compiled<H: Host>(module: &Path) -> PathBuf {
    let artifact = module.with_extension(format!("{}.so", H::NAME));
    if !artifact.is_file() {
        let draft = artifact.with_extension("draft.so");
        H::compile(module, &draft);
        fs::rename(&draft, &artifact).expect("the artifact's folder can be written");
    }
    artifact
}

fn small<H: Host>(criterion: &mut Criterion, fixtures: &Fixtures) {
    let path = fixtures.folder.join("small.wasm");
    fs::write(&path, wat::parse_str(SMALL).expect("a module")).expect("a file");
    let module = H::load(&compiled::<H>(&path));
    let mut guest = H::small(&module);
    let mut group = criterion.benchmark_group("empty-call");
    group.bench_function(H::NAME, |bencher| bencher.iter(|| H::empty(&mut guest)));
    group.finish();
    let mut group = criterion.benchmark_group("echo");
    for bytes in [64, 1 << 20] {
        let (there, mut back) = (vec![7; bytes], vec![0; bytes]);
        H::echo(&mut guest, &there, &mut back);
        assert_eq!(there, back);
        group.throughput(Throughput::Bytes(2 * bytes as u64));
        group.bench_function(BenchmarkId::new(H::NAME, bytes), |bencher| {
            bencher.iter(|| H::echo(&mut guest, black_box(&there), &mut back));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("instantiate-small");
    group.bench_function(H::NAME, |bencher| bencher.iter(|| H::small(&module)));
    group.finish();
}

fn instances<H: Host>(criterion: &mut Criterion, fixtures: &Fixtures) {
    let mut group = criterion.benchmark_group("artifact-load");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    let (plain, warmed) =
        (compiled::<H>(&fixtures.plain.module), compiled::<H>(&fixtures.warmed.module));
    for (name, artifact) in [("plain", &plain), ("warmed", &warmed)] {
        group.bench_function(BenchmarkId::new(H::NAME, name), |bencher| {
            bencher.iter(|| H::load(artifact));
        });
    }
    group.finish();

    let (plain, warmed) = (H::load(&plain), H::load(&warmed));
    let folders = fixtures.plain.folders(&fixtures.workload);
    let mut group = criterion.benchmark_group("instantiate");
    group.bench_function(BenchmarkId::new(H::NAME, "plain"), |bencher| {
        bencher.iter(|| H::python(&plain, &folders, Door::closed()));
    });
    let folders = fixtures.warmed.folders(&fixtures.workload);
    group.bench_function(BenchmarkId::new(H::NAME, "warmed"), |bencher| {
        bencher.iter(|| H::python(&warmed, &folders, Door::closed()));
    });
    group.finish();

    let request = &fixtures.request;
    let answer = || {
        let mut guest = H::python(&warmed, &folders, Door::serving(request, 1));
        H::turn(&mut guest, RESUME);
        assert!(H::door(&mut guest).has_served(), "it answered");
        guest
    };
    let mut group = criterion.benchmark_group("fresh-instance-to-response");
    group.bench_function(H::NAME, |bencher| bencher.iter(answer));
    group.finish();
    resident::<H>(answer);
}

/// Goes on in an interpreter whose workload has been imported and loaded, and
/// can be gone on with again. A bare expression would be displayed.
const RESUME: &str = "_ = resume(served)\n";

/// What one more instance that has answered adds to what is resident: no
/// bench of criterion's, since it is no time.
fn resident<H: Host>(answer: impl Fn() -> H::Python) {
    const INSTANCES: u64 = 32;
    let first = answer();
    let before = resident_bytes();
    let kept: Vec<H::Python> = (0..INSTANCES).map(|_| answer()).collect();
    let each = resident_bytes().saturating_sub(before) / INSTANCES;
    drop((first, kept));
    let per_gibibyte = (1 << 30) / each.max(1);
    println!(
        "instances-per-gib/{}      {:.2} MiB resident for each instance beyond the first, {per_gibibyte} per GiB",
        H::NAME,
        each as f64 / f64::from(1 << 20),
    );
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kibibytes: u64 =
        line.trim().trim_end_matches(" kB").trim().parse().expect("a number of kB");
    kibibytes << 10
}

/// A request that an encoding decodes and encodes, the boundary in it.
fn encodings<H: Host>(criterion: &mut Criterion, fixtures: &Fixtures) {
    let module = H::load(&compiled::<H>(&fixtures.plain.module));
    let mut group = criterion.benchmark_group("encoding");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for encoding in ENCODINGS {
        let workload = fixtures.encoding(encoding);
        let folders = fixtures.plain.folders(&workload.folder);
        let mut guest = H::python(&module, &folders, Door::loading());
        H::initialize(&mut guest);
        H::turn(&mut guest, &format!("{DRIVER}\nimport _host\nserved = serve(_host.call)\n"));
        assert!(H::door(&mut guest).is_over(), "{encoding} was loaded");
        group.throughput(Throughput::Bytes(workload.request.len() as u64));
        group.bench_function(BenchmarkId::new(H::NAME, encoding), |bencher| {
            bencher.iter_custom(|iterations| {
                *H::door(&mut guest) = Door::serving(&workload.request, iterations);
                H::turn(&mut guest, RESUME);
                assert!(H::door(&mut guest).has_served(), "{encoding} was served");
                H::door(&mut guest).took()
            });
        });
    }
    group.finish();
}
