//! What the benches run: guests that `wasmfit` makes, requests, workloads.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use wasmfit_kit::protocol::FramesReader;

use crate::Folders;

/// The workload whose model the snapshot holds: numpy and a small one.
const WORKLOAD: &str = "digits-mlp-numpy";

/// A guest that every runtime takes, trimmed to the suite.
const GUEST: &str = "cpython-3.15-suite";

/// Encodings of the lab, all with 64 KiB of doubles or bytes.
pub(crate) const ENCODINGS: [&str; 7] =
    ["raw", "struct", "json", "pickle", "array", "numpy-view", "numpy-copy"];

/// Makes the request of an encoding that goes both ways with 64 KiB.
const MAKE_REQUEST: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import workload
sizes = workload.BOUNDARY['payload_bytes']
directions = workload.BOUNDARY['directions']
batch = next(batch for batch, group in enumerate(sizes, 1) if 65536 in group)
index = sizes[batch - 1].index(65536) * len(directions) + directions.index('both')
sys.stdout.buffer.write(workload.make_request(index, batch))
";

/// A guest in a folder.
pub(crate) struct Guest {
    pub(crate) module: PathBuf,
    library: PathBuf,
}

impl Guest {
    /// What it sees: in the order of `wasmfit`, which a snapshot keeps.
    pub(crate) fn folders(&self, workload: &Path) -> Box<Folders> {
        Box::new([(self.library.clone(), "/usr/local/lib"), (workload.to_owned(), "/workload")])
    }
}

/// A lab workload and a request to it.
pub(crate) struct Encoding {
    pub(crate) folder: PathBuf,
    pub(crate) request: Arc<[u8]>,
}

/// All of it.
pub(crate) struct Fixtures {
    /// Where modules and what is compiled of them lie.
    pub(crate) folder: PathBuf,
    pub(crate) plain: Guest,
    /// Holds the workload, after it has served all requests.
    pub(crate) warmed: Guest,
    pub(crate) workload: PathBuf,
    pub(crate) request: Arc<[u8]>,
    root: PathBuf,
}

impl Fixtures {
    /// Has `wasmfit` make what is not there.
    pub(crate) fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().expect("the source tree");
        let folder = root.join("target/primitives");
        fs::create_dir_all(&folder).expect("target can be written");
        wasmfit(&["trim"]);
        let deployed = folder.join("deploy");
        if !deployed.join("report.html").is_file() {
            let _ = fs::remove_dir_all(&deployed);
            let target = format!("wasmtime/cranelift@{GUEST}");
            let out = deployed.to_string_lossy();
            let rungs = ["--rung", "aot", "--rung", "warmed", "--out", &out];
            wasmfit(&[&["deploy", WORKLOAD, "--target", &target][..], &rungs].concat());
        }
        let guest = |rung: &str| {
            let folder = deployed.join(format!("guests/{GUEST}-{rung}"));
            Guest { module: folder.join("python.wasm"), library: folder.join("lib") }
        };
        let requests = deployed.join(format!("requests/{WORKLOAD}-batch-128.frames"));
        let request = FramesReader::open(&requests).expect("requests").next();
        let request = request.expect("a request").expect("a whole one").into();
        Self {
            plain: guest("aot"),
            warmed: guest("warmed"),
            workload: root.join("workloads").join(WORKLOAD),
            request,
            folder,
            root,
        }
    }

    /// The workload of an encoding, put together as `wasmfit boundary` does.
    pub(crate) fn encoding(&self, name: &str) -> Encoding {
        let lab = self.root.join("boundary");
        let folder = self.folder.join("encodings").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        for (from, to) in
            [(format!("{name}.toml"), "workload.toml"), ("workload.py".into(), "workload.py")]
        {
            fs::copy(lab.join(from), folder.join(to)).expect("the lab's file");
        }
        let made = Command::new(python()).args(["-c", MAKE_REQUEST]).arg(&folder).output();
        let made = made.expect("native Python: run scripts/setup");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Encoding { folder, request: made.stdout.into() }
    }
}

/// Runs the command that is built beside the benches.
fn wasmfit(arguments: &[&str]) {
    let bench = env::current_exe().expect("a bench");
    let program = bench.ancestors().nth(2).expect("target/release").join("wasmfit");
    // Its table is nothing to a bench; what it is at goes to standard error.
    let ended = Command::new(&program).args(arguments).stdout(Stdio::null()).status();
    let ended = ended.expect("target/release/wasmfit: run cargo build --release --workspace");
    assert!(ended.success(), "wasmfit {} ended with {ended}", arguments.join(" "));
}

/// The native interpreter, as `wasmfit` finds it.
fn python() -> PathBuf {
    folder("WASMFIT_PYTHON").unwrap_or_else(|| cache().join("python-3.15/bin/python"))
}

/// Where `scripts/setup` has installed all, as `wasmfit` finds it.
#[must_use]
pub fn cache() -> PathBuf {
    let cache = folder("WASMFIT_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("wasmfit")))
        .or_else(|| Some(folder("HOME")?.join(".cache/wasmfit")));
    cache.unwrap_or_default()
}

fn folder(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from)
}
