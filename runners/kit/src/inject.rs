//! Slow-downs on purpose, to see whether a comparison would find them.

use wasmfit_protocol::{Injection, InjectionPlace, monotonic_ns};

/// What a job's requests are slowed down by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlowDown(Option<Injection>);

impl SlowDown {
    pub(crate) const fn new(injection: Option<Injection>) -> Self {
        Self(injection)
    }

    /// Lengthens what took `took_ns` and has ended just now, at `now_ns`, by
    /// staying on the processor; says when that is over.
    pub(crate) fn lengthen(self, place: InjectionPlace, took_ns: u64, now_ns: u64) -> u64 {
        let Some(injection) = self.0.filter(|it| it.place == place) else { return now_ns };
        let until_ns = now_ns + took_ns * u64::from(injection.permille) / 1000;
        loop {
            let now_ns = monotonic_ns();
            if now_ns >= until_ns {
                return now_ns;
            }
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_added_where_it_is_asked_for() {
        let injection = Injection { place: InjectionPlace::Runtime, permille: 50 };
        let slow = SlowDown::new(Some(injection));
        let now_ns = monotonic_ns();
        assert!(slow.lengthen(InjectionPlace::Runtime, 1_000_000, now_ns) >= now_ns + 50_000);
        assert_eq!(slow.lengthen(InjectionPlace::Boundary, 1_000_000, 7), 7);
        assert_eq!(SlowDown::new(None).lengthen(InjectionPlace::Runtime, 1_000_000, 7), 7);
    }
}
