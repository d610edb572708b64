//! The limits that hold on every runtime because they need nothing from it:
//! the wall clock and what a workload prints. A thread of the kit's own reads
//! what the workload prints and ends the process when a limit is passed. It
//! sleeps otherwise, so guest code pays nothing for being watched.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmfit_protocol::{EXIT_FAILED, Event, Failure, FailureKind, Limits};

use crate::events::Events;

/// How much of what a workload prints is kept.
const KEPT_BYTES: usize = 4096;

/// The watching thread.
#[derive(Debug)]
pub(crate) struct Watch {
    thread: JoinHandle<Vec<u8>>,
    /// Closed to tell the thread that the job has ended.
    ending: OwnedFd,
}

impl Watch {
    /// Sends this process's standard output and error to the watching
    /// thread, and starts the clock.
    pub(crate) fn start(limits: Limits, events: Events) -> io::Result<Self> {
        let (printed, print) = pipe()?;
        redirect(&print, 1)?;
        redirect(&print, 2)?;
        drop(print);
        set_nonblocking(&printed)?;
        let (ended, ending) = pipe()?;
        let deadline = Instant::now() + Duration::from_nanos(limits.wall_ns);
        let watcher = Watcher { limits, events, deadline, printed: File::from(printed), ended };
        let thread = thread::Builder::new().name("wasmfit-watch".into()).stack_size(256 << 10);
        Ok(Self { thread: thread.spawn(move || watcher.watch())?, ending })
    }

    /// Stops watching; what the workload printed, at most its first 4 KiB.
    pub(crate) fn end(self) -> String {
        let Self { thread, ending } = self;
        drop(ending);
        String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
    }
}

/// What is said of a workload that does.
pub(crate) fn printed_too_much(limit_bytes: u64) -> String {
    format!("printed more than {limit_bytes} bytes: an inference path should not print")
}

struct Watcher {
    limits: Limits,
    events: Events,
    deadline: Instant,
    printed: File,
    ended: OwnedFd,
}

impl Watcher {
    fn watch(mut self) -> Vec<u8> {
        let mut kept = Vec::new();
        let mut total = 0;
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let ended = match self.wait(left) {
                Woken::Late => {
                    let limit = Duration::from_nanos(self.limits.wall_ns);
                    self.end_process(
                        FailureKind::Timeout,
                        &format!("not done after {limit:?}: raise --timeout, or mend a loop that never ends"),
                    );
                    return kept;
                }
                Woken::Ended => true,
                Woken::Printed => false,
            };
            self.drain(&mut kept, &mut total);
            if total > self.limits.output_bytes {
                let message = printed_too_much(self.limits.output_bytes);
                self.end_process(FailureKind::Output, &message);
                return kept;
            }
            if ended {
                return kept;
            }
        }
    }

    /// Waits for something printed, the job's end, or the deadline.
    fn wait(&self, left: Duration) -> Woken {
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut entries = [entry(self.printed.as_raw_fd()), entry(self.ended.as_raw_fd())];
        // Rounded up, so that a wait never ends just before its deadline.
        let milliseconds = i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX);
        // SAFETY: `entries` is an array of two valid pollfds.
        let ready = unsafe { libc::poll(entries.as_mut_ptr(), 2, milliseconds) };
        match ready {
            _ if entries[1].revents != 0 => Woken::Ended,
            1.. => Woken::Printed,
            _ if Instant::now() >= self.deadline => Woken::Late,
            // A signal.
            _ => Woken::Printed,
        }
    }

    fn drain(&mut self, kept: &mut Vec<u8>, total: &mut u64) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = self.printed.read(&mut buffer) {
            *total += length as u64;
            let room = KEPT_BYTES - kept.len();
            kept.extend_from_slice(&buffer[..length.min(room)]);
            if *total > self.limits.output_bytes {
                return;
            }
        }
    }

    /// The job's thread is within guest code and cannot be asked to stop.
    fn end_process(&self, kind: FailureKind, message: &str) {
        let failed = Event::Failed(Failure::new(kind, self.events.stage().name(), message));
        if self.events.emit_last(&failed) {
            // SAFETY: `_exit` runs no handlers, so nothing of the guest's or
            // the interpreter's is touched from this thread.
            unsafe { libc::_exit(i32::from(EXIT_FAILED)) }
        }
    }
}

enum Woken {
    Printed,
    Ended,
    Late,
}

/// A pipe's ends, reading and writing, closed in child processes.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both are open and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Makes `descriptor` mean what `to` means.
pub(crate) fn redirect(to: &impl AsRawFd, descriptor: i32) -> io::Result<()> {
    // SAFETY: dup2 takes any numbers and reports those that are not open.
    match unsafe { libc::dup2(to.as_raw_fd(), descriptor) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn set_nonblocking(descriptor: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open; F_SETFL takes an integer.
    match unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
