//! Reports of runs with lab workloads, made up so that every cost is known.

use std::fs;

use wasmfit_protocol::{Failure, FailureKind, Pass, RequestPhase, Sample, Stretch};
use wasmfit_record::{
    Budgets, Case, CellOutcome, CrossingCost, CrossingPlan, Direction, MemoryCopies, Target,
};
use wasmfit_reports::boundary::{Fit, Lab, RuleOfThumb, Standing};
use wasmfit_reports::{Analysis, analyze, summary, write};

use crate::analysis_of;
use crate::fixture::{Behaviour, Fixture, native, wasmtime};

const ROUNDS: u32 = 6;
const KIB: u64 = 1024;
const MIB: u64 = KIB * KIB;

/// A crossing's cost, in picoseconds so that bytes may cost less than a
/// nanosecond.
#[derive(Clone, Copy)]
struct Cost {
    fixed_ps: u64,
    byte_ps: u64,
}

const NATIVE: Cost = Cost { fixed_ps: 400_000, byte_ps: 5 };
const WASMTIME: Cost = Cost { fixed_ps: 2_000_000, byte_ps: 90 };
/// Of items that are taken apart: most of it is their own.
const ITEMS: Cost = Cost { fixed_ps: 3_000_000, byte_ps: 3000 };

impl Cost {
    fn of(self, payload: u64) -> u64 {
        (self.fixed_ps + self.byte_ps * payload) / 1000
    }
}

fn raw() -> CrossingPlan {
    CrossingPlan {
        encoding: "raw".into(),
        directions: vec![Direction::In, Direction::Both],
        payload_bytes: vec![
            vec![0, 64, 256, KIB, 4 * KIB],
            vec![16 * KIB, 64 * KIB, 256 * KIB, MIB],
            vec![64 * MIB],
        ],
        item_bytes: None,
    }
}

fn items() -> CrossingPlan {
    CrossingPlan {
        encoding: "items".into(),
        directions: vec![Direction::Both],
        payload_bytes: vec![vec![64, KIB], vec![16 * KIB, 256 * KIB]],
        item_bytes: Some(64),
    }
}

/// Adds a lab workload on a target.
fn measure(fixture: &mut Fixture, name: &str, plan: &CrossingPlan, target: &Target, cost: Cost) {
    for batch in 1..=u32::try_from(plan.payload_bytes.len()).unwrap() {
        let case = Case { workload: name.into(), batch: Some(batch) };
        let behaviour = Behaviour { latency_ns: 1000, infer_percent: 50, cold_ns: 1_000_000 };
        let before = fixture.samples.len();
        fixture.measure(&case, target, 4, behaviour);
        let crossings = plan.crossings(Some(batch));
        for (launch, samples) in &mut fixture.samples[before..] {
            samples.retain(|it| it.pass == Pass::Cold);
            for (request, (payload, _)) in (0_u32..).zip(&crossings) {
                // Rounds differ a little, payloads of a round alike.
                let wall_ns = cost.of(*payload) * (1000 + u64::from(*launch % 3)) / 1000;
                let sample = |pass, stretch, wall_ns| Sample {
                    pass,
                    stretch,
                    index: request,
                    request,
                    wall_ns,
                    cpu_ns: Some(wall_ns),
                };
                samples.push(sample(Pass::Plain, Stretch::Request, wall_ns));
                let parts = RequestPhase::ALL.map(Stretch::Part);
                samples.extend(parts.map(|part| sample(Pass::Phase, part, wall_ns / 5)));
            }
        }
    }
    if !fixture.run.workloads.iter().any(|it| it.name == name) {
        fixture.workload(name);
        let record = fixture.run.workloads.last_mut().unwrap();
        record.boundary = Some(plan.clone());
    }
}

/// Raw bytes and items, natively and in Wasmtime, whose 64 MiB failed.
fn lab() -> Fixture {
    let mut fixture = Fixture::new(ROUNDS);
    for (target, cost) in [(native(), NATIVE), (wasmtime(), WASMTIME)] {
        measure(&mut fixture, "boundary-raw", &raw(), &target, cost);
        measure(&mut fixture, "boundary-items", &items(), &target, ITEMS);
    }
    let largest = |it: &&mut wasmfit_record::Cell| {
        it.target == wasmtime() && it.case.workload == "boundary-raw" && it.case.batch == Some(3)
    };
    fixture.run.cells.iter_mut().find(largest).unwrap().outcome = CellOutcome::Failed {
        failure: Failure {
            kind: FailureKind::Memory,
            during: "sampling, in decode".into(),
            message: "MemoryError: more than the job's memory limit; raise --memory".into(),
            detail: String::new(),
        },
        deviation: None,
    };
    fixture.run.launches.iter_mut().for_each(|launch| {
        let cell = &fixture.run.cells[launch.planned.cell];
        if let CellOutcome::Failed { failure, .. } = &cell.outcome {
            launch.outcome = wasmfit_record::LaunchOutcome::Failed(failure.clone());
        }
    });
    let with_a_mebibyte = fixture.run.launches.iter().filter(|launch| {
        let case = &fixture.run.cells[launch.planned.cell].case;
        case.workload == "boundary-raw" && case.batch == Some(2)
    });
    let copies = with_a_mebibyte.map(|launch| MemoryCopies {
        launch: launch.id,
        bytes: MIB,
        copies: 2,
        wall_ns: vec![50_000, 48_000, 60_000],
    });
    fixture.run.memory_copies = copies.collect();
    fixture
}

fn fit_of<'a>(lab: &'a Lab, encoding: &str, direction: Direction, target: &Target) -> &'a Fit {
    let is_it = |it: &&wasmfit_reports::boundary::Curve| {
        it.encoding == encoding && it.direction == direction && it.target == *target
    };
    lab.curves.iter().find(is_it).unwrap().fit.as_ref().unwrap()
}

fn is_near(found: f64, expected: f64) -> bool {
    (found / expected - 1.0).abs() < 0.01
}

#[test]
fn fits_find_the_costs_that_were_put_in() {
    let analysis = analysis_of(&lab());
    let lab = analysis.boundary.as_ref().unwrap();
    for (encoding, target, cost) in [
        ("raw", native(), NATIVE),
        ("raw", wasmtime(), WASMTIME),
        ("items", native(), ITEMS),
        ("items", wasmtime(), ITEMS),
    ] {
        let fit = fit_of(lab, encoding, Direction::Both, &target);
        assert!(is_near(fit.fixed_ns.value, cost.fixed_ps as f64 / 1000.0), "{encoding} {fit:?}");
        assert!(is_near(fit.byte_ns.value, cost.byte_ps as f64 / 1000.0), "{encoding} {fit:?}");
        assert!(fit.error_share < 0.01 && fit.error_share <= fit.worst_share);
    }
}

#[test]
fn no_latency_over_many_payloads_is_shown() {
    let analysis = analysis_of(&lab());
    assert_eq!(analysis.workloads, []);
    assert_eq!(analysis.verdicts, []);
    let folder = tempfile::tempdir().unwrap();
    lab().save(folder.path());
    let report = write(folder.path()).unwrap();
    let html = fs::read_to_string(report.html).unwrap();
    assert!(html.contains("id=\"boundary\"") && !html.contains("id=\"results\""));
}

#[test]
fn a_case_that_failed_is_marked_and_the_others_are_fitted() {
    let analysis = analysis_of(&lab());
    let lab = analysis.boundary.as_ref().unwrap();
    let missing: Vec<_> = lab.missing.iter().map(|it| (it.payload_bytes, it.is_failure)).collect();
    assert_eq!(missing, [((64 * MIB, 64 * MIB), true)]);
    let largest = |target: &Target| {
        let of_target = lab.curves.iter().filter(|it| it.target == *target && it.encoding == "raw");
        of_target.flat_map(|it| &it.points).map(|it| it.payload_bytes).max()
    };
    assert_eq!((largest(&native()), largest(&wasmtime())), (Some(64 * MIB), Some(MIB)));
}

#[test]
fn a_mebibyte_in_and_out_is_held_against_two_copies() {
    let analysis = analysis_of(&lab());
    let copies = &analysis.boundary.as_ref().unwrap().copies;
    let ratios: Vec<_> = copies.iter().map(|it| it.times_copies.value).collect();
    assert!(is_near(ratios[0], NATIVE.of(MIB) as f64 / 50_000.0), "{ratios:?}");
    assert!(is_near(ratios[1], WASMTIME.of(MIB) as f64 / 50_000.0), "{ratios:?}");
    assert_eq!((copies[0].keeps_goal(), copies[1].keeps_goal()), (None, Some(true)));
}

#[test]
fn a_rule_of_thumb_that_items_break_holds_under_a_condition() {
    let rule = |analysis: &Analysis, target: &Target| -> RuleOfThumb {
        let rules = &analysis.boundary.as_ref().unwrap().rules;
        rules.iter().find(|it| it.target == *target).unwrap().clone()
    };
    let found = rule(&analysis_of(&lab()), &wasmtime());
    // 2 µs alone; 64 bytes of 0.09 ns and a 4096th of 2 µs in a batch.
    assert!(is_near(found.bare_gain.value, 2005.76 / (5.76 + 2000.0 / 4096.0)));
    assert_eq!(found.standing, Standing::HoldsOnCondition);
    assert!(is_near(found.most_work_ns.unwrap(), 2000.0 / 99.0));
    let itemized = found.itemized_gain.unwrap().value;
    assert!(is_near(itemized, 3192.0 / (192.0 + 3000.0 / 4096.0)), "{itemized}");
}

#[test]
fn markdown_and_summary_of_a_lab_look_as_agreed() {
    let folder = tempfile::tempdir().unwrap();
    lab().save(folder.path());
    write(folder.path()).unwrap();
    let markdown = fs::read_to_string(folder.path().join("report.md")).unwrap();
    let section = markdown.split("## Boundary").nth(1).unwrap();
    insta::assert_snapshot!("boundary", section.split("\n## ").next().unwrap());
    insta::assert_snapshot!("boundary_summary", summary(&analyze(folder.path()).unwrap()));
}

#[test]
fn a_verdict_names_the_batch_at_which_the_boundary_no_longer_matters() {
    let mut fixture = crate::pair(6, 50);
    let scenario = crate::verdict::scenario(Budgets::default());
    fixture.run.scenarios.push(scenario);
    let unknown = analysis_of(&fixture);
    assert_eq!(unknown.verdicts[0].batching, None);
    fixture.run.crossings.push(CrossingCost {
        target: wasmtime(),
        runtime_version: "48.0.8".into(),
        boundary: None,
        measured_at: "2026-01-14T08:00:00Z".into(),
        fixed_ns: 60_000.0,
        fixed_interval_ns: None,
        byte_ns: 0.1,
        error_share: 0.1,
    });
    let known = analysis_of(&fixture).verdicts[0].batching.clone().unwrap();
    assert!(known.starts_with("A crossing costs 60.0 µs whatever it carries, 3"), "{known}");
    assert!(known.contains("with 6 items in a request it would be a tenth"), "{known}");
}
