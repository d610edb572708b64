//! The reactor guest: an instance whose interpreter calls the host for its
//! next request.
//!
//! The guest exports `memory`, `_initialize` (unless it is a snapshot),
//! `host_alloc(len) -> ptr` and `turn(ptr, len) -> i32`, which runs Python
//! source, and imports `host.call(ptr, len, out_ptr_ptr, out_len_ptr) -> i32`
//! next to WASI preview 1.

use std::path::Path;

use wasmfit_kit::protocol::{ColdPhase, Failure, FailureKind};
use wasmfit_kit::{DRIVER, Ended, Session};
use wasmtime::{
    Caller, Engine, Instance, Linker, Memory, Module, ResourceLimiter, Store, Trap, TypedFunc,
};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

/// Where the guest looks for its own program and standard library.
const PROGRAM: &str = "/usr/local/bin/python.wasm";
const LIBRARY: &str = "/usr/local/lib";

/// Where the guest sees the workload.
const WORKLOAD: &str = "/workload";

/// `host.call` succeeded.
const OK: i32 = 0;
/// `host.call` failed; the guest's `_host.call` raises.
const FAULT: i32 = -2;

struct State {
    wasi: WasiP1Ctx,
    session: Session,
    limit: MemoryLimit,
    exports: Option<Exports>,
}

#[derive(Clone)]
struct Exports {
    memory: Memory,
    host_alloc: TypedFunc<u32, u32>,
}

/// Brings the guest up and serves until its loop ends.
pub(crate) fn serve(
    engine: &Engine,
    module: &Module,
    library: &Path,
    memory_bytes: u64,
    mut session: Session,
) -> Result<Ended, Failure> {
    session.begin(ColdPhase::Instantiate);
    session.mount_workload_at(WORKLOAD);
    let wasi = wasi(library, session.workload_folder())?;
    let limit = MemoryLimit { bytes: memory_bytes, refused: false };
    let mut store = Store::new(engine, State { wasi, session, limit, exports: None });
    store.limiter(|state| &mut state.limit);
    let trouble = instantiate_and_run(engine, module, &mut store).err();
    let linear_memory_bytes = store
        .data()
        .exports
        .as_ref()
        .map(|exports| exports.memory)
        .map(|memory| memory.data_size(&store) as u64);
    let state = store.into_data();
    let trouble = trouble.map(|error| explain(&error, &state.limit));
    Ok(Ended { session: state.session, linear_memory_bytes, trouble })
}

fn wasi(library: &Path, workload: &Path) -> Result<WasiP1Ctx, Failure> {
    let mut builder = WasiCtxBuilder::new();
    builder
        .inherit_stdio()
        // Nothing else runs in this process that a blocked thread could hold
        // up, and without this each file access goes through another thread.
        .allow_blocking_current_thread(true)
        .arg(PROGRAM)
        .env("TMPDIR", "/tmp")
        .env("PYTHONTZPATH", "")
        // The same seed as natively, so that sets and dicts are laid out alike.
        .env("PYTHONHASHSEED", "0");
    for (host, guest) in [(library, LIBRARY), (workload, WORKLOAD)] {
        builder.preopened_dir(host, guest, FsPerms::ReadOnly).map_err(|error| {
            let message = format!("{}: {}", host.display(), error.root_cause());
            Failure::new(FailureKind::Guest, "instantiate", message)
        })?;
    }
    Ok(builder.build_p1())
}

fn instantiate_and_run(
    engine: &Engine,
    module: &Module,
    store: &mut Store<State>,
) -> wasmtime::Result<()> {
    let mut linker: Linker<State> = Linker::new(engine);
    p1::add_to_linker_sync(&mut linker, |state| &mut state.wasi)?;
    linker.func_wrap("host", "call", host_call)?;
    let instance = linker.instantiate(&mut *store, module)?;
    let memory = instance
        .get_memory(&mut *store, "memory")
        .ok_or_else(|| wasmtime::Error::msg("the guest exports no memory"))?;
    let host_alloc = instance.get_typed_func(&mut *store, "host_alloc")?;
    let turn = instance.get_typed_func::<(u32, u32), i32>(&mut *store, "turn")?;
    store.data_mut().exports = Some(Exports { memory, host_alloc });

    store.data_mut().session.begin(ColdPhase::Initialize);
    initialize(&instance, store)?;
    let program = format!("{DRIVER}\nimport _host\nserve(_host.call)\n");
    let code = put(&mut *store, program.as_bytes())?;
    // The driver reports its own failures, so what `turn` returns adds
    // nothing to what the session knows.
    turn.call(&mut *store, code).map(|_| ())
}

/// A snapshot has been initialized when it was made, and has no such export.
fn initialize(instance: &Instance, store: &mut Store<State>) -> wasmtime::Result<()> {
    match instance.get_func(&mut *store, "_initialize") {
        None => Ok(()),
        Some(function) => function.typed::<(), ()>(&*store)?.call(store, ()),
    }
}

/// Copies bytes into memory that the guest has allocated for them, and
/// returns where they are.
fn put(
    mut store: impl wasmtime::AsContextMut<Data = State>,
    bytes: &[u8],
) -> wasmtime::Result<(u32, u32)> {
    let Some(Exports { memory, host_alloc }) = store.as_context().data().exports.clone() else {
        return Err(wasmtime::Error::msg("the guest called before it was up"));
    };
    let length = u32::try_from(bytes.len())?;
    let pointer = host_alloc.call(&mut store, length)?;
    if pointer == 0 && length > 0 {
        return Err(wasmtime::Error::msg("the guest has no memory left for the request"));
    }
    memory.write(&mut store, pointer as usize, bytes)?;
    Ok((pointer, length))
}

/// `host.call`: hands the guest's message to the session, and its answer to
/// the guest.
fn host_call(
    mut caller: Caller<'_, State>,
    pointer: u32,
    length: u32,
    answer_pointer: u32,
    answer_length: u32,
) -> wasmtime::Result<i32> {
    let Some(memory) = caller.data().exports.as_ref().map(|exports| exports.memory) else {
        return Ok(FAULT);
    };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let end = pointer as usize + length as usize;
    let Some(message) = bytes.get(pointer as usize..end) else {
        return Ok(FAULT);
    };
    let Ok(answer) = state.session.answer(message) else {
        return Ok(FAULT);
    };
    let (at, length) = if answer.is_empty() { (0, 0) } else { put(&mut caller, &answer)? };
    memory.write(&mut caller, answer_pointer as usize, &at.to_le_bytes())?;
    memory.write(&mut caller, answer_length as usize, &length.to_le_bytes())?;
    Ok(OK)
}

/// Refuses memory beyond the job's limit, and remembers that it did.
struct MemoryLimit {
    bytes: u64,
    refused: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired as u64 <= self.bytes;
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// Why the guest ended, in one sentence.
fn explain(error: &wasmtime::Error, limit: &MemoryLimit) -> Failure {
    let during = "guest";
    if limit.refused {
        let message = format!(
            "the guest needs more than its {} MiB of memory: raise --memory",
            limit.bytes >> 20
        );
        return Failure::new(FailureKind::Memory, during, message);
    }
    let message = if let Some(I32Exit(code)) = error.downcast_ref() {
        format!("the guest ended with exit code {code}")
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        format!("the guest trapped: {trap}")
    } else {
        format!("the guest could not run: {}", error.root_cause())
    };
    Failure::new(FailureKind::Trap, during, message)
}
