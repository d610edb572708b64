//! The clocks every sample is read from.

use wasmfit_protocol::{Boundary, monotonic_ns};

/// Whose processor time a sample has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CpuClock {
    /// The calling thread's: it runs the guest too.
    Thread,
    /// The process's: guest and host are threads that take turns.
    Process,
    /// Nobody's: the guest runs in a process of which only wall times are told.
    Nobody,
}

impl CpuClock {
    /// The clock that sees all of a request over `boundary`; `None` natively.
    pub(crate) fn of(boundary: Option<Boundary>) -> Self {
        match boundary {
            None
            | Some(
                Boundary::HostCall
                | Boundary::NamedCall
                | Boundary::Component
                | Boundary::JavaScript,
            ) => Self::Thread,
            Some(Boundary::Stdio) => Self::Process,
        }
    }

    /// Its time, ns.
    pub(crate) fn now_ns(self) -> Option<u64> {
        let clock = match self {
            Self::Thread => libc::CLOCK_THREAD_CPUTIME_ID,
            Self::Process => libc::CLOCK_PROCESS_CPUTIME_ID,
            Self::Nobody => return None,
        };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid timespec to write to. The clocks exist on
        // every Linux, so the call cannot fail; if it did, `time` would stay 0.
        unsafe { libc::clock_gettime(clock, &raw mut time) };
        // The clocks are never negative.
        Some(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
    }
}

/// The beginning of a timed stretch. The processor clock is read first here
/// and last in [`Stamp::elapsed_until`]: reading it is a system call, which the
/// wall time must not contain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    clock: CpuClock,
    cpu_ns: Option<u64>,
    wall_ns: u64,
}

impl Stamp {
    /// Begins a stretch here.
    pub(crate) fn now(clock: CpuClock) -> Self {
        let cpu_ns = clock.now_ns();
        Self { clock, cpu_ns, wall_ns: monotonic_ns() }
    }

    /// A stretch that began with the process or before it, at wall time
    /// `wall_ns`: all processor time so far is its own.
    pub(crate) const fn since(clock: CpuClock, wall_ns: u64) -> Self {
        Self { clock, cpu_ns: Some(0), wall_ns }
    }

    pub(crate) const fn wall_began_ns(self) -> u64 {
        self.wall_ns
    }

    /// The same beginning with another wall time.
    pub(crate) const fn with_wall(self, wall_ns: u64) -> Self {
        Self { wall_ns, ..self }
    }

    /// Ends the stretch that ran until wall time `until_ns`, read just now:
    /// its wall and processor time, ns.
    pub(crate) fn elapsed_until(self, until_ns: u64) -> (u64, Option<u64>) {
        let cpu_ns = self.clock.now_ns().zip(self.cpu_ns);
        let cpu_ns = cpu_ns.map(|(now, before)| now.saturating_sub(before));
        (until_ns.saturating_sub(self.wall_ns), cpu_ns)
    }
}
