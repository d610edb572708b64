//! How long the report of a million samples takes: 2 s at most are asked.
#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../tests/report/fixture/mod.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod fixture;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fixture::{Behaviour, Fixture, native, wasmtime};
use wasmfit_record::Case;

/// Eight cells of five launches each; a plain request makes one row and a
/// marked one five, at a quarter of the requests.
const REQUESTS: u32 = 1_000_000 / (8 * 5) * 4 / 9;

fn run_of_a_million() -> Fixture {
    let mut fixture = Fixture::new(5);
    for name in ["a", "b", "c", "d"] {
        fixture.workload(name);
        let case = Case { workload: name.into(), batch: None };
        for (target, latency_ns) in [(native(), 30_000), (wasmtime(), 90_000)] {
            let behaviour = Behaviour { latency_ns, infer_percent: 90, cold_ns: 50_000_000 };
            fixture.measure(&case, &target, REQUESTS, behaviour);
        }
    }
    fixture
}

/// 272 launches at steady state, most of nine to a cell.
const REQUESTS_OF_MANY: u32 = 1_000_000 / 272 * 4 / 9;

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("report");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let runs = [("2 targets", run_of_a_million()), ("16 targets", Fixture::many(REQUESTS_OF_MANY))];
    for (name, run) in runs {
        let folder = tempfile::tempdir().unwrap();
        run.save(folder.path());
        let rows = wasmfit_reports::analyze(folder.path()).unwrap().samples;
        group.bench_function(format!("write, {name}, {rows} samples"), |bencher| {
            bencher.iter(|| wasmfit_reports::write(folder.path()).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
