//! What machine this is.

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
