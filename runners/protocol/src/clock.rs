//! The clock that harness and runner share.

/// `CLOCK_MONOTONIC`, ns: the same for every process of a system, so stamps
/// of harness and runner are comparable.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to. The clock exists on
    // every Linux, so the call cannot fail; if it did, `time` would stay 0.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    // The clock is never negative.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
