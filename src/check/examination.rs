//! Runs `examine.py` twice, with different hash seeds, and reads what it
//! found.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wasmfit_protocol::FramesReader;

use super::{Finding, Topic};
use crate::drive::{Interrupt, ONE_THREAD};
use crate::exit::CommandError;
use crate::workloads::Workload;

const SCRIPT: &str = include_str!("examine.py");

/// How long the two processes may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Hash seeds of the two processes: sets come out in another order.
const HASH_SEEDS: [&str; 2] = ["1", "2"];

/// What was found.
pub(super) struct Examined {
    /// What is wrong; empty when nothing is.
    pub(super) findings: Vec<Finding>,
    /// The responses by batch size, in the order of `workload.toml`.
    pub(super) batches: Vec<Vec<Vec<u8>>>,
}

impl Examined {
    const fn only(findings: Vec<Finding>) -> Self {
        Self { findings, batches: Vec::new() }
    }
}

/// Examines a workload by the native interpreter.
pub(super) fn examine(
    workload: &Workload,
    python: &Path,
    interrupt: &Interrupt,
) -> Result<Examined, CommandError> {
    let folder = tempfile::tempdir().map_err(|error| CommandError::Storage(error.to_string()))?;
    let [first, second] =
        HASH_SEEDS.map(|seed| Process::start(workload, python, folder.path(), seed));
    let (first, second) = (first?, second?);
    let deadline = Instant::now() + PATIENCE;
    let told =
        [first.await_findings(deadline, interrupt)?, second.await_findings(deadline, interrupt)?];
    if let Some(findings) = told.into_iter().find(|findings| !findings.is_empty()) {
        return Ok(Examined::only(findings));
    }
    compare(workload, folder.path())
}

/// Compares what two processes made, and returns it when it is the same.
fn compare(workload: &Workload, folder: &Path) -> Result<Examined, CommandError> {
    let mut batches = Vec::new();
    for number in 0..workload.manifest.batch_sizes.len() {
        let read = |kind: &str| -> Result<[Vec<Vec<u8>>; 2], CommandError> {
            let file = |seed: &str| folder.join(seed).join(format!("{number}.{kind}"));
            Ok([read_frames(&file(HASH_SEEDS[0]))?, read_frames(&file(HASH_SEEDS[1]))?])
        };
        let differing = |[one, other]: &[Vec<Vec<u8>>; 2]| {
            one.iter().zip(other).position(|(one, other)| one != other)
        };
        let batch = workload.manifest.batch_sizes[number];
        if let Some(index) = differing(&read("requests")?) {
            let text = format!(
                "request {index} of batch {batch} differs from process to process: make_request has to be deterministic; a set's order is not"
            );
            return Ok(Examined::only(vec![Finding::fault(Topic::Requests, text)]));
        }
        let responses = read("responses")?;
        if let Some(index) = differing(&responses) {
            let text = format!(
                "request {index} of batch {batch} is answered differently by another process: look for clocks, chance, and the order of sets"
            );
            return Ok(Examined::only(vec![Finding::fault(Topic::Responses, text)]));
        }
        let [responses, _] = responses;
        batches.push(responses);
    }
    Ok(Examined { findings: Vec::new(), batches })
}

fn read_frames(path: &Path) -> Result<Vec<Vec<u8>>, CommandError> {
    let read = FramesReader::open(path).and_then(Iterator::collect);
    read.map_err(|error| CommandError::Storage(error.to_string()))
}

/// A running `examine.py`.
struct Process {
    child: Child,
    out: PathBuf,
}

impl Process {
    fn start(
        workload: &Workload,
        python: &Path,
        folder: &Path,
        hash_seed: &str,
    ) -> Result<Self, CommandError> {
        let out = folder.join(hash_seed);
        let manifest = &workload.manifest;
        let batches: Vec<String> = match &manifest.batch_sizes[..] {
            [1] => Vec::new(),
            sizes => sizes.iter().map(u32::to_string).collect(),
        };
        let began = || -> io::Result<Child> {
            fs::create_dir(&out)?;
            Command::new(python)
                .args(["-B", "-c", SCRIPT])
                .args([&workload.folder, &out])
                .arg(manifest.requests.to_string())
                .args([batches.join(","), manifest.packages.join(",")])
                .env("PYTHONHASHSEED", hash_seed)
                .envs(ONE_THREAD)
                .stdin(Stdio::null())
                // What a workload prints is none of the findings.
                .stdout(Stdio::null())
                .stderr(File::create(out.join("stderr"))?)
                .spawn()
        };
        let child = began().map_err(|error| {
            let python = python.display();
            CommandError::Setup(format!(
                "{python}: {error}: run scripts/setup, or set WASMFIT_PYTHON"
            ))
        })?;
        Ok(Self { child, out })
    }

    /// Waits for the end and returns what is wrong.
    fn await_findings(
        mut self,
        deadline: Instant,
        interrupt: &Interrupt,
    ) -> Result<Vec<Finding>, CommandError> {
        let broken = |text: String| Ok(vec![Finding::fault(Topic::Contract, text)]);
        let storage = |error: io::Error| CommandError::Storage(error.to_string());
        let status = loop {
            if let Some(status) = self.child.try_wait().map_err(storage)? {
                break status;
            }
            if interrupt.is_requested() || Instant::now() > deadline {
                self.child.kill().and_then(|()| self.child.wait()).map_err(storage)?;
                let limit = humantime::format_duration(PATIENCE);
                return broken(format!("not done after {limit}: does a function never return?"));
            }
            thread::sleep(Duration::from_millis(20));
        };
        if let Some(signal) = status.signal() {
            return broken(format!("it ends the interpreter by signal {signal}"));
        }
        let Ok(told) = fs::read(self.out.join("told.json")) else {
            let said = fs::read_to_string(self.out.join("stderr")).unwrap_or_default();
            let last = said.lines().last().unwrap_or("nothing was said").trim();
            let code = status.code().unwrap_or_default();
            return broken(format!("it ends the interpreter with exit code {code}: {last}"));
        };
        let told: Vec<(Topic, String)> = serde_json::from_slice(&told)
            .map_err(|error| CommandError::Storage(format!("told.json: {error}")))?;
        Ok(told.into_iter().map(|(topic, text)| Finding::fault(topic, text)).collect())
    }
}
