//! When latency has settled.
//!
//! Warming up makes requests faster: caches fill, the interpreter specializes
//! its bytecode. So latency has settled when it no longer improves. That it
//! also gets slower at times is the machine's doing, on a shared one all the
//! time, and no reason to wait.

/// Windows in a row that must not improve.
const WINDOWS: usize = 3;

/// What counts as an improvement, relative to the best window before. Below
/// a few percent, neighbouring windows differ for no reason at all.
const IMPROVEMENT: f64 = 0.03;

/// Watches the medians of successive warm-up windows.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// The lowest median so far, ns.
    best_ns: Option<u64>,
    /// Windows since the last improvement.
    unimproved: usize,
}

impl Settling {
    /// Adds a window's wall times. An empty window says nothing.
    pub(crate) fn add(&mut self, mut window: Vec<u64>) {
        if window.is_empty() {
            return;
        }
        let middle = window.len() / 2;
        let (_, median_ns, _) = window.select_nth_unstable(middle);
        let median_ns = *median_ns;
        let improves = |best: u64| (median_ns as f64) < best as f64 * (1.0 - IMPROVEMENT);
        match self.best_ns {
            Some(best) if !improves(best) => self.unimproved += 1,
            _ => self.unimproved = 0,
        }
        self.best_ns = Some(self.best_ns.map_or(median_ns, |best| best.min(median_ns)));
    }

    /// Whether the last windows brought no improvement.
    pub(crate) fn is_settled(&self) -> bool {
        self.unimproved >= WINDOWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(medians: &[u64]) -> bool {
        let mut settling = Settling::default();
        for median in medians {
            settling.add(vec![*median, 1, *median, *median, u64::MAX]);
        }
        settling.is_settled()
    }

    #[test]
    fn settles_once_three_windows_bring_no_improvement() {
        assert!(!settled(&[]));
        assert!(!settled(&[100, 100, 100]));
        assert!(settled(&[100, 100, 100, 100]));
        assert!(settled(&[900, 300, 100, 103, 99, 98]));
    }

    #[test]
    fn whatever_still_improves_has_not_settled() {
        assert!(!settled(&[900, 300, 100, 101, 90, 90]));
        assert!(!settled(&[1000, 960, 920, 880, 840, 800, 760]));
    }

    #[test]
    fn a_machine_that_slows_down_is_not_waited_for() {
        assert!(settled(&[100, 130, 190, 120]));
    }

    #[test]
    fn empty_windows_say_nothing() {
        let mut settling = Settling::default();
        for _ in 0..5 {
            settling.add(Vec::new());
        }
        assert!(!settling.is_settled());
    }
}
