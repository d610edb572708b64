//! Runner processes: start one, hand it its job, read its events, see it end.
//!
//! Whatever a runner does, driving it ends with the last event or a failure
//! that says what happened, never with a hang: a runner that keeps silent past
//! its job's limit and a grace is killed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use wasmfit_protocol::{
    EXIT_FAILED, Event, Failure, FailureKind, GuestFiles, Hello, Job, Limits, Task, VERSION,
    Versions, monotonic_ns,
};

use crate::exit::CommandError;

/// One thread natively, since a guest has no more. BLAS libraries read these
/// at load.
pub(crate) const ONE_THREAD: [(&str, &str); 3] =
    [("OPENBLAS_NUM_THREADS", "1"), ("OMP_NUM_THREADS", "1"), ("MKL_NUM_THREADS", "1")];

/// So that sets and dicts are laid out alike on every target.
pub(crate) const HASH_SEED: (&str, &str) = ("PYTHONHASHSEED", "0");

/// How much longer than its job's limit a runner may take: it keeps the limit
/// itself and needs a moment to say so.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Longest line accepted from a runner.
pub(crate) const LINE_BYTES: u64 = 1 << 20;

/// How much of a runner's standard error is kept for a failure's detail.
const ERROR_BYTES: u64 = 16 << 10;

/// How to start a runner.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    /// Its name in targets.
    pub(crate) name: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Environment variables of its own.
    pub(crate) environment: Vec<(String, String)>,
    /// Where its guests come from.
    pub(crate) guests: Guests,
}

/// Where a runner's guests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guests {
    /// It is the interpreter.
    None,
    /// From the guest folder, and they must be there.
    Installed,
    /// From the guest folder if they are there, else it brings its own.
    InstalledOrOwn,
}

/// What one job needs besides its task.
#[derive(Clone, Debug)]
pub(crate) struct Assignment<'a> {
    /// The tier; empty natively.
    pub(crate) tier: &'a str,
    /// The guest; none natively.
    pub(crate) guest: Option<GuestFiles>,
    /// The limits.
    pub(crate) limits: Limits,
    /// Folder for the job's bulk data.
    pub(crate) scratch: &'a Path,
    /// Folder for compiled artifacts.
    pub(crate) artifacts: &'a Path,
    /// Folders of debug files.
    pub(crate) debug_files: &'a [PathBuf],
}

/// What a runner told before it ended.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Who it is.
    pub(crate) hello: Option<Hello>,
    /// What runs inside.
    pub(crate) versions: Versions,
    /// Its last event, or why there is none.
    pub(crate) last: Result<Event, Failure>,
}

impl Told {
    /// The failure of a runner whose last event does not answer its task.
    pub(crate) fn off_topic() -> Failure {
        Failure::new(
            FailureKind::Vanished,
            "end",
            "the runner's last event does not answer its task",
        )
    }
}

/// Ends the run from outside: Ctrl-C.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    requested: Arc<AtomicBool>,
    /// The running runner's process group, 0 for none.
    group: Arc<AtomicI32>,
}

impl Interrupt {
    /// Has Ctrl-C and termination signals ask for the end.
    pub(crate) fn on_signals(&self) -> Result<(), CommandError> {
        let interrupt = self.clone();
        ctrlc::set_handler(move || interrupt.request())
            .map_err(|error| CommandError::Setup(format!("cannot catch Ctrl-C: {error}")))
    }

    /// Asks for the end and kills the runner that is running.
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
        let group = self.group.load(Ordering::SeqCst);
        if group > 0 {
            kill_group(group);
        }
    }

    /// Has the end kill a runner's process group too, from here until
    /// [`Interrupt::spare`].
    pub(crate) fn reach(&self, group: i32) {
        self.group.store(group, Ordering::SeqCst);
        if self.is_requested() {
            kill_group(group);
        }
    }

    /// Before the runner is waited for: its number may then be another's.
    pub(crate) fn spare(&self) {
        self.group.store(0, Ordering::SeqCst);
    }

    /// Whether the end was asked for.
    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }
}

pub(crate) fn kill_group(group: i32) {
    // SAFETY: the group is one that this process made for a runner and has
    // not yet waited for, so its number cannot belong to anyone else.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}

/// Runs one job.
pub(crate) fn drive(
    runner: &Runner,
    assignment: &Assignment<'_>,
    task: &Task,
    interrupt: &Interrupt,
) -> Told {
    match start(runner) {
        Err(error) => {
            let message = does_not_start(runner, &error);
            let last = Err(Failure::new(FailureKind::NotStarted, "spawn", message));
            Told { hello: None, versions: Versions::default(), last }
        }
        Ok(started) => started.run(assignment, task, interrupt),
    }
}

/// Why a runner could not be started, and what to do.
pub(crate) fn does_not_start(runner: &Runner, error: &io::Error) -> String {
    let remedy = match (error.kind(), runner.guests) {
        (io::ErrorKind::PermissionDenied, _) => "make it executable, chmod +x",
        (_, Guests::InstalledOrOwn) => {
            "is it a program of this system, or a script whose first line names one?"
        }
        (_, Guests::None) => "run scripts/setup, or set WASMFIT_PYTHON",
        (_, Guests::Installed) if runner.program.ends_with("node") => {
            "run scripts/setup, or set WASMFIT_NODE"
        }
        (_, Guests::Installed) => "build it, or set WASMFIT_RUNNERS",
    };
    format!("{} does not start: {error}: {remedy}", runner.program.display())
}

/// A process that waits for its job.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) spawned_at_ns: u64,
    executed_at_ns: u64,
}

/// Starts a runner.
pub(crate) fn start(runner: &Runner) -> io::Result<Started> {
    let mut command = Command::new(&runner.program);
    command
        .args(&runner.arguments)
        .envs(runner.environment.iter().map(|(name, value)| (name, value)))
        .envs(ONE_THREAD)
        .env(HASH_SEED.0, HASH_SEED.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for the harness, which then ends the runner.
        .process_group(0);
    let spawned_at_ns = monotonic_ns();
    // Returns once the new program is loaded.
    let child = command.spawn()?;
    Ok(Started { child, spawned_at_ns, executed_at_ns: monotonic_ns() })
}

/// A line of a runner, or that there will be none.
enum Line {
    Event(Box<Event>),
    Garbage(String),
}

impl Started {
    fn run(mut self, assignment: &Assignment<'_>, task: &Task, interrupt: &Interrupt) -> Told {
        let group = self.group();
        interrupt.reach(group);
        let job = self.job(assignment, task.clone());
        self.hand_over(&job);

        let (sender, lines) = mpsc::channel();
        let output = self.child.stdout.take();
        let reader = thread::spawn(move || {
            if let Some(output) = output {
                read_lines(output, &sender);
            }
        });
        let errors = self.child.stderr.take();
        let errors = thread::spawn(move || errors.map(read_errors).unwrap_or_default());

        let deadline = Instant::now() + Duration::from_nanos(assignment.limits.wall_ns) + GRACE;
        let mut hearing = Hearing::default();
        let heard = hearing.listen(&lines, deadline);
        let patience = match heard {
            Heard::End => GRACE,
            Heard::Silence | Heard::Garbage(_) | Heard::OtherProtocol(_) => Duration::ZERO,
        };
        self.await_exit(patience);
        // Also what the runner started: it must not outlive it, nor hold its
        // pipes. The runner has not been waited for, so its group is its own.
        kill_group(group);
        // Once waited for, its number may be given to another.
        interrupt.spare();
        let status = self.child.wait();
        drop(lines);
        let _ = reader.join();
        let stderr = errors.join().unwrap_or_default();
        let last = hearing.conclude(heard, status, assignment.limits);
        let last = last.map_err(|mut failure| {
            if failure.detail.is_empty() {
                failure.detail = stderr;
            }
            failure
        });
        Told { hello: hearing.hello, versions: hearing.versions, last }
    }

    /// Waits until the process has ended or `patience` is over, leaving it to
    /// be waited for.
    fn await_exit(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.has_exited() && Instant::now() < deadline {
            thread::sleep(Duration::from_micros(500));
        }
    }

    /// Its process group, which is its own.
    pub(crate) fn group(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Whether the process has ended; it is still to be waited for.
    pub(crate) fn has_exited(&self) -> bool {
        // SAFETY: a zeroed siginfo_t is valid, and `waitid` writes to it.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `info` is a valid siginfo_t to write to.
        let found = unsafe { libc::waitid(libc::P_PID, self.child.id(), &raw mut info, options) };
        // SAFETY: `waitid` has filled `info`, or left it zeroed.
        found != 0 || unsafe { info.si_pid() } != 0
    }

    /// The job of this process.
    pub(crate) fn job(&self, assignment: &Assignment<'_>, task: Task) -> Job {
        Job {
            protocol: VERSION,
            spawned_at_ns: self.spawned_at_ns,
            executed_at_ns: self.executed_at_ns,
            tier: assignment.tier.to_owned(),
            guest: assignment.guest.clone(),
            limits: assignment.limits,
            scratch: assignment.scratch.to_owned(),
            artifacts: assignment.artifacts.to_owned(),
            debug_files: assignment.debug_files.to_vec(),
            task,
        }
    }

    /// Writes the job, or what stands for one, and closes the way to the
    /// process. A runner that is gone already shows in its status.
    pub(crate) fn hand_over(&mut self, job: &impl Serialize) {
        let Some(mut input) = self.child.stdin.take() else { return };
        if let Ok(mut line) = serde_json::to_vec(job) {
            line.push(b'\n');
            let _ = input.write_all(&line);
        }
    }
}

fn read_lines(output: impl Read, sender: &mpsc::Sender<Line>) {
    let mut output = BufReader::new(output);
    loop {
        let mut bytes = Vec::new();
        match (&mut output).take(LINE_BYTES).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = match serde_json::from_slice(&bytes) {
            Ok(event) => Line::Event(Box::new(event)),
            Err(_) => Line::Garbage(shortened(&bytes)),
        };
        let garbage = matches!(line, Line::Garbage(_));
        if sender.send(line).is_err() || garbage {
            // The rest must still be taken, or the runner would block.
            let _ = io::copy(&mut output, &mut io::sink());
            return;
        }
    }
}

pub(crate) fn read_errors(errors: impl Read) -> String {
    let mut errors = errors;
    let mut kept = Vec::new();
    let _ = (&mut errors).take(ERROR_BYTES).read_to_end(&mut kept);
    let _ = io::copy(&mut errors, &mut io::sink());
    String::from_utf8_lossy(&kept).trim_end().to_owned()
}

/// The beginning of a line, as text on one line.
pub(crate) fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end().chars().take(60).flat_map(char::escape_default).collect()
}

/// What has been heard of a runner.
#[derive(Default)]
struct Hearing {
    hello: Option<Hello>,
    versions: Versions,
    stage: Option<String>,
    last: Option<Event>,
}

/// How listening ended.
enum Heard {
    /// The runner closed its output.
    End,
    /// The deadline passed.
    Silence,
    /// A line that is no event.
    Garbage(String),
    /// The runner speaks another version of the protocol.
    OtherProtocol(u32),
}

impl Hearing {
    fn listen(&mut self, lines: &mpsc::Receiver<Line>, deadline: Instant) -> Heard {
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Line::Event(event)) => {
                    if let Event::Hello(Hello { protocol, .. }) = &*event
                        && *protocol != VERSION
                    {
                        return Heard::OtherProtocol(*protocol);
                    }
                    self.take(*event);
                    // A runner that has said its last word may still hold its
                    // output open, or something it started may.
                    if self.last.is_some() {
                        return Heard::End;
                    }
                }
                Ok(Line::Garbage(text)) => return Heard::Garbage(text),
                Err(RecvTimeoutError::Disconnected) => return Heard::End,
                Err(RecvTimeoutError::Timeout) => return Heard::Silence,
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Hello(hello) => self.hello = Some(hello),
            Event::Began { phase } => self.stage = Some(phase.name().into()),
            Event::Versions(versions) => {
                self.versions = versions;
                self.stage = Some("sampling".into());
            }
            last @ (Event::Described { .. }
            | Event::Prepared { .. }
            | Event::RequestsMade { .. }
            | Event::SnapshotMade { .. }
            | Event::Covered { .. }
            | Event::Served(_)
            | Event::Failed(_)) => self.last = Some(last),
        }
    }

    /// The job's result, from what was heard and how the process ended.
    fn conclude(
        &mut self,
        heard: Heard,
        status: io::Result<ExitStatus>,
        limits: Limits,
    ) -> Result<Event, Failure> {
        match self.last.take() {
            Some(Event::Failed(failure)) => return Err(failure),
            Some(last) => return Ok(last),
            None => {}
        }
        let (kind, message) = match (heard, status) {
            (Heard::Garbage(text), _) => {
                let message = format!(
                    "the runner wrote {text:?}, which is no event of its protocol: check that it writes nothing else to its standard output"
                );
                (FailureKind::Garbage, message)
            }
            (Heard::OtherProtocol(found), _) => {
                let message = format!(
                    "the runner speaks protocol {found}, and this wasmfit speaks {VERSION}: build both from one version"
                );
                (FailureKind::Protocol, message)
            }
            (Heard::Silence, _) => {
                let limit = humantime::format_duration(Duration::from_nanos(limits.wall_ns));
                let message =
                    format!("the runner went silent past its limit of {limit} and was killed");
                (FailureKind::Silent, message)
            }
            (Heard::End, Err(error)) => (FailureKind::Vanished, error.to_string()),
            (Heard::End, Ok(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => {
                    (FailureKind::Signal, format!("the runner died by {}", signal_name(signal)))
                }
                (None, code) => {
                    let code = code.unwrap_or(i32::from(EXIT_FAILED));
                    let message =
                        format!("the runner ended with exit code {code} and without a result");
                    (FailureKind::Vanished, message)
                }
            },
        };
        let during = self.stage.take().unwrap_or_else(|| "spawn".into());
        Err(Failure::new(kind, &during, message))
    }
}

/// The signals that end runners in practice, by name.
pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV (a memory fault)",
        libc::SIGABRT => "SIGABRT (it aborted itself)",
        libc::SIGILL => "SIGILL (an instruction this processor does not have)",
        libc::SIGBUS => "SIGBUS (a file it had mapped was cut short)",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL (killed from outside; short memory is the usual reason)",
        libc::SIGTERM => "SIGTERM (asked to end from outside)",
        _ => return format!("signal {signal}"),
    };
    name.into()
}
