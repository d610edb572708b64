//! The deployment ladder.

use std::collections::BTreeMap;

use wasmfit_record::{
    Budgets, ClosedWorld, Compressed, ContainerRecord, GuestRecord, Making, Rung, Target,
};

use crate::fixture::{Behaviour, Fixture, guest, native};
use crate::verdict::scenario;
use crate::{BEHAVIOUR, analysis_of, case, files_of, html_of};

const RUNGS: [(Rung, u64, u64); 4] = [
    (Rung::Aot, 99_000_000, 180),
    (Rung::TrimmedWarmed, 32_000_000, 8),
    (Rung::Oz, 31_000_000, 7),
    (Rung::Least, 25_000_000, 6),
];

fn target(rung: Rung) -> Target {
    format!("wasmtime/cranelift@cpython-3.15-{}", rung.name()).parse().unwrap()
}

fn made(rung: Rung, bytes: u64) -> GuestRecord {
    let closed_world = ClosedWorld {
        requests: 32,
        reached: 9_000,
        functions: 11_000,
        of: 89_000,
        without_exceptions: false,
    };
    let compressed =
        Compressed { gzip_bytes: bytes / 3, brotli_bytes: bytes / 4, zstd_bytes: bytes / 4 };
    let record = Making {
        closed_world: (rung != Rung::Aot).then_some(closed_world),
        compressed: BTreeMap::from([("python.wasm".into(), compressed)]),
        rung: Some(rung),
        ..Making::of("cpython-3.15", "", "")
    };
    GuestRecord {
        name: target(rung).guest,
        bytes: BTreeMap::from([("python.wasm".into(), bytes), ("lib/x.zip".into(), 54_000_000)]),
        made: Some(record),
        ..guest()
    }
}

fn ladder() -> Fixture {
    let mut fixture = Fixture::new(9);
    fixture.workload("w");
    fixture.measure(&case(), &native(), 20, BEHAVIOUR);
    for (rung, bytes, milliseconds) in RUNGS {
        fixture.run.guests.push(made(rung, bytes));
        let cold_ns = milliseconds * 1_000_000;
        fixture.measure(&case(), &target(rung), 20, Behaviour { cold_ns, ..BEHAVIOUR });
    }
    fixture
}

#[test]
fn rungs_stand_in_order_beside_native() {
    let analysis = analysis_of(&ladder());
    let [ladder] = &analysis.ladders[..] else { panic!("{:?}", analysis.ladders) };
    assert_eq!(ladder.runtime, "wasmtime/cranelift");
    assert!(ladder.native.is_some());
    assert_eq!(ladder.rungs.iter().map(|it| it.rung).collect::<Vec<_>>(), RUNGS.map(|it| it.0));
    for (found, (_, bytes, milliseconds)) in ladder.rungs.iter().zip(RUNGS) {
        assert_eq!((found.module_bytes, found.library_bytes), (bytes, 54_000_000));
        let expected = milliseconds as f64 * 1e6;
        assert!((found.step.cold_start_ns.value / expected - 1.0).abs() < 0.2, "{found:?}");
        let resident = found.step.resident_bytes.unwrap();
        assert_eq!(found.step.instances_per_gib(), Some((1 << 30) / resident));
    }
}

#[test]
fn a_container_stands_beside_native() {
    let mut fixture = Fixture::new(9);
    fixture.workload("w");
    fixture.run.container =
        Some(ContainerRecord::Started { runtime: "runc 1.3.6".into(), sha256: String::new() });
    fixture.measure(&case(), &native(), 20, BEHAVIOUR);
    fixture.run.guests.push(made(Rung::Aot, 99_000_000));
    fixture.measure(&case(), &target(Rung::Aot), 20, BEHAVIOUR);
    let analysis = analysis_of(&fixture);
    let ladder = &analysis.ladders[0];
    let container = ladder.container.expect("a container");
    assert!(ladder.native.is_some_and(|it| it.steady_ns.is_some()));
    assert_eq!(container.step.steady_ns, None);
    let share = container.until_started_ns.unwrap() / container.step.cold_start_ns.value;
    assert!((share - 0.4).abs() < 0.05, "{container:?}");
    let (html, markdown) = files_of(&fixture);
    for text in ["native CPython in a container", "Started by runc 1.3.6, with namespaces"] {
        assert!(html.contains(text) && markdown.contains(text), "{text}");
    }

    let reason = "runc 1.3.6: permission denied".to_owned();
    fixture.run.container = Some(ContainerRecord::Unavailable { reason });
    let (html, _) = files_of(&fixture);
    assert!(html.contains("No container could be started here: runc 1.3.6: permission denied."));
}

#[test]
fn advice_is_computed_from_the_figures() {
    let (html, markdown) = files_of(&ladder());
    for text in [
        "comes from trimmed, warmed, least library",
        "keep 11,000 of 89,000 functions, those that 32 requests reach",
        "compiling ahead starts a guest within microseconds does not hold",
        "wasm-opt saves 20 to 40% does not hold here: -Oz, without names, saves 3.1% of the module",
        "Size against first response, wasmtime/cranelift",
    ] {
        assert!(html.contains(text), "{text}");
        assert!(markdown.contains(text) || text.starts_with("Size"), "{text}");
    }
}

#[test]
fn a_verdict_that_rests_on_a_rung_says_what_it_takes() {
    let mut fixture = ladder();
    let budgets = Budgets { cold_start_ns: Some(20_000_000), ..Budgets::default() };
    fixture.run.scenarios = vec![scenario(budgets)];
    let analysis = analysis_of(&fixture);
    let [verdict] = &analysis.verdicts[..] else { panic!("{:?}", analysis.verdicts) };
    let trimmed = "needs a guest trimmed to the workload: what 32 requests did not reach may trap";
    assert!(verdict.conditions.iter().any(|it| it == trimmed), "{verdict:?}");
}

#[test]
fn a_run_that_deploys_nothing_has_no_ladder() {
    let fixture = crate::pair(5, 20);
    assert!(analysis_of(&fixture).ladders.is_empty());
    assert!(!html_of(&fixture).contains("id=\"deployment\""));
}
