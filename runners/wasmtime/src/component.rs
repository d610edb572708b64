//! The guest that is a component: it exports `serve: func()` and imports
//! `call: func(message: list<u8>) -> list<u8>`, next to WASI preview 2; one for
//! the lab imports that too.

use std::sync::Arc;

use wasmfit_kit::protocol::{ColdPhase, Failure, FailureKind, GuestFiles};
use wasmfit_kit::{ArtifactFile, Ended, Invocation, Session, read_module, refusal};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable, WasmList};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi::p2;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guest::{self, MemoryLimit};
use crate::lab;
use crate::limit;

/// What it exports.
const SERVE: &str = "serve";

/// What it may import.
const IMPORTS: &str =
    "call: func(message: list<u8>) -> list<u8>, wasmfit:component/lab and WASI 0.2";

/// The host's state while the component runs.
struct Host {
    wasi: WasiCtx,
    resources: ResourceTable,
    limit: MemoryLimit,
    /// Taken out while it is asked, which reads the store that this lies in.
    session: Option<Session>,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

/// Compiles the guest's component ahead.
pub(crate) fn compile(engine: &Engine, files: &GuestFiles) -> Result<Vec<u8>, Failure> {
    let component = read_module(files)?;
    engine
        .precompile_component(&component)
        .map_err(|error| refusal(&component, "compile", error.root_cause()))
}

/// Loads what [`compile`] made.
pub(crate) fn load(artifact: &ArtifactFile, engine: &Engine) -> Result<Component, Failure> {
    artifact.check()?;
    // SAFETY: the file was written by this runner's `prepare`, which compared
    // its hash at the beginning of this run, and `check` has found it in full
    // length.
    let component = unsafe { Component::deserialize_file(engine, artifact.path()) };
    component.map_err(|error| {
        let message = format!("{}: {}", artifact.path().display(), error.root_cause());
        Failure::new(FailureKind::Guest, "load-artifact", message)
    })
}

/// Brings the component up and serves until it ends.
pub(crate) fn serve(
    engine: &Engine,
    component: &Component,
    files: &GuestFiles,
    memory_bytes: Option<u64>,
    mut session: Session,
) -> Result<Ended, Failure> {
    session.begin(ColdPhase::Instantiate);
    let invocation = Invocation::new(files, &mut session);
    let ready = link(engine, component, files)?;
    session.live(|session| {
        let wasi = guest::wasi_builder(&invocation)?.build();
        let limit = MemoryLimit::of(memory_bytes);
        let host = Host { wasi, resources: ResourceTable::new(), limit, session: Some(session) };
        let mut store = Store::new(engine, host);
        if memory_bytes.is_some() {
            store.limiter(|host| &mut host.limit);
        }
        limit::grant(&mut store, limit::PLENTY);
        let ended = run(&ready, &mut store);
        let Host { limit, session, .. } = store.into_data();
        let session = session.ok_or_else(|| guest::runner_failure("the session was lost"))?;
        Ok(guest::ended_with(session, &limit, ended.err(), None))
    })
}

fn run(ready: &InstancePre<Host>, store: &mut Store<Host>) -> wasmtime::Result<()> {
    let instance = ready.instantiate(&mut *store)?;
    let serve = instance.get_typed_func::<(), ()>(&mut *store, SERVE)?;
    if let Some(session) = &mut store.data_mut().session {
        session.begin(ColdPhase::Initialize);
    }
    serve.call(store, ())
}

/// Finds what the component imports, and whether it exports what is called; a
/// failure says what is not of its world.
fn link(
    engine: &Engine,
    component: &Component,
    files: &GuestFiles,
) -> Result<InstancePre<Host>, Failure> {
    let linker = linker(engine).map_err(|error| guest::runner_failure(&error.to_string()))?;
    let other_world = |reason: &str| {
        let message = format!(
            "{}: {reason}: a guest exports {SERVE}: func() and imports no more than {IMPORTS}",
            files.name
        );
        Failure::new(FailureKind::Guest, "instantiate", message)
    };
    // All of it: the last cause alone does not say whose types these are.
    let ready = linker.instantiate_pre(component);
    let ready = ready.map_err(|error| other_world(&format!("{error:#}")))?;
    match component.component_type().get_export(engine, SERVE).map(|it| it.ty) {
        Some(ComponentItem::ComponentFunc(it))
            if it.params().len() == 0 && it.results().len() == 0 =>
        {
            Ok(ready)
        }
        Some(_) => Err(other_world("its serve is another")),
        None => Err(other_world("it exports no serve")),
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    p2::add_to_linker_sync(&mut linker)?;
    linker.root().func_wrap("call", call)?;
    lab::add_to(&mut linker)?;
    Ok(linker)
}

/// `call`: hands the component's message to the session, and its answer to the
/// component.
fn call(
    mut store: StoreContextMut<'_, Host>,
    (message,): (WasmList<u8>,),
) -> wasmtime::Result<(Arc<[u8]>,)> {
    let over = || wasmtime::Error::msg("the job is over");
    let mut session = store.data_mut().session.take().ok_or_else(over)?;
    let answer = session.answer(message.as_le_slice(&store));
    store.data_mut().session = Some(session);
    answer.map(|answer| (answer,)).map_err(|_| over())
}
