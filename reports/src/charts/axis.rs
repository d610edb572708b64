//! Where values stand on a chart, and where its ticks do.

/// Values along the x axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    left: f64,
    right: f64,
    is_logarithmic: bool,
}

impl Axis {
    /// From 0 to `high`.
    pub(super) fn linear(high: f64, (left, right): (f64, f64)) -> Self {
        let high = if high > 0.0 { high } else { 1.0 };
        Self { low: 0.0, high, left, right, is_logarithmic: false }
    }

    /// From 0 to 1.
    pub(super) const fn share((left, right): (f64, f64)) -> Self {
        Self { low: 0.0, high: 1.0, left, right, is_logarithmic: false }
    }

    /// Logarithmic and somewhat wider than the range of `values`, of which
    /// those that are not positive are left out.
    pub(super) fn logarithmic(
        values: impl Iterator<Item = f64>,
        (left, right): (f64, f64),
    ) -> Self {
        let values = values.filter(|value| *value > 0.0);
        let (low, high) =
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 1.0) };
        let margin = (high / low).powf(0.04).max(1.02);
        Self { low: low / margin, high: high * margin, left, right, is_logarithmic: true }
    }

    /// Where `value` stands; at the edge if it is beyond.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.is_logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Round values, some five of them.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let decades = if self.is_logarithmic { self.decades() } else { Vec::new() };
        if decades.len() >= 3 { decades } else { self.even_steps() }
    }

    /// 1, 2 and 5 times powers of ten, or powers of ten alone where that
    /// would be too many.
    fn decades(&self) -> Vec<f64> {
        #[expect(clippy::cast_possible_truncation, reason = "exponents of nanoseconds")]
        let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let at = |factors: &'static [f64]| -> Vec<f64> {
            exponents
                .clone()
                .flat_map(|exponent| factors.iter().map(move |it| it * 10.0_f64.powi(exponent)))
                .filter(|tick| (self.low..=self.high).contains(tick))
                .collect()
        };
        let fine = at(&[1.0, 2.0, 5.0]);
        if fine.len() <= 7 { fine } else { at(&[1.0]) }
    }

    fn even_steps(&self) -> Vec<f64> {
        let raw = (self.high - self.low) / 5.0;
        let power = 10.0_f64.powf(raw.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| *step >= raw * 0.999).unwrap_or(raw);
        let first = (self.low / step).ceil();
        (0..12)
            .map(|position| (first + f64::from(position)) * step)
            .take_while(|tick| *tick <= self.high * 1.0001)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_few_and_within() {
        let across = (0.0, 100.0);
        assert_eq!(Axis::linear(3.1, across).ticks(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(Axis::linear(210.0, across).ticks(), [0.0, 50.0, 100.0, 150.0, 200.0]);
        let axis = Axis::logarithmic([1.0, 2.9, 60.0].into_iter(), across);
        assert_eq!(axis.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0]);
        let narrow = Axis::logarithmic([100.0, 104.0].into_iter(), across);
        assert_eq!(narrow.ticks(), [100.0, 102.0, 104.0, 106.0]);
        let wide = Axis::logarithmic([1.0, 1e9].into_iter(), across);
        assert!(wide.ticks().len() <= 11);
    }

    #[test]
    fn nothing_and_zero_still_make_an_axis() {
        for axis in [
            Axis::linear(0.0, (0.0, 1.0)),
            Axis::logarithmic([].into_iter(), (0.0, 1.0)),
            Axis::logarithmic([0.0].into_iter(), (0.0, 1.0)),
        ] {
            assert!(axis.at(0.0).is_finite() && axis.at(1e300).is_finite());
            assert!(axis.ticks().iter().all(|tick| tick.is_finite()));
        }
    }
}
