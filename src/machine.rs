//! What machine this is, and how quiet.

use std::fs;
use std::ptr;
use std::time::Instant;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use wasmfit_record::Environment;

/// Describes this machine.
pub(crate) fn environment() -> Environment {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted).ok();
    let cpus = system.as_ref().map_or(&[][..], System::cpus);
    let brand = cpus.first().map(|cpu| cpu.brand().trim().to_owned());
    Environment {
        system: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        architecture: std::env::consts::ARCH.into(),
        cpu: brand.unwrap_or_default(),
        cpus: u32::try_from(cpus.len()).unwrap_or(0),
        memory_bytes: system.as_ref().map_or(0, System::total_memory),
        load_before: System::load_average().map_or(0.0, |load| load.one),
        page_fault_ns: page_fault_ns(),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        virtualization: virtualization(),
    }
}

/// Mean over pages that are touched for the first time, least of several
/// goes. Huge pages are declined: a heap that grows and shrinks by less gets
/// none.
fn page_fault_ns() -> Option<f64> {
    const PAGE: usize = 4096;
    const PAGES: usize = 1024;
    const GOES: usize = 5;
    let go = |_| {
        let (protection, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which nothing else has.
        let memory = unsafe { libc::mmap(ptr::null_mut(), PAGES * PAGE, protection, kind, -1, 0) };
        if memory == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: advice about the mapping made above.
        unsafe { libc::madvise(memory, PAGES * PAGE, libc::MADV_NOHUGEPAGE) };
        let began = Instant::now();
        for page in 0..PAGES {
            // SAFETY: within the mapping, which may be written to.
            unsafe { memory.cast::<u8>().add(page * PAGE).write_volatile(1) };
        }
        let took = began.elapsed();
        // SAFETY: the mapping made above, to which no pointer is left.
        unsafe { libc::munmap(memory, PAGES * PAGE) };
        Some(took.as_nanos() as f64 / PAGES as f64)
    };
    (0..GOES).filter_map(go).reduce(f64::min)
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn virtualization() -> Option<String> {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = information.lines().find(|line| line.starts_with("flags"))?;
    flags
        .split_whitespace()
        .any(|flag| flag == "hypervisor")
        .then(|| line("/sys/class/dmi/id/sys_vendor").unwrap_or_else(|| "a hypervisor".into()))
}

/// Processor time of the whole machine so far, in clock ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    stolen: u64,
    total: u64,
}

impl Ticks {
    /// Reads `/proc/stat`; `None` where there is none.
    pub(crate) fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// `cpu user nice system idle iowait irq softirq steal guest guest_nice`
    /// (proc(5)); guest time is part of user time.
    fn parse(stat: &str) -> Option<Self> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> =
            fields.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
        Some(Self { stolen: *ticks.get(7)?, total: ticks.iter().sum() })
    }

    /// Share of processor time stolen between `earlier` and now, where the
    /// system tells both.
    pub(crate) fn stolen_until_now(earlier: Option<Self>) -> Option<f64> {
        Self::read()?.stolen_since(earlier?)
    }

    fn stolen_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        Some(self.stolen.saturating_sub(earlier.stolen) as f64 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_share_of_all_processor_time() {
        let before = Ticks::parse("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1").expect("ticks");
        let after = Ticks::parse("cpu  40 0 20 130 0 0 0 10 5 0\n").expect("ticks");
        assert_eq!(after.stolen_since(before), Some(0.1));
        assert_eq!(after.stolen_since(after), None);
    }

    #[test]
    fn a_kernel_that_counts_no_steal_says_nothing() {
        assert!(Ticks::parse("cpu 1 2 3 4").is_none());
        assert!(Ticks::parse("").is_none());
    }
}
