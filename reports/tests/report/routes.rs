//! What a rewrite buys, in runs that were made up.

use std::collections::BTreeMap;

use wasmfit_record::{Case, GuestRecord, RewriteRecord, RewrittenPart, Target};
use wasmfit_reports::analysis::{Analysis, Route, RouteEstimate, Routes};
use wasmfit_reports::summary;

use crate::fixture::{Behaviour, Fixture, guest, native};
use crate::{analysis_of, files_of};

const PYTHON: &str = "wasmtime/cranelift@cpython-3.15";
const KERNEL: &str = "machine/c@kernel";
const EXTENSION: &str = "extension/c@cpython-3.15";
const WASM_KERNEL: &str = "wasmtime/cranelift@w.c";

/// Latencies in microseconds, nine tenths of which are infer, and what of the
/// workload was rewritten.
const TARGETS: [(&str, u64, Option<RewrittenPart>); 4] = [
    (PYTHON, 300, None),
    (KERNEL, 10, Some(RewrittenPart::Whole)),
    (EXTENSION, 20, Some(RewrittenPart::Inference)),
    (WASM_KERNEL, 20, Some(RewrittenPart::Whole)),
];

fn target(name: &str) -> Target {
    name.parse().unwrap()
}

fn of(targets: &[(&str, u64, Option<RewrittenPart>)]) -> Fixture {
    let mut fixture = Fixture::new(6);
    fixture.workload("w");
    let case = Case { workload: "w".into(), batch: None };
    let behaviour = Behaviour { latency_ns: 100_000, infer_percent: 90, cold_ns: 100_000_000 };
    fixture.measure(&case, &native(), 100, behaviour);
    for (name, microseconds, part) in targets {
        let behaviour = Behaviour { latency_ns: microseconds * 1000, ..behaviour };
        fixture.measure(&case, &target(name), 100, behaviour);
        let rewrite = part.map(|part| RewriteRecord {
            part,
            title: "C".into(),
            compiler: "cc".into(),
            command: "cc kernel.c".into(),
            bytes: 20_000,
            sha256: format!("of {name}"),
        });
        fixture.run.cells.last_mut().unwrap().rewrite = rewrite;
    }
    let module = "python.wasm".to_owned();
    fixture.run.guests.push(GuestRecord {
        name: "w.c".into(),
        files: BTreeMap::from([(module.clone(), format!("of {WASM_KERNEL}"))]),
        bytes: BTreeMap::from([(module, 30_000)]),
        ..guest()
    });
    fixture
}

fn routes(analysis: &Analysis) -> &Routes {
    let [routes] = &analysis.routes[..] else { panic!("{:?}", analysis.routes) };
    routes
}

fn is_about(figure: f64, expected: f64) {
    assert!((figure / expected - 1.0).abs() < 0.06, "{figure} instead of {expected}");
}

#[test]
fn each_way_is_told_apart_and_weighed_by_what_is_deployed() {
    let analysis = analysis_of(&of(&TARGETS));
    let found = routes(&analysis).measured.iter();
    let found: Vec<_> =
        found.map(|it| (it.route, it.target.to_string(), it.deployed_bytes)).collect();
    let expected = [
        (Route::Native, native().to_string(), None),
        // Without the module of the other start.
        (Route::Interpreter, PYTHON.to_owned(), found[1].2),
        // Around it is an interpreter that has the name of a guest.
        (Route::Extension, EXTENSION.to_owned(), Some(20_000)),
        (Route::Kernel, KERNEL.to_owned(), Some(20_000)),
        (Route::WasmKernel, WASM_KERNEL.to_owned(), Some(30_000)),
    ];
    assert_eq!(found, expected);
    is_about(routes(&analysis).infer_share, 0.9);
}

#[test]
fn an_estimate_follows_amdahls_law_and_is_held_against_what_was_measured() {
    let analysis = analysis_of(&of(&TARGETS));
    let [natively, in_wasm] = &routes(&analysis).estimates[..] else {
        panic!("{:?}", routes(&analysis).estimates)
    };
    assert_eq!(
        (natively.route, natively.kernel.as_ref()),
        (Route::Extension, Some(&target(KERNEL)))
    );
    // A tenth is left as it is, nine tenths take 9 µs instead of 90.
    is_about(natively.times_native, 0.19);
    let (measured, times) = natively.measured.as_ref().unwrap();
    assert_eq!(measured, &target(EXTENSION));
    is_about(*times, 0.2);
    assert!((natively.error_share().unwrap() + 0.05).abs() < 0.05, "{natively:?}");
    assert_eq!(natively.break_even_share, Some(0.0));

    assert_eq!((in_wasm.route, &in_wasm.python), (Route::Interpreter, &target(PYTHON)));
    // 30 µs of Python around 18 µs of kernel.
    is_about(in_wasm.times_native, 0.48);
    is_about(in_wasm.break_even_share.unwrap(), 2.0 / 2.8);
    assert_eq!(in_wasm.error_share(), None);
}

#[test]
fn without_a_kernel_there_is_the_bound_that_none_gets_below() {
    let analysis = analysis_of(&of(&TARGETS[..1]));
    let [RouteEstimate { kernel: None, times_native, measured: None, .. }] =
        &routes(&analysis).estimates[..]
    else {
        panic!("{:?}", routes(&analysis).estimates)
    };
    is_about(*times_native, 0.1);
    let (html, markdown) = files_of(&of(&TARGETS[..1]));
    assert!(html.contains(r#"<h2 id="routes">What a rewrite buys</h2>"#));
    assert!(markdown.contains("estimated: a kernel that takes no time"), "{markdown}");
    assert!(!summary(&analysis).contains("what a rewrite buys"));
}

#[test]
fn what_was_rewritten_takes_no_part_in_rankings_verdicts_and_versions() {
    let analysis = analysis_of(&of(&TARGETS));
    let case = &analysis.workloads[0].cases[0];
    assert_eq!(case.guests(), ["cpython-3.15"]);
    let leading = case.leading("cpython-3.15").unwrap();
    assert_eq!(leading.fastest, [target(PYTHON)]);
    for verdict in &analysis.verdicts {
        assert_eq!(verdict.best.as_ref().unwrap().target, target(PYTHON));
    }
}

#[test]
fn every_format_tells_what_a_rewrite_buys() {
    let fixture = of(&TARGETS);
    let (html, markdown) = files_of(&fixture);
    assert!(html.contains(r#"<h2 id="routes">What a rewrite buys</h2>"#));
    assert!(summary(&analysis_of(&fixture)).contains("what a rewrite buys"));
    let section = markdown.split("## ").find(|it| it.starts_with("What a rewrite buys")).unwrap();
    insta::assert_snapshot!("routes", section.trim_end());
}
