//! What limits cost, in runs that were made up.

use std::sync::LazyLock;

use wasmfit_record::{Budgets, Case, CellOutcome, Target};
use wasmfit_reports::analysis::{Analysis, Comparison, LimitCost, LimitKind};
use wasmfit_reports::summary;
use wasmfit_reports::verdict::judge;

use crate::fixture::{Behaviour, Fixture, native};
use crate::verdict::scenario;
use crate::{analysis_of, files_of};

/// Latencies of targets, in microseconds.
const TARGETS: [(&str, u64); 6] = [
    ("wasmtime/cranelift@cpython-3.15", 100),
    ("wasmtime/cranelift-fuel@cpython-3.15", 150),
    ("wasmtime/cranelift-epoch@cpython-3.15", 100),
    ("wasmtime/cranelift-unlimited@cpython-3.15", 80),
    ("wasmer/cranelift@cpython-3.15", 120),
    ("wasmer/cranelift-metering@cpython-3.15", 240),
];

static LIMITED: LazyLock<Analysis> = LazyLock::new(|| analysis_of(&of(&TARGETS, &["w"])));

fn target(name: &str) -> Target {
    name.parse().unwrap()
}

fn of(targets: &[(&str, u64)], workloads: &[&str]) -> Fixture {
    let mut fixture = Fixture::new(6);
    for workload in workloads {
        fixture.workload(workload);
        let case = Case { workload: (*workload).into(), batch: None };
        let behaviour = Behaviour { latency_ns: 50_000, infer_percent: 90, cold_ns: 100_000_000 };
        fixture.measure(&case, &native(), 100, behaviour);
        for (name, microseconds) in targets {
            let behaviour = Behaviour { latency_ns: microseconds * 1000, ..behaviour };
            fixture.measure(&case, &target(name), 100, behaviour);
        }
    }
    fixture
}

fn cost<'a>(analysis: &'a Analysis, of: &str) -> &'a LimitCost {
    analysis.limits.iter().find(|it| it.target == target(of)).unwrap()
}

#[test]
fn a_limit_costs_what_its_tier_takes_over_the_one_without() {
    assert_eq!(LIMITED.limits.len(), 4);
    for (name, base, kind, expected) in [
        (TARGETS[1].0, TARGETS[0].0, LimitKind::Budget, 1.5),
        (TARGETS[2].0, TARGETS[0].0, LimitKind::Deadline, 1.0),
        (TARGETS[3].0, TARGETS[0].0, LimitKind::NoMemoryLimit, 0.8),
        (TARGETS[5].0, TARGETS[4].0, LimitKind::Budget, 2.0),
    ] {
        let found = cost(&LIMITED, name);
        assert_eq!((&found.base, found.kind, found.rounds), (&target(base), kind, 6));
        assert!((found.times_base.value - expected).abs() < 0.05, "{found:?}");
        let cpu = found.cpu_times_base.unwrap();
        assert!((cpu.value - found.times_base.value).abs() < 0.01, "{found:?}");
        let interval = found.times_base.interval.unwrap();
        assert!(interval.contains(found.times_base.value) && interval.high - interval.low < 0.1);
    }
    assert_eq!(cost(&LIMITED, TARGETS[1].0).comparison, Comparison::Slower);
    assert_eq!(cost(&LIMITED, TARGETS[2].0).comparison, Comparison::NoDifferenceShown);
}

#[test]
fn every_format_tells_what_limits_cost() {
    let fixture = of(&TARGETS, &["w"]);
    let (html, markdown) = files_of(&fixture);
    assert!(html.contains(r#"<h2 id="limits">What limits cost</h2>"#));
    assert!(summary(&LIMITED).contains("what limits cost"));
    let section = markdown.split("## ").find(|it| it.starts_with("What limits cost")).unwrap();
    insta::assert_snapshot!("limits", section.trim_end());
}

#[test]
fn many_cases_stand_in_rows() {
    let names: Vec<String> = (0..9).map(|it| format!("w{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_, markdown) = files_of(&of(&TARGETS[..2], &names));
    let section = markdown.split("## ").find(|it| it.starts_with("What limits cost")).unwrap();
    assert!(section.contains("| case | wasmtime/cranelift-fuel@cpython-3.15 |"), "{section}");
    assert!(section.contains("| w8 | 1.5"), "{section}");
}

#[test]
fn a_limit_without_its_counterpart_has_no_cost() {
    let alone = analysis_of(&of(&[TARGETS[0], TARGETS[5]], &["w"]));
    assert!(alone.limits.is_empty());
    let (html, markdown) = files_of(&of(&TARGETS[..1], &["w"]));
    assert!(!html.contains("What limits cost") && !markdown.contains("What limits cost"));
    let mut fixture = of(&TARGETS[..2], &["w"]);
    fixture.run.cells[1].outcome = CellOutcome::Pending;
    assert!(analysis_of(&fixture).limits.is_empty());
}

#[test]
fn targets_with_a_limit_take_no_part_where_others_have_none() {
    let case = &LIMITED.workloads[0].cases[0];
    let leading = case.leading("cpython-3.15").unwrap();
    assert_eq!((leading.compared, &leading.fastest[..]), (2, &[target(TARGETS[0].0)][..]));
    // Without the memory limit it is faster, and would keep this budget.
    let tight = scenario(Budgets { p50_ns: Some(90_000), ..Budgets::default() });
    let verdict = judge(&LIMITED, &[tight]).remove(0);
    assert_eq!(verdict.best.unwrap().target, target(TARGETS[0].0));
}

#[test]
fn targets_with_a_limit_are_judged_where_all_have_one() {
    let analysis = analysis_of(&of(&[TARGETS[1], TARGETS[5]], &["w"]));
    let leading = analysis.workloads[0].cases[0].leading("cpython-3.15").unwrap();
    assert_eq!((leading.compared, &leading.fastest[..]), (2, &[target(TARGETS[1].0)][..]));
    let verdict = judge(&analysis, &[scenario(Budgets::default())]).remove(0);
    assert_eq!(verdict.best.unwrap().target, target(TARGETS[1].0));
}
