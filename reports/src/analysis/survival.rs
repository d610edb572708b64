//! What survives the move: the cost classes of a case natively and on a
//! target, and by how much each is slower there.

use serde::{Deserialize, Serialize};
use wasmfit_record::{Case, Target};

use super::attribution::{Attributed, Attribution, CostClass};
use super::{CaseAnalysis, CellAnalysis, WorkloadAnalysis, distinct};
use crate::statistics::{Estimate, Interval, median};

/// The classes that are compared. What is system on one side may be computed
/// or interpreted on the other.
const COMPARED: [CostClass; 3] =
    [CostClass::Interpreter, CostClass::Compute, CostClass::Marshalling];

/// A class with less than this of native's time has too few samples for a
/// factor.
pub(crate) const LEAST_SHARE: f64 = 0.02;

/// A class counts for a runtime's tax where it has this much of native's time.
const LEAST_SHARE_OF_TAX: f64 = 0.1;

/// A case on a target beside native.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Survival {
    /// The case.
    pub case: Case,
    /// The target.
    pub target: Target,
    /// The class with the largest share natively.
    pub dominant_native: CostClass,
    /// The same on the target.
    pub dominant: CostClass,
    /// Interpreter, compute and marshalling.
    pub classes: Vec<ClassMove>,
}

/// A class natively and on a target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassMove {
    /// The class.
    pub class: CostClass,
    /// Its share of a request natively.
    pub native_share: f64,
    /// Its share on the target.
    pub share: f64,
    /// Its time on the target over its time natively; none where it has next
    /// to nothing of native's. The interval combines the ends of both shares
    /// and of the ratio: it holds at least as often as they do.
    pub times_native: Option<Estimate>,
}

/// What a runtime adds to a class, over the cases in which the class matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tax {
    /// The target.
    pub target: Target,
    /// The class.
    pub class: CostClass,
    /// Median factor.
    pub times_native: f64,
    /// Smallest factor of a case.
    pub smallest: f64,
    /// Largest factor of a case.
    pub largest: f64,
    /// Cases in which the class has a tenth of native's time at least.
    pub cases: u32,
}

/// Every case on every target that was profiled on both sides.
pub(super) fn of(workloads: &[WorkloadAnalysis]) -> Vec<Survival> {
    let cases = workloads.iter().flat_map(|workload| &workload.cases);
    cases.flat_map(|case| case.cells.iter().filter_map(|cell| of_cell(case, cell))).collect()
}

/// What each runtime adds to each class.
pub(super) fn taxes(survivals: &[Survival]) -> Vec<Tax> {
    let targets = distinct(survivals.iter().map(|it| &it.target));
    let tax = |(target, class): (&Target, CostClass)| {
        let moves = survivals.iter().filter(|it| it.target == *target).flat_map(|it| &it.classes);
        let factors: Vec<f64> = moves
            .filter(|it| it.class == class && it.native_share >= LEAST_SHARE_OF_TAX)
            .filter_map(|it| Some(it.times_native?.value))
            .collect();
        Some(Tax {
            target: target.clone(),
            class,
            smallest: factors.iter().copied().reduce(f64::min)?,
            largest: factors.iter().copied().reduce(f64::max)?,
            cases: u32::try_from(factors.len()).unwrap_or(u32::MAX),
            times_native: median(factors)?,
        })
    };
    let pairs = targets.into_iter().flat_map(|target| COMPARED.map(|class| (target, class)));
    pairs.filter_map(tax).collect()
}

fn of_cell(case: &CaseAnalysis, cell: &CellAnalysis) -> Option<Survival> {
    if cell.target.is_native() {
        return None;
    }
    let measured = cell.measured()?;
    let (here, native) = (assessed(&measured.attribution)?, assessed(&case.native()?.attribution)?);
    let ratio = measured.ratio?.times_native;
    let classes = COMPARED.into_iter().filter_map(|class| {
        let (share, native_share) = (here.cost(class)?.share, native.cost(class)?.share);
        let times_native = (native_share.value >= LEAST_SHARE)
            .then(|| factor(ratio, share, native_share))
            .flatten();
        Some(ClassMove {
            class,
            native_share: native_share.value,
            share: share.value,
            times_native,
        })
    });
    Some(Survival {
        case: case.case.clone(),
        target: cell.target.clone(),
        dominant_native: native.dominant()?.class,
        dominant: here.dominant()?.class,
        classes: classes.collect(),
    })
}

pub(crate) fn assessed(attributed: &Attributed) -> Option<&Attribution> {
    match attributed {
        Attributed::Assessed(attribution) => Some(attribution),
        Attributed::NotAssessable(_) => None,
    }
}

/// `ratio * share / native`, with the ends of all three.
pub(crate) fn factor(ratio: Estimate, share: Estimate, native: Estimate) -> Option<Estimate> {
    let ends = |of: Estimate| of.interval.map_or((of.value, of.value), |it| (it.low, it.high));
    let ((r_low, r_high), (s_low, s_high), (n_low, n_high)) =
        (ends(ratio), ends(share), ends(native));
    if native.value <= 0.0 || n_low <= 0.0 {
        return None;
    }
    let confidence = ratio.interval.map(|it| it.confidence);
    Some(Estimate {
        value: ratio.value * share.value / native.value,
        interval: confidence.map(|confidence| Interval {
            low: r_low * s_low / n_high,
            high: r_high * s_high / n_low,
            confidence,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate { value, interval: Some(Interval { low, high, confidence: 0.95 }) }
    }

    #[test]
    fn a_factor_is_the_ratio_of_times() {
        let found =
            factor(estimate(2.0, 1.9, 2.1), estimate(0.8, 0.78, 0.82), estimate(0.4, 0.38, 0.42));
        let found = found.expect("a factor");
        assert!((found.value - 4.0).abs() < 1e-12);
        let interval = found.interval.expect("an interval");
        assert!((interval.low - 1.9 * 0.78 / 0.42).abs() < 1e-12);
        assert!((interval.high - 2.1 * 0.82 / 0.38).abs() < 1e-12);
    }

    #[test]
    fn nothing_natively_has_no_factor() {
        let ratio = estimate(2.0, 1.9, 2.1);
        assert_eq!(factor(ratio, estimate(0.1, 0.0, 0.2), estimate(0.0, 0.0, 0.1)), None);
    }
}
