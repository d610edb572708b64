//! The normal distribution.

/// Chance of at most `value` under a normal distribution, by the
/// complementary error function (Press et al., "Numerical Recipes in C", 2nd
/// edition, 1992, section 6.2: relative error below 1.2e-7 everywhere).
pub(crate) fn normal_at_most(value: f64, mean: f64, variance: f64) -> f64 {
    const COEFFICIENTS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    if variance <= 0.0 {
        return if value >= mean { 1.0 } else { 0.0 };
    }
    let z = (value - mean) / (2.0 * variance).sqrt();
    let t = 1.0 / (1.0 + 0.5 * z.abs());
    let polynomial = COEFFICIENTS.iter().rev().fold(0.0, |sum, it| sum * t + it);
    let tail = 0.5 * t * (-z * z + polynomial).exp();
    if z >= 0.0 { 1.0 - tail } else { tail }
}

/// How many standard deviations from the middle have this chance of being
/// reached on either side.
pub(crate) fn two_sided_point(chance: f64) -> f64 {
    // Beyond 40 standard deviations the chance is no double any more.
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if 2.0 * normal_at_most(-middle, 0.0, 1.0) > chance { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_are_those_of_tables() {
        for (chance, point) in [(0.05, 1.959_964), (0.01, 2.575_829), (1e-4, 3.890_592)] {
            assert!((two_sided_point(chance) - point).abs() < 1e-5, "{chance}");
        }
        assert!((normal_at_most(3.0, 1.0, 4.0) - 0.841_344_7).abs() < 1e-6);
        assert!((normal_at_most(1.0, 1.0, 0.0) - 1.0).abs() < f64::EPSILON);
    }
}
