//! Memory of this process: what it used, and what it may use.

use std::fs;
use std::io;

/// Largest resident set since the program was loaded, by the operating
/// system; 0 where it does not tell. `VmHWM` belongs to the program's own
/// address space; `ru_maxrss` would also remember the harness that spawned
/// it.
pub(crate) fn peak_resident_bytes() -> u64 {
    status_bytes("VmHWM:")
}

/// Pages that this process has taken from the operating system so far, none
/// of which had to be read from disk.
pub(crate) fn page_faults() -> u64 {
    // SAFETY: an all-zero rusage is a valid one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a valid rusage to write to. The call fails for no
    // other reason.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    u64::try_from(usage.ru_minflt).unwrap_or(0)
}

/// Limits what this process may allocate from here on. File mappings and
/// reserved address space do not count.
pub fn limit_allocation(bytes: u64) -> io::Result<()> {
    let most = status_bytes("VmData:").saturating_add(bytes);
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is a valid rlimit to read from.
    match unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A figure of `/proc/self/status`, which are in KiB.
fn status_bytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}
