//! How quiet the machine is while something runs: what the hypervisor, other
//! processes and throttling take of it.

use std::fs;
use std::path::{Path, PathBuf};

/// What was taken while something ran. Each is `None` where the system does
/// not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Disturbance {
    /// Share of the machine's processor time that the hypervisor gave to
    /// others.
    pub(crate) steal: Option<f64>,
    /// Share of it that processes other than this one and its children took.
    pub(crate) others: Option<f64>,
    /// Times that a processor was slowed down for heat, or this process's
    /// control group stopped for having used up its share.
    pub(crate) throttled: Option<u64>,
}

/// What the counters say at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    ticks: Option<Ticks>,
    own_ticks: f64,
    throttled: Option<u64>,
}

impl Watch {
    /// Reads the counters.
    pub(crate) fn begin() -> Self {
        let ticks = fs::read_to_string("/proc/stat").ok();
        Self {
            ticks: ticks.and_then(|stat| Ticks::parse(&stat)),
            own_ticks: own_ticks(),
            throttled: throttled(),
        }
    }

    /// What was taken until now. Children must have been waited for to count
    /// as own.
    pub(crate) fn end(self) -> Disturbance {
        let now = Self::begin();
        let ticks = now.ticks.zip(self.ticks);
        let own = now.own_ticks - self.own_ticks;
        let throttled = now.throttled.zip(self.throttled);
        Disturbance {
            steal: ticks.and_then(|(now, before)| now.stolen_since(before)),
            others: ticks.and_then(|(now, before)| now.others_since(before, own)),
            throttled: throttled.map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

/// Processor time of the whole machine so far, in clock ticks.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    stolen: u64,
    idle: u64,
    total: u64,
}

impl Ticks {
    /// `cpu user nice system idle iowait irq softirq steal guest guest_nice`
    /// (proc(5)); guest time is part of user time.
    fn parse(stat: &str) -> Option<Self> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> =
            fields.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
        let idle = ticks.get(3)? + ticks.get(4)?;
        Some(Self { stolen: *ticks.get(7)?, idle, total: ticks.iter().sum() })
    }

    fn total_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        Some(total as f64)
    }

    fn stolen_since(self, earlier: Self) -> Option<f64> {
        let total = self.total_since(earlier)?;
        Some(self.stolen.saturating_sub(earlier.stolen) as f64 / total)
    }

    /// `own` is in ticks too.
    fn others_since(self, earlier: Self, own: f64) -> Option<f64> {
        let total = self.total_since(earlier)?;
        let idle = self.idle.saturating_sub(earlier.idle) as f64;
        let stolen = self.stolen.saturating_sub(earlier.stolen) as f64;
        Some(((total - idle - stolen - own) / total).max(0.0))
    }
}

/// Processor time of this process and of its children that have ended, in
/// clock ticks.
fn own_ticks() -> f64 {
    // SAFETY: asks for a constant of the system.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let seconds = [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN].map(|who| {
        // SAFETY: a zeroed rusage is valid, and `getrusage` writes to it.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: `usage` is a valid rusage to write to.
        unsafe { libc::getrusage(who, &raw mut usage) };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    });
    seconds.iter().sum::<f64>() * per_second as f64
}

/// Thermal events of all processors, and the times that the control group was
/// throttled; `None` where neither is told.
fn throttled() -> Option<u64> {
    let processors = fs::read_dir("/sys/devices/system/cpu").into_iter().flatten().flatten();
    let thermal = processors.filter_map(|it| {
        let path = it.path().join("thermal_throttle/core_throttle_count");
        fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()
    });
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let stopped = stat_files(&group).find_map(|path| {
        let stat = fs::read_to_string(path).ok()?;
        stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.parse::<u64>().ok())
    });
    thermal.chain(stopped).reduce(u64::saturating_add)
}

/// Where the processor statistics of a process's control group may be, by its
/// `/proc/self/cgroup` (cgroups(7)): of version 2, then of version 1; each as
/// the host sees it, and as a container does.
fn stat_files(group: &str) -> impl Iterator<Item = PathBuf> {
    let path_of = |is_it: fn(&str) -> bool| {
        let mut lines = group.lines().filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            is_it(controllers).then(|| path.trim_start_matches('/').to_owned())
        });
        lines.next()
    };
    let second = path_of(str::is_empty);
    let first = path_of(|it| it.split(',').any(|controller| controller == "cpu"));
    let of = |root: &'static str, path: Option<String>| {
        let own = path.map(|path| Path::new(root).join(path).join("cpu.stat"));
        own.into_iter().chain([Path::new(root).join("cpu.stat")])
    };
    of("/sys/fs/cgroup", second).chain(of("/sys/fs/cgroup/cpu", first))
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
    fn others_took_what_was_neither_idle_nor_stolen_nor_own() {
        let before = Ticks::parse("cpu  0 0 0 0 0 0 0 0").expect("ticks");
        let after = Ticks::parse("cpu  60 0 10 15 5 0 0 10").expect("ticks");
        assert_eq!(after.others_since(before, 50.0), Some(0.2));
        // Counters are read one after the other.
        assert_eq!(after.others_since(before, 75.0), Some(0.0));
    }

    #[test]
    fn a_kernel_that_counts_no_steal_says_nothing() {
        assert!(Ticks::parse("cpu 1 2 3 4").is_none());
        assert!(Ticks::parse("").is_none());
    }

    #[test]
    fn the_statistics_of_a_control_group_are_looked_for_where_they_may_be() {
        let files: Vec<_> = stat_files("4:cpu,cpuacct:/a/b\n0::/c\n").collect();
        let expected = [
            "/sys/fs/cgroup/c/cpu.stat",
            "/sys/fs/cgroup/cpu.stat",
            "/sys/fs/cgroup/cpu/a/b/cpu.stat",
            "/sys/fs/cgroup/cpu/cpu.stat",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }
}
