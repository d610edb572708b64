//! Requests at once in one instance of a Python component, each of which waits
//! in its middle: an asynchronous export by the component model's async
//! (WASI 0.3). What waits takes 100 ms; whatever is beyond that, Python and the
//! component model take.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use futures::future::join_all;
use tokio::runtime::{Builder, Runtime};
use wasmfit_primitives::{STACK_BYTES, cache};
use wasmtime::component::{Component, Instance, Linker, ResourceTable, TypedFunc};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

const WORKLOAD: &str = "digits-mlp-python";

/// Pixels of an image, and how many images are sent.
const REQUEST_BYTES: usize = 64;
const REQUESTS: usize = 32;

/// How many at once.
const AT_ONCE: [usize; 4] = [1, 2, 8, REQUESTS];

struct Host {
    wasi: WasiCtx,
    resources: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

type Infer = TypedFunc<(Vec<u8>,), (Vec<u8>,)>;

struct Guest {
    store: Store<Host>,
    infer: Infer,
}

impl Guest {
    async fn start(engine: &Engine, component: &Component) -> Self {
        let mut linker = Linker::new(engine);
        p2::add_to_linker_async(&mut linker).expect("WASI");
        let wait = linker.root().func_wrap_concurrent("wait", |_, (ms,): (u32,)| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(ms.into())).await;
                Ok((ms,))
            })
        });
        wait.expect("no other function of that name");
        let wasi = WasiCtxBuilder::new().inherit_stderr().build();
        let mut store = Store::new(engine, Host { wasi, resources: ResourceTable::new() });
        let instance: Instance =
            linker.instantiate_async(&mut store, component).await.expect("an instance");
        let infer = instance.get_typed_func(&mut store, "infer").expect("its export");
        Self { store, infer }
    }

    /// Serves requests at once; their responses in order.
    async fn serve(&mut self, requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let Self { store, infer } = self;
        let served = store.run_concurrent(async |accessor| {
            let calls = requests.iter().map(|it| infer.call_concurrent(accessor, (it.clone(),)));
            join_all(calls).await
        });
        let served = served.await.expect("they ran");
        served.into_iter().map(|it| it.expect("a response").0).collect()
    }
}

/// Has componentize-py make the component.
fn component(engine: &Engine) -> Component {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workload = root.join("../../workloads").join(WORKLOAD);
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("concurrent.wasm");
    let sources = root.join("benches/concurrent");
    let status = Command::new(cache().join("compilers/bin/componentize-py"))
        .arg("-d")
        .arg(sources.join("guest.wit"))
        .args(["-w", "guest", "componentize", "app", "-p"])
        .arg(&sources)
        .arg("-p")
        .arg(&workload)
        .arg("-o")
        .arg(&target)
        .stdout(Stdio::null())
        .status();
    let status = status.expect("componentize-py starts: run scripts/setup");
    assert!(status.success(), "componentize-py failed");
    let component = fs::read(target).expect("a component");
    Component::new(engine, component).expect("it compiles")
}

fn requests() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads").join(WORKLOAD);
    let images = fs::read(root.join("assets/held_out_images.u8")).expect("images");
    images.chunks(REQUEST_BYTES).take(REQUESTS).map(<[u8]>::to_vec).collect()
}

fn concurrent(criterion: &mut Criterion) {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.max_wasm_stack(STACK_BYTES);
    config.async_stack_size(2 * STACK_BYTES);
    let engine = Engine::new(&config).expect("an engine");
    let component = component(&engine);
    let runtime: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut guest = runtime.block_on(Guest::start(&engine, &component));
    let requests = requests();
    // One after the other, which nothing can get mixed up.
    let alone: Vec<Vec<u8>> = requests
        .iter()
        .flat_map(|it| runtime.block_on(guest.serve(std::slice::from_ref(it))))
        .collect();
    let mut group = criterion.benchmark_group("wasmtime/concurrent");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for at_once in AT_ONCE {
        let id = BenchmarkId::from_parameter(at_once);
        group.bench_with_input(id, &requests[..at_once], |bencher, requests| {
            bencher.iter(|| {
                let served = runtime.block_on(guest.serve(requests));
                assert_eq!(served, alone[..at_once], "at once they are answered otherwise");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, concurrent);
criterion_main!(benches);
