//! Snapshots: a module whose memory and globals are those of a running guest.
//!
//! Wizer adds exports for all state to the module, and afterwards writes a
//! module that begins with that state. In between the guest runs here, with
//! the workload and its model as the last thing it did.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmfit_kit::protocol::{Failure, FailureKind, GuestFiles, Job};
use wasmfit_kit::{ArtifactFile, Ended, Session, read_module, refusal};
use wasmtime::{Engine, Instance, Store, Val};
use wasmtime_wizer::{InstanceState, ModuleContext, SnapshotVal, ValType, Wizer};

use crate::guest::{self, Host};
use crate::reactor::Door;

/// Takes a snapshot of the job's guest when its loop has ended.
pub(crate) fn take(
    job: &Job,
    files: &GuestFiles,
    engine: &Engine,
    session: Session,
    snapshot: &Path,
) -> Result<Ended, Failure> {
    let refused = |error: wasmtime::Error| {
        Failure::new(FailureKind::Unsupported, "snapshot", format!("Wizer: {error:#}"))
    };
    let module = read_module(files)?;
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument(&module).map_err(refused)?;
    // The same for every workload, so it is compiled once.
    let own = GuestFiles { name: format!("{}-instrumented", files.name), ..files.clone() };
    let artifact =
        ArtifactFile::new(&super::Wasmtime, job, &own, engine.precompile_compatibility_hash());
    artifact.prepare(|draft| {
        let compiled = engine
            .precompile_module(&instrumented)
            .map_err(|error| refusal(&instrumented, "compile", error.root_cause()))?;
        fs::write(draft, compiled).map_err(|error| artifact.storage(&error))
    })?;
    let instrumented = super::load(&artifact, engine)?;
    let memory_bytes = Some(job.limits.memory_bytes);
    guest::serve_and_then(engine, &instrumented, files, memory_bytes, session, |store, instance| {
        // A conversation that failed leaves nothing that is worth saving.
        if store.data().own.session.has_failed() {
            return Ok(());
        }
        let bytes = write(&wizer, &context, store, instance)?;
        fs::write(snapshot, bytes)?;
        Ok(())
    })
}

fn write(
    wizer: &Wizer,
    context: &ModuleContext<'_>,
    store: &mut Store<Host<Door>>,
    instance: Instance,
) -> wasmtime::Result<Vec<u8>> {
    let mut state = State { store, instance };
    let mut snapshot = pin!(wizer.snapshot(context, &mut state));
    // Nothing of it ever waits.
    match snapshot.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(bytes) => bytes,
        Poll::Pending => Err(wasmtime::Error::msg("taking a snapshot waited for something")),
    }
}

/// What Wizer reads a guest's state from.
struct State<'a> {
    store: &'a mut Store<Host<Door>>,
    instance: Instance,
}

impl InstanceState for State<'_> {
    #[expect(clippy::panic, reason = "what the trait asks for; Wizer has made these exports")]
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut *self.store, name);
        match global.map(|global| global.get(&mut *self.store)) {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            other => panic!("{name} is no global that can be saved: {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        if let Some(memory) = self.instance.get_memory(&mut *self.store, name) {
            contents(memory.data(&*self.store));
        }
    }
}
