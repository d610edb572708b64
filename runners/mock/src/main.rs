//! A runner that runs nothing: it tells what a script says, in scripted
//! times, so that the harness can be tested in milliseconds and against every
//! misbehaviour there is.
//!
//! The script is the JSON file that `WASMFIT_MOCK_SCRIPT` names: a
//! [`Behaviour`] by `TIER WORKLOAD`, where natively the tier is `native`; what
//! is not named is served with defaults. Each job is noted as a line of the
//! file `WASMFIT_MOCK_SCRIPT` + `.log`, so that a test can see what the
//! harness did in which order.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, thread};

use serde::Deserialize;
use wasmfit_protocol::{
    ColdPhase, EXIT_FAILED, Event, Failure, FailureKind, FramesReader, FramesWriter, Hello, Job,
    LimitKind, Pass, Place, ProfileRow, Profiled, Proposal, RequestPhase, SAMPLE_COLUMNS, Sample,
    Sampling, Served, Stretch, Taken, Task, Tier, VERSION, Versions, write_profile,
};

type Script = BTreeMap<String, Vec<Behaviour>>;

/// What to do with a job. Of several behaviours, the first is for the first
/// measuring job, and so on; the last is for all that follow.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Behaviour {
    /// Serve every request in `request_ns`; `change` is added to the first
    /// byte of each response.
    Serve {
        #[serde(default = "default_request_ns")]
        request_ns: u64,
        #[serde(default)]
        change: u8,
        /// Leave out the last response.
        #[serde(default)]
        one_less: bool,
    },
    /// Tell a failure.
    Fail { failure: Failure },
    /// Die by a signal.
    Signal { signal: String },
    /// Write a line that is no event.
    Garbage,
    /// Write without end, and no line.
    Flood,
    /// End without a last event.
    Vanish { code: u8 },
    /// Say nothing, for longer than any limit.
    Silence,
    /// Say that all was served, and leave no samples.
    Nothing,
    /// Speak a later version of the protocol.
    LaterProtocol,
    /// Serve after `milliseconds`, so that a test can interrupt the run.
    Linger { milliseconds: u64 },
}

const fn default_request_ns() -> u64 {
    1000
}

/// The one field that jobs of every version have.
#[derive(Deserialize)]
struct Versioned {
    protocol: u32,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("wasmfit-mock: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let Versioned { protocol } = serde_json::from_str(&line)?;
    if protocol != VERSION {
        let message = format!("the mock speaks protocol {VERSION}");
        tell(&Event::Failed(Failure::new(FailureKind::Protocol, "spawn", message)))?;
        return Ok(EXIT_FAILED.into());
    }
    let job: Job = serde_json::from_str(&line)?;
    let runtime = if job.tier.is_empty() { "native" } else { "mock" };
    let hello =
        Hello { protocol: VERSION, runtime: runtime.into(), runtime_version: "3.15.0".into() };
    tell(&Event::Hello(hello))?;
    match job.task.clone() {
        Task::Describe => {
            let lacks = [(Proposal::Exceptions, "not for a mock".to_owned())].into();
            let lacking = Tier { lacks, ..Tier::new("lacking") };
            let tiers = vec![
                Tier::new("scripted"),
                Tier::new("other"),
                lacking,
                Tier::limited("limited", "scripted", LimitKind::Budget),
            ];
            tell(&Event::Described { tiers })?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Prepare => {
            if let Behaviour::Fail { failure } = behaviour(&format!("prepare {}", job.tier))? {
                tell(&Event::Failed(failure))?;
                return Ok(EXIT_FAILED.into());
            }
            tell(&Event::Prepared { artifact: None })?;
            Ok(ExitCode::SUCCESS)
        }
        Task::MakeRequests { workload, count, .. } => {
            let mut requests = FramesWriter::create(&job.scratch.join("requests.frames"))?;
            for index in 0..count {
                requests.push(format!("{} {index}", workload.name).as_bytes())?;
            }
            requests.finish()?;
            tell(&Event::RequestsMade { count })?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Snapshot { .. } | Task::Cover { .. } => {
            let message = "the mock has no guest";
            tell(&Event::Failed(Failure::new(FailureKind::Unsupported, "spawn", message)))?;
            Ok(EXIT_FAILED.into())
        }
        Task::Measure { workload, requests, sampling } => {
            let tier = if job.tier.is_empty() { "native" } else { &job.tier };
            let key = format!("{tier} {}", workload.name);
            behave(&behaviour(&key)?, &job, &requests, sampling)
        }
    }
}

/// Notes the job and looks up what to do with it.
fn behaviour(key: &str) -> Result<Behaviour, Box<dyn Error>> {
    let serve = Behaviour::Serve { request_ns: default_request_ns(), change: 0, one_less: false };
    let Some(path) = env::var_os("WASMFIT_MOCK_SCRIPT").map(PathBuf::from) else {
        return Ok(serve);
    };
    let log = path.with_added_extension("log");
    let before = fs::read_to_string(&log).unwrap_or_default();
    let nth = before.lines().filter(|line| *line == key).count();
    writeln!(OpenOptions::new().create(true).append(true).open(&log)?, "{key}")?;
    let script: Script = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let behaviours = script.get(key).map_or(&[][..], Vec::as_slice);
    Ok(behaviours.get(nth).or(behaviours.last()).cloned().unwrap_or(serve))
}

fn behave(
    behaviour: &Behaviour,
    job: &Job,
    requests: &Path,
    sampling: Option<Sampling>,
) -> Result<ExitCode, Box<dyn Error>> {
    tell(&Event::Began { phase: ColdPhase::Import })?;
    match behaviour {
        Behaviour::Serve { request_ns, change, one_less } => {
            serve(job, requests, sampling, *request_ns, *change, *one_less)?;
        }
        Behaviour::Fail { failure } => {
            tell(&Event::Failed(failure.clone()))?;
            return Ok(EXIT_FAILED.into());
        }
        Behaviour::Signal { signal } => {
            let this = std::process::id().to_string();
            // More than once: Rust's own handler takes the first SIGSEGV for
            // a stack overflow, finds that it is none, and stands aside.
            for _ in 0..3 {
                std::process::Command::new("kill").args(["-s", signal, &this]).status()?;
            }
        }
        Behaviour::Garbage => println!("Segmentation fault, or so"),
        Behaviour::Flood => loop {
            io::stdout().write_all(&[b'x'; 4096])?;
        },
        Behaviour::Vanish { code } => return Ok((*code).into()),
        Behaviour::Silence => thread::sleep(Duration::from_hours(1)),
        Behaviour::Nothing => tell(&Event::Served(served()))?,
        Behaviour::LaterProtocol => tell(&Event::Hello(Hello {
            protocol: VERSION + 1,
            runtime: "mock".into(),
            runtime_version: "0".into(),
        }))?,
        Behaviour::Linger { milliseconds } => {
            thread::sleep(Duration::from_millis(*milliseconds));
            serve(job, requests, sampling, default_request_ns(), 0, false)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves by a scripted clock: every phase of a request takes a fifth of it,
/// every cold-start phase a thousand requests.
fn serve(
    job: &Job,
    requests: &Path,
    sampling: Option<Sampling>,
    request_ns: u64,
    change: u8,
    one_less: bool,
) -> Result<(), Box<dyn Error>> {
    let mut responses = FramesWriter::create(&job.scratch.join("responses.frames"))?;
    let limit = if sampling.is_some() { usize::MAX } else { 1 };
    let count = FramesReader::open(requests)?.count().min(limit);
    for request in FramesReader::open(requests)?.take(count - usize::from(one_less)) {
        let mut response = request?;
        if let Some(first) = response.first_mut() {
            *first = first.wrapping_add(change);
        }
        responses.push(&response)?;
    }
    responses.finish()?;

    let mut samples = fs::File::create(job.scratch.join("samples.csv"))?;
    writeln!(samples, "{}", SAMPLE_COLUMNS.join(","))?;
    let mut add = |pass, stretch, index, ns| {
        let sample = Sample { pass, stretch, index, request: 0, wall_ns: ns, cpu_ns: Some(ns) };
        writeln!(samples, "{}", sample.to_row().join(","))
    };
    for phase in [ColdPhase::Spawn, ColdPhase::Initialize, ColdPhase::Import] {
        add(Pass::Cold, Stretch::Cold(phase), 0, 1000 * request_ns)?;
    }
    if sampling.is_some() {
        tell(&Event::Versions(Versions { python: "3.15.0".into(), packages: BTreeMap::new() }))?;
        for index in 0..10 {
            add(Pass::Plain, Stretch::Request, index, request_ns + u64::from(index))?;
            for phase in RequestPhase::ALL {
                add(Pass::Phase, Stretch::Part(phase), index, request_ns / 5)?;
            }
        }
    }
    let profile = sampling.and_then(|it| it.profile).map(|_| profile(job)).transpose()?;
    let cold_start_ns = 3000 * request_ns;
    let warmup_stable = sampling.map(|_| true);
    tell(&Event::Served(Served { cold_start_ns, warmup_stable, profile, ..served() }))?;
    Ok(())
}

/// A profile of nine samples in the evaluation loop and one in a kernel.
fn profile(job: &Job) -> Result<Profiled, Box<dyn Error>> {
    let row = |symbol: &str, count| ProfileRow {
        request: 0,
        phase: RequestPhase::Infer,
        places: vec![Place { object: "mock.wasm".into(), symbol: Some(symbol.into()) }],
        count,
    };
    let rows = [row("_PyEval_EvalFrameDefault", 9), row("sgemm_kernel", 1)];
    write_profile(&job.scratch.join("profile.jsonl"), &rows)?;
    Ok(Profiled::Taken(Taken { samples: 10, own_cpu_ns: 1, ..Taken::default() }))
}

fn served() -> Served {
    Served {
        cold_start_ns: 1,
        warmup_requests: 0,
        warmup_stable: None,
        peak_resident_bytes: 1 << 20,
        runner_bytes: 0,
        linear_memory_bytes: None,
        plain_page_faults: None,
        page: None,
        printed: String::new(),
        profile: None,
    }
}

fn tell(event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}
