//! One conversation with a runner, kept whole. [`crate::drive`] forgives what
//! does no harm to a measurement; here every line counts, how the process
//! ended, and what it left behind.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use wasmfit_protocol::{Event, monotonic_ns};

use crate::drive::{
    GRACE, Interrupt, LINE_BYTES, Runner, Started, kill_group, read_errors, shortened, signal_name,
    start,
};

/// How often the process is looked at while it is silent.
const GLANCE: Duration = Duration::from_millis(2);

/// How long what a runner has started may take to follow it.
const FOLLOWING: Duration = Duration::from_millis(500);

/// More lines than any job has reason to write.
const MOST_LINES: usize = 10_000;

/// What was heard and seen of one process.
#[derive(Debug)]
pub(super) struct Conversation {
    /// What it wrote, in order.
    pub(super) lines: Vec<Line>,
    /// How it ended.
    pub(super) end: End,
    /// From just before it was started to its last event, ns; to its end
    /// where there was none.
    pub(super) told_after_ns: u64,
    /// Names of processes of its group that were there when it had ended.
    pub(super) left_behind: Vec<String>,
    /// The beginning of its standard error.
    pub(super) errors: String,
    /// The folder for the job's bulk data.
    pub(super) scratch: PathBuf,
}

/// A line on standard output.
#[derive(Debug)]
pub(super) enum Line {
    /// An event.
    Event(Box<Event>),
    /// Anything else: its beginning.
    Other(String),
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself.
    Exited { code: i32 },
    /// By a signal that nobody here sent.
    Signal { name: String },
    /// It was still there, and was killed.
    Killed { after: Duration },
}

impl End {
    /// As reasons name it: what the process did.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Exited { code } => format!("exited with {code}"),
            Self::Signal { name } => format!("died by {name}"),
            Self::Killed { after } => format!("was still there after {after:.0?} and was killed"),
        }
    }
}

impl Conversation {
    /// What it told, without what is no event.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.lines.iter().filter_map(|line| match line {
            Line::Event(event) => Some(&**event),
            Line::Other(_) => None,
        })
    }

    /// The first of its last events.
    pub(super) fn last(&self) -> Option<&Event> {
        self.events().find(|event| is_last(event))
    }
}

/// Whether nothing may follow an event.
pub(super) const fn is_last(event: &Event) -> bool {
    match event {
        Event::Hello(_) | Event::Began { .. } | Event::Versions(_) => false,
        Event::Described { .. }
        | Event::Prepared { .. }
        | Event::RequestsMade { .. }
        | Event::SnapshotMade { .. }
        | Event::Covered { .. }
        | Event::Served(_)
        | Event::Failed(_) => true,
    }
}

/// Starts a runner, hands it a job, or what stands for one, and waits for its
/// end: for `patience`, and no longer than a grace after its last event.
pub(super) fn converse<J: Serialize>(
    runner: &Runner,
    job: impl FnOnce(&Started) -> J,
    patience: Duration,
    scratch: PathBuf,
    interrupt: &Interrupt,
) -> io::Result<Conversation> {
    let mut started = start(runner)?;
    let group = started.group();
    interrupt.reach(group);
    let job = job(&started);
    started.hand_over(&job);
    let (sender, receiver) = mpsc::channel();
    let output = started.child.stdout.take();
    let reader = thread::spawn(move || output.map(|output| read_lines(output, &sender)));
    let errors = started.child.stderr.take();
    let errors = thread::spawn(move || errors.map(read_errors).unwrap_or_default());

    let mut listening = Listening::default();
    let killed = listening.await_end(&started, &receiver, patience);
    let ended_ns = monotonic_ns();
    let left_behind = if killed.is_none() { members_left(group) } else { Vec::new() };
    kill_group(group);
    interrupt.spare();
    let status = started.child.wait()?;
    let _ = reader.join();
    while let Ok(heard) = receiver.try_recv() {
        listening.take(heard);
    }
    let end = match (killed, status.signal()) {
        (Some(after), _) => End::Killed { after },
        (None, Some(signal)) => End::Signal { name: signal_name(signal) },
        (None, None) => End::Exited { code: status.code().unwrap_or_default() },
    };
    let told_ns = listening.last_ns.unwrap_or(ended_ns);
    Ok(Conversation {
        lines: listening.lines,
        end,
        told_after_ns: told_ns.saturating_sub(started.spawned_at_ns),
        left_behind,
        errors: errors.join().unwrap_or_default(),
        scratch,
    })
}

/// What has been heard so far.
#[derive(Default)]
struct Listening {
    lines: Vec<Line>,
    /// When the last event came.
    last_ns: Option<u64>,
    /// Whether a line was no event.
    has_other: bool,
}

impl Listening {
    /// Listens until the process has ended; where it does not, says after how
    /// long it is to be killed.
    fn await_end(
        &mut self,
        started: &Started,
        receiver: &mpsc::Receiver<(u64, Line)>,
        patience: Duration,
    ) -> Option<Duration> {
        let began = Instant::now();
        let mut deadline = began + patience;
        let mut is_over = false;
        loop {
            match receiver.recv_timeout(GLANCE) {
                Ok(heard) => self.take(heard),
                Err(RecvTimeoutError::Timeout) => {}
                // Without this, it would not be waited for at all.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(GLANCE),
            }
            // What is no event ends a job as its last event does.
            let is_told = self.last_ns.is_some() || self.has_other;
            if is_told && !is_over {
                deadline = deadline.min(Instant::now() + GRACE);
                is_over = true;
            }
            if started.has_exited() {
                return None;
            }
            if Instant::now() >= deadline {
                return Some(began.elapsed());
            }
        }
    }

    fn take(&mut self, (at_ns, line): (u64, Line)) {
        if self.last_ns.is_none()
            && let Line::Event(event) = &line
            && is_last(event)
        {
            self.last_ns = Some(at_ns);
        }
        self.has_other |= line.other().is_some();
        self.lines.push(line);
    }
}

impl Line {
    /// The beginning of a line that is none of the protocol's.
    pub(super) fn other(&self) -> Option<&str> {
        match self {
            Self::Event(_) => None,
            Self::Other(text) => Some(text),
        }
    }
}

/// Reads lines until the end of the output, each with the time.
fn read_lines(output: impl Read, sender: &mpsc::Sender<(u64, Line)>) {
    let mut output = BufReader::new(output);
    for _ in 0..MOST_LINES {
        let mut bytes = Vec::new();
        match (&mut output).take(LINE_BYTES).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = match serde_json::from_slice(&bytes) {
            Ok(event) => Line::Event(Box::new(event)),
            Err(_) => Line::Other(shortened(&bytes)),
        };
        if sender.send((monotonic_ns(), line)).is_err() {
            break;
        }
    }
    // The rest must still be taken, or the runner would block.
    let _ = io::copy(&mut output, &mut io::sink());
}

/// The processes of a group whose leader has ended, once they have had time
/// to follow it.
fn members_left(group: i32) -> Vec<String> {
    let deadline = Instant::now() + FOLLOWING;
    loop {
        let members = members(group);
        if members.is_empty() || Instant::now() >= deadline {
            return members;
        }
        thread::sleep(GLANCE);
    }
}

/// The names of a group's running processes but its leader.
fn members(group: i32) -> Vec<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let others = processes.filter(|entry| entry.file_name() != group.to_string().as_str());
    others
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| member(&stat, group))
        .collect()
}

/// The name in a process's `stat` if it is running and of a group: the name
/// stands in parentheses and may hold some itself, behind it are state, parent
/// and group.
fn member(stat: &str, group: i32) -> Option<String> {
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1;
    let mut fields = after.split_whitespace();
    let state = fields.next()?;
    let its_group: i32 = fields.nth(1)?.parse().ok()?;
    (its_group == group && !matches!(state, "Z" | "X")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_by_its_group_whatever_its_name() {
        assert_eq!(member("12 (a) b) S 1 77 77 0", 77).as_deref(), Some("a) b"));
        assert_eq!(member("12 (a) S 1 78 77 0", 77), None);
        assert_eq!(member("12 (a) Z 1 77 77 0", 77), None);
    }
}
