//! Two runs compared.

use proptest::prelude::*;
use wasmfit_protocol::{Injection, InjectionPlace, Start};
use wasmfit_record::{Budgets, CellOutcome, Session, Side, UntilDecided};
use wasmfit_reports::Analysis;
use wasmfit_reports::analysis::CostClass;
use wasmfit_reports::comparison::{
    By, CellState, Change, Changes, Comparison, ComparisonError, Difference, Finding, Measure,
    Open, OutputChange, Terms, WorkloadPart, compare, github, junit, markdown, text,
};

use crate::fixture::{Behaviour, Fixture, HOSTILE, native, wasmtime};
use crate::{BEHAVIOUR, analysis_of, case};

const TERMS: Terms = Terms { least_effect: 0.03, across_machines: false };

/// One workload natively and in Wasmtime, of which a request takes so long.
fn run(seed: u64, native_ns: u64, wasmtime_ns: u64) -> Fixture {
    let mut fixture = Fixture::new(31);
    fixture.reseed(seed);
    fixture.workload("w");
    let takes = |latency_ns| Behaviour { latency_ns, ..BEHAVIOUR };
    fixture.measure(&case(), &native(), 60, takes(native_ns));
    fixture.measure(&case(), &wasmtime(), 60, takes(wasmtime_ns));
    fixture
}

/// Drops what was launched after the first `rounds`.
fn keep_rounds(fixture: &mut Fixture, rounds: u32) {
    fixture.run.launches.retain(|launch| launch.planned.round < rounds);
    let kept: Vec<u32> = fixture.run.launches.iter().map(|launch| launch.id).collect();
    fixture.samples.retain(|(id, _)| kept.contains(id));
    fixture.profiles.retain(|row| kept.contains(&row.launch));
}

/// Both as measured in turn.
fn in_turn(mut base: Fixture, mut new: Fixture) -> Comparison {
    for (fixture, side) in [(&mut base, Side::Base), (&mut new, Side::New)] {
        fixture.run.session = Some(Session { id: "one".into(), side });
    }
    compare(&analysis_of(&base), &analysis_of(&new), &TERMS).unwrap()
}

/// Both as measured one after the other.
fn apart(base: &Fixture, new: &Fixture) -> Comparison {
    compare(&analysis_of(base), &analysis_of(new), &TERMS).unwrap()
}

fn changes(comparison: &Comparison, position: usize) -> &Changes {
    match &comparison.cells[position].state {
        CellState::Compared(changes) => changes,
        other => panic!("{other:?}"),
    }
}

fn latency(comparison: &Comparison, position: usize) -> &Change {
    changes(comparison, position).of(Measure::Latency).unwrap()
}

#[test]
fn what_is_exported_reads_back_as_it_was() {
    let analysis = analysis_of(&Fixture::full());
    let text = serde_json::to_string(&analysis).unwrap();
    assert_eq!(serde_json::from_str::<Analysis>(&text).unwrap(), analysis);
}

#[test]
fn equal_versions_in_turn_are_unchanged() {
    let compared = in_turn(run(1, 50_000, 150_000), run(2, 50_000, 150_000));
    for position in 0..2 {
        let change = latency(&compared, position);
        assert_eq!((change.finding, change.by), (Finding::Unchanged, By::Pairs), "{change:?}");
        assert!(change.is_settled);
    }
    assert!(!compared.has_regressions() && !compared.has_other_outputs());
    assert!(compared.undecided().is_empty());
    assert!(markdown(&compared).starts_with("## wasmfit: 2 cells unchanged\n"));
}

#[test]
fn a_slower_version_is_found_with_the_class_that_it_was() {
    let mut new = Fixture::new(31);
    new.reseed(2);
    new.workload("w");
    new.measure(&case(), &native(), 60, BEHAVIOUR);
    // All of it in marshalling.
    let slower = Behaviour { latency_ns: 165_000, infer_percent: 82, ..BEHAVIOUR };
    new.measure(&case(), &wasmtime(), 60, slower);
    let compared = in_turn(run(1, 50_000, 150_000), new);
    assert_eq!(latency(&compared, 0).finding, Finding::Unchanged);
    let change = latency(&compared, 1);
    assert_eq!(change.finding, Finding::Worse);
    assert!((change.ratio.value - 1.1).abs() < 0.02, "{change:?}");
    let shown = |class| {
        let of_class = changes(&compared, 1).classes.iter().find(|it| it.class == class);
        of_class.is_some_and(|it| it.is_shown)
    };
    assert!(shown(CostClass::Marshalling), "{:?}", changes(&compared, 1).classes);
    assert!(!shown(CostClass::Interpreter));
    assert!(compared.has_regressions());
    let told = text(&compared);
    assert!(told.contains("1 cell slower, 1 cell unchanged"), "{told}");
    let faster = in_turn(run(1, 50_000, 165_000), run(2, 50_000, 150_000));
    assert_eq!(latency(&faster, 1).finding, Finding::Better);
    assert!(!faster.has_regressions());
}

#[test]
fn a_machine_that_is_slower_on_another_day_is_no_slower_version() {
    let (base, new) = (run(1, 50_000, 150_000), run(2, 58_000, 174_000));
    let compared = apart(&base, &new);
    let reason = Open::NothingToHoldItTo;
    assert_eq!(latency(&compared, 0).finding, Finding::Inconclusive { reason });
    assert!(compared.undecided().is_empty(), "the guest is decided, and native never will be");
    let change = latency(&compared, 1);
    assert_eq!((change.finding, change.by), (Finding::Unchanged, By::Native), "{change:?}");
    // Measured in turn, it would be the version.
    let compared = in_turn(base, new);
    assert_eq!(latency(&compared, 0).finding, Finding::Worse);
    assert_eq!(latency(&compared, 1).finding, Finding::Worse);
}

#[test]
fn a_workload_that_takes_far_longer_everywhere_is_found_on_another_day_too() {
    let compared = apart(&run(1, 50_000, 150_000), &run(2, 75_000, 225_000));
    assert_eq!(latency(&compared, 0).finding, Finding::Worse);
    assert_eq!(latency(&compared, 1).finding, Finding::Unchanged);
    assert!(compared.has_regressions());
}

#[test]
fn a_slower_guest_is_found_on_another_day_too() {
    let mut new = Fixture::new(31);
    new.reseed(2);
    new.workload("w");
    new.measure(&case(), &native(), 60, Behaviour { latency_ns: 58_000, ..BEHAVIOUR });
    let slower = Behaviour { latency_ns: 200_000, cold_ns: 3 * BEHAVIOUR.cold_ns, ..BEHAVIOUR };
    new.measure(&case(), &wasmtime(), 60, slower);
    let compared = apart(&run(1, 50_000, 150_000), &new);
    assert_eq!(latency(&compared, 1).finding, Finding::Worse);
    // A start that takes longer may have met other work.
    let start = changes(&compared, 1).of(Measure::ColdStart(Start::Plain)).unwrap();
    let reason = Open::NothingToHoldItTo;
    assert_eq!((start.finding, start.p_value), (Finding::Inconclusive { reason }, None));
}

#[test]
fn another_native_is_nothing_to_hold_a_guest_to() {
    let mut new = run(2, 50_000, 150_000);
    if let CellOutcome::Measured { versions, .. } = &mut new.run.cells[0].outcome {
        versions.python = "3.14.0".into();
    }
    let compared = apart(&run(1, 50_000, 150_000), &new);
    let reason = Open::NativeChanged;
    assert_eq!(latency(&compared, 1).finding, Finding::Inconclusive { reason });
    let told = Difference::Version {
        of: "Python (native)".into(),
        base: "3.15.0".into(),
        new: "3.14.0".into(),
    };
    assert!(compared.differences.contains(&told), "{:?}", compared.differences);
}

#[test]
fn few_launches_say_how_many_more_it_takes() {
    let mut fixtures = [run(1, 50_000, 150_000), run(2, 50_000, 165_000)];
    for fixture in &mut fixtures {
        keep_rounds(fixture, 4);
    }
    let [base, new] = fixtures;
    let compared = in_turn(base, new);
    let Finding::Inconclusive { reason: Open::MoreLaunches { launches } } =
        latency(&compared, 1).finding
    else {
        panic!("{:?}", latency(&compared, 1));
    };
    assert!((4..30).contains(&launches), "{launches}");
    assert!(compared.has_open_latencies());
    assert_eq!(compared.undecided().len(), 2);
}

#[test]
fn every_look_makes_a_claim_harder() {
    let mut new = run(2, 50_000, 165_000);
    let rule = UntilDecided { budget_ns: 1, looks: vec![10; 10_000], least_effect: 0.03 };
    keep_rounds(&mut new, 15);
    assert_eq!(latency(&in_turn(run(1, 50_000, 150_000), new.clone()), 1).finding, Finding::Worse);
    new.run.plan.until_decided = Some(rule);
    let compared = in_turn(run(1, 50_000, 150_000), new);
    assert!(matches!(latency(&compared, 1).finding, Finding::Inconclusive { .. }));
}

#[test]
fn other_outputs_are_told_unless_other_things_were_asked() {
    let answer = |fixture: &mut Fixture, hash: &str| {
        for cell in &mut fixture.run.cells {
            if let CellOutcome::Measured { responses_sha256, .. } = &mut cell.outcome {
                *responses_sha256 = Some(hash.into());
            }
        }
    };
    let (mut base, mut new) = (run(1, 50_000, 150_000), run(2, 50_000, 150_000));
    answer(&mut base, "a");
    assert_eq!(changes(&apart(&base, &new), 1).outputs, OutputChange::NotTold);
    answer(&mut new, "a");
    assert_eq!(changes(&apart(&base, &new), 1).outputs, OutputChange::Same);
    answer(&mut new, "b");
    let compared = apart(&base, &new);
    assert_eq!(changes(&compared, 1).outputs, OutputChange::OtherBytes);
    assert!(compared.has_other_outputs());
    base.run.requests_sha256.insert("w".into(), "1".into());
    new.run.requests_sha256.insert("w".into(), "2".into());
    let compared = apart(&base, &new);
    assert_eq!(changes(&compared, 1).outputs, OutputChange::OtherRequests);
    assert!(!compared.has_other_outputs());
    let what = WorkloadPart::Requests;
    assert!(compared.differences.contains(&Difference::Workload { workload: "w".into(), what }));
}

#[test]
fn a_verdict_that_noise_decides_fails_no_gate() {
    let scenarios = |fixture: &mut Fixture, latency_ns: u64| {
        let budgets = Budgets { p50_ns: Some(latency_ns), ..Budgets::default() };
        fixture.run.scenarios = vec![crate::verdict::scenario(budgets)];
    };
    // The budget lies between two runs that differ by nothing that counts.
    let (mut base, mut new) = (run(1, 50_000, 150_000), run(2, 50_000, 152_000));
    scenarios(&mut base, 200_000);
    scenarios(&mut new, 120_000);
    let compared = in_turn(base, new);
    assert_eq!(compared.verdicts.len(), 1, "{:?}", compared.verdicts);
    assert!(compared.verdicts[0].is_worse && !compared.verdicts[0].is_backed);
    assert!(!compared.has_worse_verdicts());
    let (mut base, mut new) = (run(1, 50_000, 150_000), run(2, 50_000, 300_000));
    scenarios(&mut base, 200_000);
    scenarios(&mut new, 200_000);
    let compared = in_turn(base, new);
    assert!(compared.has_worse_verdicts(), "{:?}", compared.verdicts);
}

#[test]
fn a_slow_down_on_purpose_stands_on_the_first_screen() {
    let mut fixture = run(1, 50_000, 150_000);
    let injection = Injection { place: InjectionPlace::Runtime, permille: 50 };
    fixture.run.plan.sampling.inject = Some(injection);
    let told = wasmfit_reports::summary(&analysis_of(&fixture));
    let text =
        "✗ Requests were slowed down on purpose: 5.0% at the runtime: these are no figures of";
    assert!(told.contains(text), "{told}");
    let compared = apart(&run(1, 50_000, 150_000), &fixture);
    assert!(compared.differences.contains(&Difference::Injection));
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (base, new) = (run(1, 50_000, 150_000), run(2, 50_000, 150_000));
    let with = |change: fn(&mut Fixture)| {
        let mut other = new.clone();
        change(&mut other);
        compare(&analysis_of(&base), &analysis_of(&other), &TERMS).unwrap_err()
    };
    let machine = with(|it| it.run.environment.cpu = "Another".into());
    assert!(matches!(machine, ComparisonError::OtherMachine { .. }));
    let future = with(|it| it.run.started_at = "2001-01-01T00:00:00Z".into());
    assert!(matches!(future, ComparisonError::FromTheFuture { .. }));
    let nothing = with(|it| it.run.cells.iter_mut().for_each(|it| it.case.batch = Some(3)));
    assert!(matches!(nothing, ComparisonError::NothingInCommon { .. }));
}

#[test]
fn names_and_messages_cannot_become_markup() {
    let mut new = Fixture::new(31);
    new.workload("w");
    new.measure(&case(), &native(), 60, BEHAVIOUR);
    new.fail(&case(), &wasmtime());
    let compared = apart(&run(1, 50_000, 150_000), &new);
    assert!(text(&compared).contains(HOSTILE));
    assert!(compared.has_regressions());
    let (markdown, junit, github) =
        (markdown(&compared), junit(&compared).unwrap(), github(&compared));
    assert!(!markdown.contains("<script>"), "{markdown}");
    assert!(!junit.contains("<script>"), "{junit}");
    assert!(junit.starts_with("<?xml") && junit.contains("failures=\"1\""), "{junit}");
    assert!(github.lines().all(|line| line.starts_with("::")), "{github}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_run_compared_with_itself_has_not_changed(seed in 0..1000_u64, native in 10_000..90_000_u64) {
        let fixture = run(seed, native, native * 3);
        let compared = in_turn(fixture.clone(), fixture);
        for (_, change) in compared.changes() {
            prop_assert!(
                !matches!(change.finding, Finding::Worse | Finding::Better),
                "{change:?}"
            );
        }
    }
}
