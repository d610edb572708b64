//! The life of a runner: read the job, do it, say how it went, end.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsRawFd, FromRawFd};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use wasmfit_protocol::{
    Artifact, Boundary, ColdPhase, EXIT_FAILED, Event, Failure, FailureKind, Hello, Job, Refusal,
    Refused, Task, Tier, VERSION,
};

use crate::events::{Events, Stage};
use crate::invocation::{HAS_ITS_OWN_BUILD, NEEDS_JAVASCRIPT};
use crate::probes;
use crate::session::{About, Ended, Session};
use crate::watch::{self, Watch};

/// What is peculiar to a runtime.
pub trait Runtime {
    /// Its name in targets.
    fn name(&self) -> &'static str;

    /// Its version; natively the interpreter's.
    fn version(&self) -> String;

    /// Whether guests run in a process that is not this one, so that all the
    /// kit has of them is told: [`crate::Replay`].
    fn is_elsewhere(&self) -> bool {
        false
    }

    /// Whether it can run guests that are built for JavaScript around them.
    fn has_javascript(&self) -> bool {
        false
    }

    /// The tiers it offers; empty natively. What they lack is found by
    /// [`Runtime::compile`].
    fn tiers(&self) -> Vec<Tier>;

    /// Has `tier` take a small module, or explain why it does not.
    fn compile(&self, tier: &str, module: &[u8]) -> Result<(), String>;

    /// Makes or checks the compiled artifact of the job's guest; `None` for a
    /// tier that compiles nothing and takes the guest.
    fn prepare(&self, job: &Job) -> Result<Option<Artifact>, Failure>;

    /// Brings the job's guest up as [`Runtime::serve`] does, and writes a
    /// module to `snapshot` that begins where the guest ended.
    fn snapshot(&self, job: &Job, session: Session, snapshot: &Path) -> Result<Ended, Failure> {
        let _ = (job, session, snapshot);
        let message = format!("the runner of {} takes no snapshots", self.name());
        Err(Failure::new(FailureKind::Unsupported, "snapshot", message))
    }

    /// Brings the guest up, has it run the driver (`serve` in [`DRIVER`])
    /// with [`Session::answer`] behind its `call`, and marks the cold-start
    /// phases up to `initialize` on the way.
    ///
    /// [`DRIVER`]: crate::DRIVER
    fn serve(&self, job: &Job, session: Session) -> Result<Ended, Failure>;
}

/// Runs the one job that waits on standard input. Returns the exit code.
pub fn run(runtime: &impl Runtime) -> u8 {
    let (job, events) = match open_channels() {
        Ok(channels) => channels,
        Err(error) => {
            eprintln!("{}: no channel to the harness: {error}", runtime.name());
            return EXIT_FAILED;
        }
    };
    let last = match panic::catch_unwind(AssertUnwindSafe(|| run_job(runtime, job, &events))) {
        Ok(Ok(event)) => event,
        Ok(Err(failure)) => Event::Failed(failure),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let message = format!("the runner panicked: {}", text.unwrap_or("no message"));
            Event::Failed(Failure::new(FailureKind::Runner, events.stage().name(), message))
        }
    };
    let failed = matches!(last, Event::Failed(_));
    events.emit_last(&last);
    if failed { EXIT_FAILED } else { 0 }
}

/// Answers the job that waits on standard input with a failure to start: what
/// the runner needs is not there. Returns the exit code.
#[must_use]
pub fn decline(reason: &str) -> u8 {
    if let Ok((_, events)) = open_channels() {
        let failure = Failure::new(FailureKind::NotStarted, "spawn", reason);
        events.emit_last(&Event::Failed(failure));
    }
    EXIT_FAILED
}

/// The one field that jobs of every version have.
#[derive(serde::Deserialize)]
struct Versioned {
    protocol: u32,
}

fn run_job(runtime: &impl Runtime, job: File, events: &Events) -> Result<Event, Failure> {
    let refuse = |kind, message: &str| Failure::new(kind, "spawn", message);
    let mut line = String::new();
    BufReader::new(job)
        .read_line(&mut line)
        .map_err(|error| refuse(FailureKind::Runner, &format!("no job: {error}")))?;
    let unreadable = |error: serde_json::Error| {
        refuse(FailureKind::Protocol, &format!("the job does not read: {error}"))
    };
    // On its own: a job of another version may have another shape.
    let Versioned { protocol } = serde_json::from_str(&line).map_err(unreadable)?;
    if protocol != VERSION {
        let message = format!(
            "the harness speaks protocol {protocol} and this runner {VERSION}: build both from one version"
        );
        return Err(refuse(FailureKind::Protocol, &message));
    }
    let job: Job = serde_json::from_str(&line).map_err(unreadable)?;
    let hello = Event::Hello(Hello {
        protocol: VERSION,
        runtime: runtime.name().into(),
        runtime_version: runtime.version(),
    });
    events.emit(&hello);
    if job.task == Task::Describe {
        let mut tiers = tiers_of(runtime);
        for tier in &mut tiers {
            probes::probe(tier, |tier, module| runtime.compile(tier, module));
        }
        return Ok(Event::Described { tiers });
    }
    let watch = Watch::start(job.limits, events.clone())
        .map_err(|error| refuse(FailureKind::Runner, &format!("cannot watch limits: {error}")))?;
    if let Some(guest) = &job.guest
        && let Some(tier) = tiers_of(runtime).iter().find(|it| it.name == job.tier)
        && let Some(reason) = tier.refusal(guest.boundary, guest.interpreter)
    {
        return Err(refuse(FailureKind::Unsupported, &format!("{}: {reason}", guest.name)));
    }
    if job.task == Task::Prepare {
        events.enter(Stage::Cold(ColdPhase::Compile));
        return runtime.prepare(&job).map(|artifact| Event::Prepared { artifact });
    }
    let session = Session::new(&job, events.clone(), runtime.is_elsewhere())?;
    let ended = match job.task {
        Task::Snapshot { .. } => {
            runtime.snapshot(&job, session, &job.scratch.join("snapshot.wasm"))?
        }
        _ => runtime.serve(&job, session)?,
    };
    let Ended { session, code, linear_memory_bytes, elsewhere, trouble } = ended;
    let about = About { code: code.as_deref(), linear_memory_bytes, elsewhere };
    session.finish(about, trouble, watch.end())
}

/// The tiers of a runtime, and which guests they refuse.
fn tiers_of(runtime: &impl Runtime) -> Vec<Tier> {
    let mut tiers = runtime.tiers();
    let (refused, reason) = if runtime.has_javascript() {
        (Boundary::NamedCall, HAS_ITS_OWN_BUILD)
    } else {
        (Boundary::JavaScript, NEEDS_JAVASCRIPT)
    };
    for tier in &mut tiers {
        let guests = Refused::Boundary(refused);
        tier.refuses.push(Refusal { guests, reason: reason.to_owned() });
    }
    tiers
}

/// Moves the pipes of the harness to descriptors of their own: 0 to 2 belong
/// to the guest.
fn open_channels() -> io::Result<(File, Events)> {
    let job = take(0)?;
    let events = take(1)?;
    watch::redirect(&File::open("/dev/null")?, 0)?;
    watch::redirect(&io::stderr(), 1)?;
    Ok((job, Events::new(events)))
}

fn take(descriptor: i32) -> io::Result<File> {
    // SAFETY: duplicating a number that is not open is an error, no more.
    let own = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    if own < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { File::from_raw_fd(own) })
}
