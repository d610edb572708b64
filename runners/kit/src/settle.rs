//! When latency has settled.

/// Windows that must agree.
const WINDOWS: usize = 3;

/// Largest spread of their medians, relative to the least. Shared machines
/// move by a few percent within a second; a tighter rule would never hold
/// there, a looser one would take a warming cache for a warm one.
const SPREAD: f64 = 0.05;

/// Watches the medians of successive warm-up windows.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    medians: Vec<u64>,
}

impl Settling {
    /// Adds a window's wall times. An empty window says nothing.
    pub(crate) fn add(&mut self, mut window: Vec<u64>) {
        if window.is_empty() {
            return;
        }
        let middle = window.len() / 2;
        let (_, median, _) = window.select_nth_unstable(middle);
        self.medians.push(*median);
    }

    /// Whether the last windows agree.
    pub(crate) fn is_settled(&self) -> bool {
        let Some(recent) = self.medians.last_chunk::<WINDOWS>() else {
            return false;
        };
        let (least, most) =
            recent.iter().fold((u64::MAX, 0), |(a, b), median| (a.min(*median), b.max(*median)));
        (most - least) as f64 <= SPREAD * least as f64
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
    fn settles_once_three_windows_agree() {
        assert!(!settled(&[]));
        assert!(!settled(&[100, 100]));
        assert!(settled(&[100, 103, 101]));
        assert!(settled(&[900, 300, 100, 103, 101]));
        assert!(!settled(&[100, 100, 100, 106]));
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
