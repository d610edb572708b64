//! A page on which readers measure in their own browsers.
//!
//! It lies in `live/` of a site, with all it needs: the guest, the workloads,
//! the requests of a run and native's responses to them. It reaches nothing
//! but that folder, and sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wasmfit_record::{RunDirectory, Target, Tolerance};

use crate::analysis::{Analysis, CaseAnalysis, CellAnalysis, Measured};
use crate::format::{NONE, counted, duration, duration_interval, ratio, size};
use crate::{ReportError, replace};

/// As a careful site has it: nothing from elsewhere, nothing written into the
/// page, WebAssembly allowed.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

/// The page's own scripts, and those that it shares with the browser's runner.
const SCRIPTS: [(&str, &str); 12] = [
    ("conversation.js", include_str!("../../runners/browser/src/page/conversation.js")),
    ("frames.js", include_str!("../../runners/browser/src/page/frames.js")),
    ("ending.js", include_str!("../../runners/browser/src/page/ending.js")),
    ("fetching.js", include_str!("../../runners/browser/src/page/fetching.js")),
    ("guest.js", include_str!("../../runners/browser/src/page/guest.js")),
    (
        "sleeping.js",
        concat!(include_str!("../../runners/kit/src/sleeping.js"), "\nexport { pollClocks };\n"),
    ),
    ("turn.js", include_str!("../../runners/browser/src/page/turn.js")),
    ("figures.js", include_str!("../live/figures.js")),
    ("measuring.js", include_str!("../live/measuring.js")),
    ("outputs.js", include_str!("../live/outputs.js")),
    ("page.js", include_str!("../live/page.js")),
    ("worker.js", include_str!("../live/worker.js")),
];
const SERVICE: &str = include_str!("../live/service.js");
const STYLE: &str =
    concat!(include_str!("../templates/report.css"), include_str!("../live/live.css"));

/// What is stored compressed has to be so much smaller for it.
const WORTH_PACKING: f64 = 0.9;

/// The guest that readers run, and what it serves.
#[derive(Clone, Debug)]
pub struct Live {
    /// The guest's name in targets.
    pub guest: String,
    /// One line: what it is.
    pub title: String,
    /// Its module.
    pub module: PathBuf,
    /// Its standard library, by the files' paths in the guest.
    pub library: BTreeMap<String, PathBuf>,
    /// Its arguments, environment and folders, as the page's scripts have them.
    pub invocation: Value,
    /// What it is told to run, at first and in each later turn.
    pub programs: Programs,
    /// Where it sees the workload.
    pub workload: &'static str,
    /// What its module needs of a browser, and a module that compiles only
    /// where that is there.
    pub probes: Vec<(&'static str, Vec<u8>)>,
    /// The modules by which it has WASI, by their names.
    pub shim: BTreeMap<String, PathBuf>,
    /// The files of each workload, by their paths in the guest, or why it
    /// cannot be served.
    pub workloads: BTreeMap<String, Result<BTreeMap<String, PathBuf>, String>>,
}

/// What a guest is told to run: Python source.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Programs {
    /// At first.
    pub opening: String,
    /// In each later turn.
    pub going_on: String,
}

/// What the template is filled with.
#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    policy: &'static str,
    guest: &'a str,
    guest_title: &'a str,
    guest_size: String,
    targets: Vec<String>,
    rows: Vec<Row>,
    refused: Vec<(String, String)>,
    machine: String,
    run: &'a str,
    started_at: &'a str,
    launches: String,
    version: &'a str,
    versions: String,
}

/// A case, as far as it was measured here.
struct Row {
    case: String,
    title: String,
    native: Figure,
    cells: Vec<Figure>,
}

/// A figure, and what stands small below it.
struct Figure {
    figure: String,
    small: Option<String>,
}

/// What the page's scripts know.
#[derive(Serialize)]
struct Data<'a> {
    guest: Value,
    module: Stored,
    library: BTreeMap<&'a str, Stored>,
    invocation: &'a Value,
    programs: &'a Programs,
    workload: &'static str,
    probes: Vec<Value>,
    cases: Vec<CaseData>,
}

/// A case, for whoever runs it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseData {
    case: String,
    tolerance: Tolerance,
    requests: Stored,
    responses: Stored,
    files: BTreeMap<String, Stored>,
    native_ms: f64,
}

/// A file below `live/`.
#[derive(Clone, Debug, Serialize)]
struct Stored {
    /// Where it is: named by its contents.
    address: String,
    /// How large it is there.
    bytes: u64,
    /// Whether that is by gzip.
    packed: bool,
}

/// Where the run is.
pub(crate) struct RunPlace<'a> {
    /// Its own folder.
    pub(crate) folder: &'a Path,
    /// Its folder's name below `runs/` of the site.
    pub(crate) name: &'a str,
}

/// Writes the page of a run into `live/` of the site `out`. Says how many
/// cases it has, which may be none.
pub(crate) fn write(
    live: &Live,
    run: &RunPlace<'_>,
    analysis: &Analysis,
    out: &Path,
) -> Result<usize, ReportError> {
    let folder = out.join("live");
    let mut store = Store::open(&folder)?;
    let module = store.keep(&live.module)?;
    let library = store.keep_all(&live.library)?;
    let mut cases = Vec::new();
    let mut rows = Vec::new();
    let mut refused = Vec::new();
    let targets: Vec<_> = analysis.targets().into_iter().filter(|it| !it.is_native()).collect();
    for workload in &analysis.workloads {
        let files = live.workloads.get(&workload.name);
        let files = match files {
            Some(Ok(files)) => files,
            Some(Err(reason)) => {
                refused.push((workload.name.clone(), reason.clone()));
                continue;
            }
            None => continue,
        };
        let Some(record) = &workload.record else { continue };
        for case in &workload.cases {
            let name = case.case.to_string();
            let found = measured_natively(case, run);
            let Some((native, native_ns, requests, responses)) = found else {
                let reason = "native CPython was not measured, so that there is nothing to compare responses with";
                refused.push((name, reason.into()));
                continue;
            };
            cases.push(CaseData {
                case: name.clone(),
                tolerance: record.tolerance,
                requests: store.keep(&requests)?,
                responses: store.keep(&responses)?,
                files: store
                    .keep_all(files)?
                    .into_iter()
                    .map(|(path, stored)| (path.to_owned(), stored))
                    .collect(),
                native_ms: native_ns / 1e6,
            });
            let cell = |target: &&_| case.cell(target).and_then(CellAnalysis::measured);
            rows.push(Row {
                case: name,
                title: record.title.clone(),
                native: native.measured().map_or_else(Figure::none, latency),
                cells: targets
                    .iter()
                    .map(|it| cell(it).map_or_else(Figure::none, with_ratio))
                    .collect(),
            });
        }
    }
    let guest_size = size(module.bytes + library.values().map(|it| it.bytes).sum::<u64>());
    let data = Data {
        guest: json!({ "name": live.guest, "title": live.title }),
        module,
        library,
        invocation: &live.invocation,
        programs: &live.programs,
        workload: live.workload,
        probes: live.probes.iter().map(probe).collect(),
        cases,
    };
    let environment = &analysis.environment;
    let page = Page {
        policy: POLICY,
        guest: &live.guest,
        guest_title: &live.title,
        guest_size,
        targets: labels(&targets),
        rows,
        refused,
        machine: format!(
            "{}, {}, {}",
            environment.cpu,
            counted(u64::from(environment.cpus), "logical processor", "logical processors"),
            environment.system
        ),
        run: run.name,
        started_at: &analysis.started_at,
        launches: counted(u64::from(analysis.rounds), "launch per cell", "launches per cell"),
        version: &analysis.wasmfit_version,
        versions: versions(analysis),
    };
    let count = data.cases.len();
    let mut shell = vec![
        ("data.json".to_owned(), serde_json::to_vec(&data).unwrap_or_default()),
        ("index.html".to_owned(), page.render()?.into_bytes()),
        ("live.css".to_owned(), STYLE.as_bytes().to_vec()),
    ];
    shell.extend(SCRIPTS.map(|(name, script)| (name.to_owned(), script.as_bytes().to_vec())));
    for (name, path) in &live.shim {
        let bytes = fs::read(path).map_err(|source| ReportError::io(path, source))?;
        shell.push((format!("wasi/{name}"), bytes));
    }
    store.finish(&shell)?;
    Ok(count)
}

/// Native's cell, its median, the requests and its responses.
fn measured_natively<'a>(
    case: &'a CaseAnalysis,
    run: &RunPlace<'_>,
) -> Option<(&'a CellAnalysis, f64, PathBuf, PathBuf)> {
    let cell = case.cells.iter().find(|cell| cell.target.is_native())?;
    let median_ns = cell.measured()?.latency.as_ref()?.median_ns.value;
    let requests = RunDirectory::requests_of(run.folder, &case.case);
    let responses = RunDirectory::responses_of(run.folder, &case.case, &cell.target);
    let are_there = requests.is_file() && responses.is_file();
    are_there.then_some((cell, median_ns, requests, responses))
}

/// The median, with its interval.
fn latency(measured: &Measured) -> Figure {
    measured.latency.as_ref().map_or_else(Figure::none, |it| Figure {
        figure: duration(it.median_ns.value),
        small: duration_interval(&it.median_ns),
    })
}

/// The median, with how many times native it is.
fn with_ratio(measured: &Measured) -> Figure {
    let times = measured.ratio.as_ref().map(|it| ratio(it.times_native.value));
    Figure { small: times, ..latency(measured) }
}

impl Figure {
    fn none() -> Self {
        Self { figure: NONE.into(), small: None }
    }
}

/// The targets' names; without the guest where all have the same.
fn labels(targets: &[&Target]) -> Vec<String> {
    let guests: BTreeSet<_> = targets.iter().map(|it| &it.guest).collect();
    let label = |target: &&Target| match guests.len() {
        1 => format!("{}/{}", target.runtime, target.tier),
        _ => target.to_string(),
    };
    targets.iter().map(label).collect()
}

/// Which version each target had.
fn versions(analysis: &Analysis) -> String {
    let told: BTreeSet<String> = analysis
        .cells()
        .filter_map(|(_, cell)| {
            let version = &cell.measured()?.runtime_version;
            Some(format!("{} {version}", cell.target.runtime))
        })
        .collect();
    told.into_iter().collect::<Vec<_>>().join(", ")
}

fn probe((title, module): &(&'static str, Vec<u8>)) -> Value {
    json!({ "title": title, "module": BASE64_STANDARD.encode(module) })
}

/// The folder `live/`: files named by what is in them.
struct Store<'a> {
    folder: &'a Path,
    kept: BTreeMap<PathBuf, Stored>,
}

impl<'a> Store<'a> {
    fn open(folder: &'a Path) -> Result<Self, ReportError> {
        for name in ["files", "wasi"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(|source| ReportError::io(&path, source))?;
        }
        Ok(Self { folder, kept: BTreeMap::new() })
    }

    /// Copies a file, once.
    fn keep(&mut self, path: &Path) -> Result<Stored, ReportError> {
        if let Some(stored) = self.kept.get(path) {
            return Ok(stored.clone());
        }
        let bytes = fs::read(path).map_err(|source| ReportError::io(path, source))?;
        let packed = pack(&bytes).map_err(|source| ReportError::io(path, source))?;
        let is_packed = (packed.len() as f64) < bytes.len() as f64 * WORTH_PACKING;
        let content = if is_packed { packed } else { bytes };
        // No suffix that a host would take for an encoding of its own.
        let address = format!("files/{}.bin", abbreviated(&content));
        let stored =
            Stored { address: address.clone(), bytes: content.len() as u64, packed: is_packed };
        let place = self.folder.join(address);
        fs::write(&place, content).map_err(|source| ReportError::io(&place, source))?;
        self.kept.insert(path.to_owned(), stored.clone());
        Ok(stored)
    }

    fn keep_all<'b>(
        &mut self,
        files: &'b BTreeMap<String, PathBuf>,
    ) -> Result<BTreeMap<&'b str, Stored>, ReportError> {
        files.iter().map(|(name, path)| Ok((name.as_str(), self.keep(path)?))).collect()
    }

    /// Writes what the page opens with, and the service that keeps it; takes
    /// away what an earlier page had.
    fn finish(self, shell: &[(String, Vec<u8>)]) -> Result<(), ReportError> {
        let mut all = Sha256::new();
        for (name, bytes) in shell {
            all.update(name);
            all.update(bytes);
            let path = self.folder.join(name);
            fs::write(&path, bytes).map_err(|source| ReportError::io(&path, source))?;
        }
        let paths: Vec<_> = shell
            .iter()
            .filter(|(name, _)| !name.starts_with("wasi/LICENSE"))
            .map(|(name, _)| if name == "index.html" { "./" } else { name })
            .collect();
        let service = SERVICE
            .replace("{{version}}", &hexadecimal(&all.finalize()))
            .replace("{{shell}}", &json!(paths).to_string())
            .replace("{{policy}}", POLICY);
        replace(&self.folder.join("service.js"), &service)?;
        self.remove_old();
        Ok(())
    }

    fn remove_old(&self) {
        let used: BTreeSet<PathBuf> =
            self.kept.values().map(|it| self.folder.join(&it.address)).collect();
        let there = fs::read_dir(self.folder.join("files")).into_iter().flatten();
        for path in there.filter_map(|entry| Some(entry.ok()?.path())) {
            if !used.contains(&path) {
                // What stays costs space and nothing else.
                let _ = fs::remove_file(&path);
            }
        }
    }
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn abbreviated(content: &[u8]) -> String {
    hexadecimal(&Sha256::digest(content)[..16])
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
