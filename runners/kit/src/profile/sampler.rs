//! The sampler: a timer of the serving thread's own whose signal notes where
//! that thread is.
//!
//! The handler copies the program counter and the top of the stack into memory
//! that was set aside, and sets the timer again; whatever takes thought happens
//! later, outside every measurement. It calls nothing that is not
//! async-signal-safe. A stack that is not the thread's own it reads through the
//! kernel (`process_vm_readv`), which refuses bad addresses where a load would
//! crash: guests may run on stacks of their runtime's making.
//!
//! The timer has to be the thread's own. Signals from another thread cost less,
//! and arrive late: at the next system call if there is one, and marks between
//! phases make some, so that short phases are hardly seen.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use wasmfit_protocol::RequestPhase;

/// Words of the stack that are kept: enough for the way from a libc function
/// through a runtime's helper back to the guest.
const STACK_WORDS: usize = 256;

/// Samples between two calls of [`Sampler::take`]: a request of 16 s at 1 kHz.
/// Reserved, and used only as far as samples come.
const CAPACITY: usize = 16_384;

/// Stack for the handler, as the runtimes give themselves for theirs. The
/// system puts the processor's registers there, which are 11 KiB on the largest
/// of today.
const SIGNAL_STACK_BYTES: usize = 64 << 10;

/// A sample as the handler leaves it.
#[repr(C)]
pub(super) struct RawSample {
    position: u64,
    /// Where the processor was.
    pub(super) pc: usize,
    words: usize,
    stack: [usize; STACK_WORDS],
}

impl RawSample {
    /// Which request was served, and which phase it was in.
    pub(super) fn position(&self) -> Option<(u32, RequestPhase)> {
        unpack(self.position)
    }

    /// The top of the stack, as far as it could be read.
    pub(super) fn stack(&self) -> &[usize] {
        &self.stack[..self.words.min(STACK_WORDS)]
    }
}

/// Request and phase in one word, so that the handler never sees one of them
/// changed and the other not; 0 between requests.
fn pack(request: u32, phase: RequestPhase) -> u64 {
    u64::from(request) << 8 | (phase as u64 + 1)
}

fn unpack(position: u64) -> Option<(u32, RequestPhase)> {
    let phase = usize::try_from(position & 0xff).ok()?.checked_sub(1)?;
    Some((u32::try_from(position >> 8).ok()?, *RequestPhase::ALL.get(phase)?))
}

/// What the handler works with. Never freed: a signal may be on its way.
struct Slot {
    process: libc::pid_t,
    thread: libc::pid_t,
    /// The thread's own stack, once it samples: finding it out takes longer than
    /// a cold start should be held up.
    own_stack: OnceLock<Range<usize>>,
    timer: UnsafeCell<libc::timer_t>,
    period_ns: u64,
    running: AtomicBool,
    position: AtomicU64,
    random: AtomicU64,
    samples: *mut RawSample,
    length: AtomicUsize,
    lost: AtomicU64,
}

// SAFETY: the timer is written before the slot is shared, and `samples` is used
// by the sampled thread alone: by the handler, which runs there, and by
// `Sampler::take` after a `stop`, which refuses every other thread.
unsafe impl Sync for Slot {}

impl Slot {
    /// Takes a sample. Called by the handler alone, on the sampled thread.
    fn sample(&self, pc: usize, stack: usize) {
        let position = self.position.load(Relaxed);
        if position == 0 {
            return;
        }
        let index = self.length.load(Relaxed);
        if index == CAPACITY {
            self.lost.store(self.lost.load(Relaxed) + 1, Relaxed);
            return;
        }
        // SAFETY: `samples` has room for CAPACITY of them, and nobody reads
        // beyond `length` or while the handler runs, which is on the thread
        // that would. The pages are zero, which is a valid sample, until then.
        let sample = unsafe { &mut *self.samples.add(index) };
        sample.position = position;
        sample.pc = pc;
        let bytes = size_of_val(&sample.stack);
        let is_own = |address: usize| {
            self.own_stack.get().is_some_and(|own_stack| own_stack.contains(&address))
        };
        sample.words = if is_own(stack) && is_own(stack + bytes) {
            let words = stack as *const [usize; STACK_WORDS];
            // SAFETY: between the stack pointer and the stack's end all is
            // mapped, and the interrupted thread is this one.
            sample.stack = unsafe { words.read_unaligned() };
            STACK_WORDS
        } else {
            let local = libc::iovec { iov_base: sample.stack.as_mut_ptr().cast(), iov_len: bytes };
            let remote = libc::iovec { iov_base: stack as *mut libc::c_void, iov_len: bytes };
            // SAFETY: a system call that writes within `sample.stack`. Of an
            // address that is not mapped it tells; near the end of the stack it
            // reads what there is.
            let read = unsafe {
                libc::process_vm_readv(self.process, &raw const local, 1, &raw const remote, 1, 0)
            };
            usize::try_from(read).unwrap_or(0) / size_of::<usize>()
        };
        self.length.store(index + 1, Relaxed);
    }

    /// Has the timer expire once, `after_ns` from now; 0 stops it.
    fn set(&self, after_ns: u64) -> io::Result<()> {
        // Both parts fit: the period is a second at most.
        #[expect(clippy::cast_possible_wrap, reason = "far below 2^63")]
        let it_value = libc::timespec {
            tv_sec: (after_ns / 1_000_000_000) as libc::time_t,
            tv_nsec: (after_ns % 1_000_000_000) as libc::c_long,
        };
        let it_interval = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let times = libc::itimerspec { it_interval, it_value };
        // SAFETY: the timer was made before the slot could be reached, and is
        // never deleted.
        match unsafe {
            libc::timer_settime(*self.timer.get(), 0, &raw const times, ptr::null_mut())
        } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The next number of a xorshift generator (Marsaglia 2003), below `limit`.
    fn random_below(&self, limit: u64) -> u64 {
        let mut random = self.random.load(Relaxed);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.store(random, Relaxed);
        random % limit
    }
}

extern "C" fn on_signal(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system hands over a valid siginfo and, since SA_SIGINFO is
    // set, the context of the interrupted thread. The pointer is to a slot
    // where the signal comes from a timer of `Sampler::new`, and slots are
    // never freed; a signal that somebody sends has another code. errno is the
    // thread's own.
    unsafe {
        if (*info).si_code != libc::SI_TIMER {
            return;
        }
        let errno = *libc::__errno_location();
        let slot = &*(*info).si_value().sival_ptr.cast::<Slot>();
        let (pc, stack) = registers(&*context.cast::<libc::ucontext_t>());
        slot.sample(pc, stack);
        if slot.running.load(Relaxed) {
            // Between half a period and one and a half: requests whose length
            // divides the period would otherwise be sampled at the same places
            // each time.
            let _ = slot.set(slot.period_ns / 2 + slot.random_below(slot.period_ns) + 1);
        }
        *libc::__errno_location() = errno;
    }
}

/// Program counter and stack pointer.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "addresses in signed registers, which are as wide as a pointer here"
)]
#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> (usize, usize) {
    let registers = &context.uc_mcontext.gregs;
    (registers[libc::REG_RIP as usize] as usize, registers[libc::REG_RSP as usize] as usize)
}

/// Program counter and stack pointer.
#[expect(clippy::cast_possible_truncation, reason = "as wide as a pointer")]
#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> (usize, usize) {
    (context.uc_mcontext.pc as usize, context.uc_mcontext.sp as usize)
}

/// Samples the thread that made it.
pub(super) struct Sampler {
    slot: &'static Slot,
    most: usize,
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler").finish_non_exhaustive()
    }
}

impl Sampler {
    /// Sets everything up for `hertz` samples per second; none are taken yet.
    ///
    /// # Errors
    ///
    /// When the system gives no timer or no memory.
    pub(super) fn new(hertz: u32) -> io::Result<Self> {
        let samples = map(CAPACITY * size_of::<RawSample>())?.cast::<RawSample>();
        own_signal_stack()?;
        let slot: &'static Slot = Box::leak(Box::new(Slot {
            // SAFETY: takes nothing and cannot fail.
            process: unsafe { libc::getpid() },
            thread: this_thread(),
            own_stack: OnceLock::new(),
            timer: UnsafeCell::new(ptr::null_mut()),
            period_ns: 1_000_000_000 / u64::from(hertz.max(1)),
            running: AtomicBool::new(false),
            position: AtomicU64::new(0),
            // Any number but 0.
            random: AtomicU64::new(wasmfit_protocol::monotonic_ns() | 1),
            samples,
            length: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }));
        take_signal()?;
        // SAFETY: all-zero is a valid sigevent.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGPROF;
        event.sigev_value.sival_ptr = ptr::from_ref(slot).cast_mut().cast();
        event.sigev_notify_thread_id = slot.thread;
        // By the wall clock: one of processor time is held to the kernel's
        // tick, some 250 Hz.
        // SAFETY: `event` is valid, and nobody reads the timer yet.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, slot.timer.get()) };
        if made != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { slot, most: 0 })
    }

    /// Begins to sample.
    pub(super) fn start(&self) -> io::Result<()> {
        self.on_its_thread()?;
        self.slot.own_stack.get_or_init(own_stack);
        self.slot.running.store(true, Relaxed);
        // The first as if the timer had run before: anywhere in a period.
        self.slot.set(self.slot.random_below(self.slot.period_ns) + 1)
    }

    /// Stops.
    pub(super) fn stop(&self) -> io::Result<()> {
        self.on_its_thread()?;
        self.outside();
        self.slot.running.store(false, Relaxed);
        self.slot.set(0)
    }

    fn on_its_thread(&self) -> io::Result<()> {
        if this_thread() == self.slot.thread {
            return Ok(());
        }
        Err(io::Error::other("the guest has moved to another thread than it began on"))
    }

    /// From here on the thread serves `request` and is in `phase`.
    pub(super) fn inside(&self, request: u32, phase: RequestPhase) {
        self.slot.position.store(pack(request, phase), Relaxed);
    }

    /// From here on the thread is in no phase.
    pub(super) fn outside(&self) {
        self.slot.position.store(0, Relaxed);
    }

    /// The samples taken since the last call. Not while it runs.
    pub(super) fn take(&mut self) -> &[RawSample] {
        let length = self.slot.length.swap(0, Relaxed);
        self.most = self.most.max(length);
        // SAFETY: the handler has written so many, and writes none while the
        // slice is in use: it is stopped.
        unsafe { std::slice::from_raw_parts(self.slot.samples, length) }
    }

    /// Samples that there was no room for.
    pub(super) fn lost(&self) -> u64 {
        self.slot.lost.load(Relaxed)
    }

    /// Memory that samples have been written to.
    pub(super) fn held_bytes(&self) -> u64 {
        (self.most * size_of::<RawSample>()) as u64
    }
}

/// The stack that the system gave the calling thread; empty where it does not
/// tell.
fn own_stack() -> Range<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut bytes) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are read and destroyed only once they are filled
    // in, and both places to write to are valid.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0..0;
        }
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    lowest.addr()..lowest.addr() + bytes
}

/// The system's number of the calling thread.
fn this_thread() -> libc::pid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

/// Zeroed memory that is taken from the system as it is used.
fn map(bytes: usize) -> io::Result<*mut libc::c_void> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, wherever the system likes.
    let memory = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
    if memory == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(memory) }
}

/// Gives the thread a stack for handlers, unless it has one of that size: deep
/// recursion leaves little of its own.
fn own_signal_stack() -> io::Result<()> {
    // SAFETY: all-zero is a valid stack_t, and sigaltstack writes to it.
    let present = unsafe {
        let mut present: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(ptr::null(), &raw mut present);
        present
    };
    if present.ss_flags & libc::SS_DISABLE == 0 && present.ss_size >= SIGNAL_STACK_BYTES {
        return Ok(());
    }
    let stack =
        libc::stack_t { ss_sp: map(SIGNAL_STACK_BYTES)?, ss_flags: 0, ss_size: SIGNAL_STACK_BYTES };
    // SAFETY: the memory is the stack's alone, and stays as long as the
    // process.
    match unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn take_signal() -> io::Result<()> {
    // SAFETY: all-zero is a valid sigaction with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_signal as *const () as usize;
    // System calls go on after the signal as if there had been none.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the handler has the signature that SA_SIGINFO asks for.
    match unsafe { libc::sigaction(libc::SIGPROF, &raw const action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_packing() {
        assert_eq!(unpack(0), None);
        for request in [0, 1, u32::MAX] {
            for phase in RequestPhase::ALL {
                assert_eq!(unpack(pack(request, phase)), Some((request, phase)));
            }
        }
    }

    #[test]
    fn samples_say_where_and_in_which_phase() {
        let mut sampler = Sampler::new(1000).expect("a sampler");
        sampler.start().expect("started");
        sampler.inside(7, RequestPhase::Infer);
        let mut turns = 0_u64;
        while sampler.slot.length.load(Relaxed) < 20 {
            turns = std::hint::black_box(turns + 1);
        }
        sampler.stop().expect("stopped");
        let taken = sampler.take();
        assert!(taken.len() >= 20);
        for sample in taken {
            assert_eq!(sample.position(), Some((7, RequestPhase::Infer)));
            assert!(sample.pc != 0 && sample.stack().len() > 8);
        }
        assert!(sampler.take().is_empty());
        assert_eq!(sampler.lost(), 0);
    }

    #[test]
    fn what_is_in_no_phase_is_not_sampled() {
        let mut sampler = Sampler::new(10_000).expect("a sampler");
        sampler.start().expect("started");
        std::thread::sleep(std::time::Duration::from_millis(5));
        sampler.stop().expect("stopped");
        assert!(sampler.take().is_empty());
    }
}
