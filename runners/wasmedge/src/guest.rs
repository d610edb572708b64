//! Bringing a guest up: WASI, limits, and why a guest ended.

use std::path::Path;

use wasmedge_sys::{AsInstance, Config, Executor, Instance, Module, Store, WasiModule, WasmValue};
use wasmedge_types::error::{CoreError, WasmEdgeError};
use wasmfit_kit::protocol::{Boundary, ColdPhase, Failure, FailureKind, GuestFiles, Limits};
use wasmfit_kit::{Ended, Invocation, Session, Stdio, Trouble, needs_components, needs_javascript};

use crate::engine::{self, Mode};
use crate::gas::{self, Gas};
use crate::{command, reactor};

/// Linear memory comes in pages of this size.
pub(crate) const PAGE_BYTES: u64 = 64 << 10;

/// Brings the guest up and serves until it ends.
pub(crate) fn serve(
    mode: Mode,
    program: &Path,
    files: &GuestFiles,
    limits: Limits,
    mut session: Session,
) -> Result<Ended, Failure> {
    let mut config = engine::config(mode, engine::needs_exceptions(files)).map_err(broken)?;
    let pages = limits.memory_bytes / PAGE_BYTES;
    config.set_max_memory_pages(u32::try_from(pages).unwrap_or(u32::MAX));
    let module = engine::load(&config, program).map_err(|reason| {
        let message = format!("{}: {reason}", program.display());
        Failure::new(FailureKind::Guest, "load-artifact", message)
    })?;

    session.begin(ColdPhase::Instantiate);
    let invocation = Invocation::new(files, &mut session);
    match files.boundary {
        Boundary::HostCall => {
            reactor::serve(Host::new(mode, &config, &invocation)?, &module, session)
        }
        Boundary::NamedCall => {
            command::serve(Host::new(mode, &config, &invocation)?, &module, session)
        }
        Boundary::Component => Err(needs_components(files)),
        Boundary::JavaScript => Err(needs_javascript(files)),
        Boundary::Stdio => {
            let stdio = Stdio::redirect().map_err(broken)?;
            let mut host = Host::new(mode, &config, &invocation)?;
            let mut guest = host.instantiate(&module)?;
            session.begin(ColdPhase::Initialize);
            let run = || host.call(&mut guest, "_start", []).map(|_| ());
            let (session, ended) = stdio.serve(session, run).map_err(broken)?;
            let trouble = ended.err().map(Failure::from);
            let linear_memory_bytes = memory_bytes(&guest);
            Ok(Ended { session, code: None, linear_memory_bytes, elsewhere: None, trouble })
        }
    }
}

/// What executes a guest and gives it WASI.
pub(crate) struct Host {
    /// In a place of its own: host functions call into the guest through it.
    pub(crate) executor: Box<Executor>,
    pub(crate) store: Store,
    wasi: WasiModule,
    /// Dropped last: the executor counts in it.
    _gas: Option<Gas>,
}

impl Host {
    fn new(mode: Mode, config: &Config, invocation: &Invocation) -> Result<Self, Failure> {
        let environment: Vec<String> =
            invocation.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let folders: Vec<String> = invocation
            .folders
            .iter()
            .map(|(host, guest)| format!("{guest}:{}:readonly", host.display()))
            .collect();
        let [arguments, environment, folders] = [&invocation.arguments, &environment, &folders]
            .map(|texts| Some(texts.iter().map(String::as_str).collect()));
        let wasi = WasiModule::create(arguments, environment, folders);
        let wasi = wasi.map_err(broken)?;
        let gas = (mode == Mode::AotGas).then(|| Gas::new(gas::PLENTY)).transpose();
        let mut gas = gas.map_err(broken)?;
        let executor = match &mut gas {
            Some(gas) => gas.executor(config),
            None => Executor::create(Some(config), None),
        };
        let mut executor = Box::new(executor.map_err(broken)?);
        let mut store = Store::create().map_err(broken)?;
        executor.register_import_module(&mut store, wasi.as_ref()).map_err(broken)?;
        Ok(Self { executor, store, wasi, _gas: gas })
    }

    pub(crate) fn instantiate(&mut self, module: &Module) -> Result<Instance, Trouble> {
        self.executor.register_active_module(&mut self.store, module).map_err(Trouble::not_run)
    }

    /// Calls a function that the guest exports.
    pub(crate) fn call(
        &mut self,
        guest: &mut Instance,
        name: &str,
        arguments: impl IntoIterator<Item = WasmValue>,
    ) -> Result<Vec<WasmValue>, Trouble> {
        let mut function = guest.get_func_mut(name).map_err(Trouble::not_run)?;
        let ended = self.executor.call_func(&mut function, arguments);
        // A program that ends itself returns as if it had come to its end.
        match (ended, self.wasi.exit_code()) {
            (Ok(results), 0) => Ok(results),
            (Ok(_), code) => Err(Trouble::Exited(i32::try_from(code).unwrap_or(i32::MAX))),
            (Err(error), _) => Err(match *error {
                WasmEdgeError::Core(CoreError::Execution(trap)) => {
                    Trouble::Trapped { reason: trap.to_string(), backtrace: String::new() }
                }
                other => Trouble::not_run(other),
            }),
        }
    }
}

/// Linear memory of a guest that exports it.
pub(crate) fn memory_bytes(guest: &Instance) -> Option<u64> {
    Some(u64::from(guest.get_memory_ref("memory").ok()?.size()) * PAGE_BYTES)
}

/// A fault of the runner's own.
#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
pub(crate) fn broken(error: impl ToString) -> Failure {
    Failure::new(FailureKind::Runner, "instantiate", error.to_string())
}
