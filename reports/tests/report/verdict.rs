//! Verdicts of runs that were made up.

use std::sync::LazyLock;

use proptest::prelude::*;
use wasmfit_record::{Budgets, Case, Need, Price, Scenario};
use wasmfit_reports::analysis::{Analysis, CellState, Measured};
use wasmfit_reports::verdict::{Asked, Grade, Outcome, Verdict, judge};

use crate::analysis_of;
use crate::fixture::{Behaviour, Fixture, native, wasmtime};

/// Native, 50 µs; Wasmtime, 100 µs; 100 ms to start.
static PAIR: LazyLock<Analysis> = LazyLock::new(|| {
    let mut fixture = Fixture::new(6);
    fixture.workload("w");
    let case = Case { workload: "w".into(), batch: None };
    let behaviour = Behaviour { latency_ns: 50_000, infer_percent: 90, cold_ns: 100_000_000 };
    fixture.measure(&case, &native(), 400, behaviour);
    fixture.measure(&case, &wasmtime(), 400, Behaviour { latency_ns: 100_000, ..behaviour });
    analysis_of(&fixture)
});

static FULL: LazyLock<Analysis> = LazyLock::new(|| analysis_of(&Fixture::full()));

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times and sizes")]
fn whole(figure: f64) -> u64 {
    figure as u64
}

pub(crate) fn scenario(budgets: Budgets) -> Scenario {
    Scenario {
        name: "s".into(),
        title: String::new(),
        stands_for: String::new(),
        needs: Vec::new(),
        packages: Vec::new(),
        budgets,
        price: Some(Price {
            gigabyte_second: 1.6e-5,
            million_requests: 0.2,
            least_memory_bytes: 128 << 20,
        }),
    }
}

fn one(analysis: &Analysis, scenario: &Scenario) -> Verdict {
    judge(analysis, std::slice::from_ref(scenario)).remove(0)
}

fn outcome(verdict: &Verdict, asked: &Asked) -> Outcome {
    let requirements = &verdict.best.as_ref().unwrap().requirements;
    requirements.iter().find(|it| it.asked == *asked).unwrap().outcome
}

fn measured(analysis: &mut Analysis) -> impl Iterator<Item = &mut Measured> {
    let cases = analysis.workloads.iter_mut().flat_map(|it| &mut it.cases);
    let cells = cases.flat_map(|it| &mut it.cells).filter(|it| !it.target.is_native());
    cells.filter_map(|it| match &mut it.state {
        CellState::Measured(measured) => Some(&mut **measured),
        _ => None,
    })
}

#[test]
fn a_budget_decides_by_the_whole_interval() {
    let latency = {
        let mut analysis = PAIR.clone();
        measured(&mut analysis).next().unwrap().latency.clone().unwrap().median_ns
    };
    let interval = latency.interval.unwrap();
    assert!(interval.low < interval.high);
    let with = |limit: f64| {
        let p50_ns = Some(whole(limit));
        one(&PAIR, &scenario(Budgets { p50_ns, ..Budgets::default() }))
    };
    let above = with(interval.high + 1.0);
    assert_eq!((above.grade, outcome(&above, &Asked::P50)), (Grade::Strong, Outcome::Passed));
    assert!(above.reason.contains("every requirement is kept"), "{}", above.reason);
    let within = with(latency.value);
    assert_eq!(within.grade, Grade::Conditional, "{within:?}");
    assert_eq!(outcome(&within, &Asked::P50), Outcome::Undecided);
    let below = with(interval.low - 1.0);
    assert_eq!((below.grade, outcome(&below, &Asked::P50)), (Grade::Weak, Outcome::Failed));
    assert!(below.reason.contains("the budget of"), "{}", below.reason);
    assert!(below.alternative.unwrap().contains("interpreter"));
}

#[test]
fn nothing_asked_is_kept_and_what_wasi_withholds_fails() {
    let mut asked = scenario(Budgets::default());
    assert_eq!(one(&PAIR, &asked).grade, Grade::Strong);
    for (need, grade) in [
        (Need::Isolation, Grade::Strong),
        (Need::Portability, Grade::Strong),
        (Need::Filesystem, Grade::Strong),
        (Need::Browser, Grade::NotAssessable),
        (Need::Gpu, Grade::Weak),
        (Need::Threads, Grade::Weak),
        (Need::Network, Grade::Weak),
    ] {
        asked.needs = vec![need];
        assert_eq!(one(&PAIR, &asked).grade, grade, "{need:?}");
    }
}

#[test]
fn a_failed_workload_is_weak_with_its_failure_as_the_reason() {
    let verdicts = judge(&FULL, &[scenario(Budgets::default())]);
    let failed = verdicts.iter().find(|it| it.workload == "wordpiece").unwrap();
    assert_eq!(failed.grade, Grade::Weak);
    assert!(failed.reason.starts_with("It does not run on wasmtime/cranelift@cpython-3.15"));
    assert_eq!(verdicts.len(), FULL.workloads.len());
}

#[test]
fn what_holds_for_some_batch_sizes_only_is_conditional_and_names_them() {
    let p50 = |analysis: &Analysis, batch| {
        let case = analysis.cases().find(|it| it.case.batch == Some(batch)).unwrap();
        let latency = case.cell(&wasmtime()).unwrap().measured().unwrap().latency.clone();
        latency.unwrap().median_ns.value
    };
    let limit = f64::midpoint(p50(&FULL, 1), p50(&FULL, 64));
    let p50_ns = Some(whole(limit));
    let verdicts = judge(&FULL, &[scenario(Budgets { p50_ns, ..Budgets::default() })]);
    let found = verdicts.iter().find(|it| it.workload == "digits-mlp-numpy").unwrap();
    assert_eq!(found.grade, Grade::Conditional);
    let condition = "holds for digits-mlp-numpy/batch-1, not for digits-mlp-numpy/batch-64";
    assert_eq!(found.conditions, [condition]);
}

#[test]
fn a_start_that_needs_a_snapshot_says_so() {
    let mut analysis = PAIR.clone();
    let cold = &mut measured(&mut analysis).next().unwrap().cold_starts;
    let of = |start| cold.iter().find(|it| it.start == start).unwrap().total_ns.value;
    let (plain, snapshot) =
        (of(wasmfit_protocol::Start::Plain), of(wasmfit_protocol::Start::Snapshot));
    assert!(plain > 1.2 * snapshot, "{plain} {snapshot}");
    let cold_start_ns = Some(whole(f64::midpoint(plain, snapshot)));
    let found = one(&PAIR, &scenario(Budgets { cold_start_ns, ..Budgets::default() }));
    assert_eq!(found.grade, Grade::Conditional, "{found:?}");
    assert_eq!(found.conditions, ["needs a snapshot of the initialised interpreter"]);
}

/// Budgets around what the fixture takes, each there or not.
fn budgets() -> impl Strategy<Value = Budgets> {
    let some = |range: std::ops::Range<u64>| proptest::option::of(range);
    (
        some(50_000..200_000),
        some(50_000..200_000),
        some(20_000_000..300_000_000),
        some(10_000_000..200_000_000),
        some(10_000_000..200_000_000),
        some(50_000_000..300_000_000),
        proptest::option::of(0.5..5.0),
        proptest::option::of(0.1..1.0),
    )
        .prop_map(|(p50, p99, cold, size, compressed, memory, slowdown, cost)| Budgets {
            p50_ns: p50,
            p99_ns: p99,
            cold_start_ns: cold,
            size_bytes: size,
            compressed_bytes: compressed,
            memory_bytes: memory,
            slowdown,
            cost_per_million: cost,
        })
}

fn scaled(budgets: Budgets, by: f64) -> Budgets {
    let scale = |it: Option<u64>| it.map(|it| whole(it as f64 * by));
    Budgets {
        p50_ns: scale(budgets.p50_ns),
        p99_ns: scale(budgets.p99_ns),
        cold_start_ns: scale(budgets.cold_start_ns),
        size_bytes: scale(budgets.size_bytes),
        compressed_bytes: scale(budgets.compressed_bytes),
        memory_bytes: scale(budgets.memory_bytes),
        slowdown: budgets.slowdown.map(|it| it * by),
        cost_per_million: budgets.cost_per_million.map(|it| it * by),
    }
}

/// Every figure of the targets, times `by`.
fn improved(analysis: &Analysis, by: f64) -> Analysis {
    let mut analysis = analysis.clone();
    let estimate = |it: &mut wasmfit_reports::Estimate| {
        it.value *= by;
        if let Some(interval) = &mut it.interval {
            interval.low *= by;
            interval.high *= by;
        }
    };
    for found in measured(&mut analysis) {
        if let Some(latency) = &mut found.latency {
            estimate(&mut latency.median_ns);
            latency.p99_ns = latency.p99_ns.map(|it| it * by);
            if let Some(interval) = &mut latency.p99_interval {
                interval.low *= by;
                interval.high *= by;
            }
        }
        if let Some(ratio) = &mut found.ratio {
            estimate(&mut ratio.times_native);
        }
        found.cold_starts.iter_mut().for_each(|it| estimate(&mut it.total_ns));
        for footprint in &mut found.footprints {
            footprint.peak_resident_bytes =
                footprint.peak_resident_bytes.map(|it| whole(it as f64 * by));
        }
    }
    analysis
}

proptest! {
    #[test]
    fn a_tighter_budget_never_improves_a_verdict(budgets in budgets(), by in 0.1..1.0) {
        for analysis in [&*PAIR, &*FULL] {
            let loose = judge(analysis, &[scenario(budgets)]);
            let tight = judge(analysis, &[scenario(scaled(budgets, by))]);
            for (loose, tight) in loose.iter().zip(&tight) {
                prop_assert!(tight.grade >= loose.grade, "{loose:?}\n{tight:?}");
            }
        }
    }

    #[test]
    fn better_evidence_never_worsens_a_verdict(budgets in budgets(), by in 0.1..1.0) {
        for analysis in [&*PAIR, &*FULL] {
            let before = judge(analysis, &[scenario(budgets)]);
            let after = judge(&improved(analysis, by), &[scenario(budgets)]);
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(after.grade <= before.grade, "{before:?}\n{after:?}");
            }
        }
    }

    #[test]
    fn the_unknown_never_counts_as_kept(budgets in budgets(), lost in 0..4) {
        let mut analysis = improved(&PAIR, 0.001);
        let asked = match lost {
            0 => {
                measured(&mut analysis).for_each(|it| it.latency = None);
                budgets.p50_ns.is_some() || budgets.p99_ns.is_some() || budgets.cost_per_million.is_some()
            }
            1 => {
                measured(&mut analysis).for_each(|it| it.cold_starts.clear());
                budgets.cold_start_ns.is_some()
            }
            2 => {
                measured(&mut analysis).for_each(|it| it.ratio = None);
                budgets.slowdown.is_some()
            }
            _ => {
                measured(&mut analysis).for_each(|it| it.footprints.clear());
                budgets.memory_bytes.is_some() || budgets.cost_per_million.is_some()
            }
        };
        let grade = one(&analysis, &scenario(budgets)).grade;
        if asked {
            prop_assert!(matches!(grade, Grade::NotAssessable | Grade::Weak), "{grade:?}");
        }
    }
}
