//! Bringing a guest up: WASI, the memory limit, and why a guest ended.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use wasmfit_kit::protocol::{Boundary, ColdPhase, Failure, FailureKind, GuestFiles, monotonic_ns};
use wasmfit_kit::{
    Ended, GuestCode, Invocation, Session, Stdio, Trouble, needs_components, needs_javascript,
};
use wasmtime::{Engine, Instance, Linker, Module, ResourceLimiter, Store, Trap, WasmBacktrace};
use wasmtime_wasi::cli::{InputFile, OutputFile};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{FsPerms, HostMonotonicClock, I32Exit, WasiCtxBuilder};

use crate::command::{self, Called};
use crate::reactor::{self, Door};
use crate::{code, limit};

/// The host's state: what every guest needs, and what its boundary needs.
pub(crate) struct Host<T> {
    wasi: WasiP1Ctx,
    limit: MemoryLimit,
    pub(crate) own: T,
}

/// Brings the guest up and serves until it ends.
pub(crate) fn serve(
    engine: &Engine,
    module: &Module,
    files: &GuestFiles,
    memory_bytes: Option<u64>,
    mut session: Session,
) -> Result<Ended, Failure> {
    session.begin(ColdPhase::Instantiate);
    let invocation = Invocation::new(files, &mut session);
    match files.boundary {
        Boundary::HostCall => {
            let linker = linker(engine)?;
            session.live(|session| {
                let door = Door::new(session);
                let mut store = store(engine, wasi(&invocation)?, memory_bytes, door);
                let ended = reactor::run(linker.clone(), module, &mut store);
                Ok(end(store, ended.err(), Some(code::of(module))))
            })
        }
        Boundary::NamedCall => {
            let linker = linker(engine)?;
            session.live(|session| {
                let called = Called::new(session);
                let mut store = store(engine, wasi(&invocation)?, memory_bytes, called);
                let ended = command::run(linker.clone(), module, &mut store);
                let Host { limit, own, .. } = store.into_data();
                // It has no name section.
                Ok(ended_with(own.session, &limit, ended.err(), None))
            })
        }
        Boundary::Component => Err(needs_components(files)),
        Boundary::JavaScript => Err(needs_javascript(files)),
        Boundary::Stdio => {
            let unready = |error: io::Error| runner_failure(&error.to_string());
            let stdio = Stdio::redirect().map_err(unready)?;
            let wasi = wasi(&invocation)?;
            let mut store = store(engine, wasi, memory_bytes, ());
            let instance = linker(engine)?
                .instantiate(&mut store, module)
                .map_err(|error| explain(&error, &store.data().limit))?;
            session.begin(ColdPhase::Initialize);
            let run = move || {
                let start = instance.get_typed_func::<(), ()>(&mut store, "_start");
                let ended = start.and_then(|start| start.call(&mut store, ()));
                // Closes what WASI has open.
                (ended, store.into_data().limit)
            };
            let (session, (ended, limit)) = stdio.serve(session, run).map_err(unready)?;
            Ok(ended_with(session, &limit, ended.err(), None))
        }
    }
}

/// Brings a guest that calls the host up, serves until it ends, and hands its
/// instance to `then`.
pub(crate) fn serve_and_then(
    engine: &Engine,
    module: &Module,
    files: &GuestFiles,
    memory_bytes: Option<u64>,
    mut session: Session,
    then: impl FnOnce(&mut Store<Host<Door>>, Instance) -> wasmtime::Result<()>,
) -> Result<Ended, Failure> {
    session.begin(ColdPhase::Instantiate);
    let invocation = Invocation::new(files, &mut session);
    let mut store = store(engine, wasi(&invocation)?, memory_bytes, Door::new(session));
    let ended = reactor::run(linker(engine)?, module, &mut store);
    let ended = ended.and_then(|instance| then(&mut store, instance));
    Ok(end(store, ended.err(), None))
}

fn end(
    store: Store<Host<Door>>,
    error: Option<wasmtime::Error>,
    code: Option<Box<dyn GuestCode>>,
) -> Ended {
    let Host { limit, own, .. } = store.into_data();
    ended_with(own.session, &limit, error, code)
}

/// What has become of a guest, whatever its state was.
pub(crate) fn ended_with(
    session: Session,
    limit: &MemoryLimit,
    error: Option<wasmtime::Error>,
    code: Option<Box<dyn GuestCode>>,
) -> Ended {
    let trouble = error.map(|error| explain(&error, limit));
    Ended { session, code, linear_memory_bytes: limit.used, elsewhere: None, trouble }
}

fn store<T: Send + 'static>(
    engine: &Engine,
    wasi: WasiP1Ctx,
    memory_bytes: Option<u64>,
    own: T,
) -> Store<Host<T>> {
    let limit = MemoryLimit::of(memory_bytes);
    let mut store = Store::new(engine, Host { wasi, limit, own });
    if memory_bytes.is_some() {
        store.limiter(|host| &mut host.limit);
    }
    limit::grant(&mut store, limit::PLENTY);
    store
}

/// A linker that knows WASI.
fn linker<T: Send + 'static>(engine: &Engine) -> Result<Linker<Host<T>>, Failure> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_sync(&mut linker, |host: &mut Host<T>| &mut host.wasi)
        .map_err(|error| runner_failure(&error.to_string()))?;
    Ok(linker)
}

pub(crate) fn runner_failure(message: &str) -> Failure {
    Failure::new(FailureKind::Runner, "instantiate", message)
}

fn wasi(invocation: &Invocation) -> Result<WasiP1Ctx, Failure> {
    wasi_builder(invocation).map(|mut builder| builder.build_p1())
}

/// What a guest has of the machine.
pub(crate) fn wasi_builder(invocation: &Invocation) -> Result<WasiCtxBuilder, Failure> {
    // Read and written where they are called. The streams that inherit these
    // descriptors would hand each read to another thread.
    let descriptor = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
    let open = |error: io::Error| runner_failure(&error.to_string());
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdin(InputFile::new(descriptor(io::stdin().as_fd()).map_err(open)?))
        .stdout(OutputFile::new(descriptor(io::stdout().as_fd()).map_err(open)?))
        .stderr(OutputFile::new(descriptor(io::stderr().as_fd()).map_err(open)?))
        .monotonic_clock(HostClock)
        // Nothing else runs in this process that a blocked thread could hold
        // up, and without this each file access goes through another thread.
        .allow_blocking_current_thread(true)
        .args(&invocation.arguments)
        .envs(&invocation.environment);
    for (host, guest) in &invocation.folders {
        builder.preopened_dir(host, guest, FsPerms::ReadOnly).map_err(|error| {
            let message = format!("{}: {}", host.display(), error.root_cause());
            Failure::new(FailureKind::Guest, "instantiate", message)
        })?;
    }
    Ok(builder)
}

/// `CLOCK_MONOTONIC` as it is, where Wasmtime's own counts from its creation:
/// times that a guest reads are compared with the host's.
struct HostClock;

impl HostMonotonicClock for HostClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        monotonic_ns()
    }
}

/// Refuses memory beyond the job's limit, and remembers that it did.
pub(crate) struct MemoryLimit {
    bytes: u64,
    /// What it has let the guest have, in all its memories; none where it is
    /// not asked.
    used: Option<u64>,
    refused: bool,
}

impl MemoryLimit {
    /// That of a job; none where it is not asked.
    pub(crate) fn of(bytes: Option<u64>) -> Self {
        Self { bytes: bytes.unwrap_or(u64::MAX), used: None, refused: false }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A module has one memory, a component several.
        let used = self.used.unwrap_or(0) + (desired - current) as u64;
        let fits = used <= self.bytes;
        if fits {
            self.used = Some(used);
        }
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

/// Why the guest ended.
fn explain(error: &wasmtime::Error, limit: &MemoryLimit) -> Failure {
    let trouble = if limit.refused {
        Trouble::MemoryRefused { limit_bytes: limit.bytes }
    } else if let Some(I32Exit(code)) = error.downcast_ref() {
        Trouble::Exited(*code)
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
        Trouble::Trapped { reason: trap.to_string(), backtrace: backtrace.unwrap_or_default() }
    } else {
        Trouble::not_run(error.root_cause())
    };
    trouble.into()
}
