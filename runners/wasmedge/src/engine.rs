//! WasmEdge's settings, loader and compiler.

use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;

use wasmedge_sys::{Compiler, Config, Loader, Module, Validator, ffi};
use wasmedge_types::error::{CoreError, WasmEdgeError};
use wasmedge_types::{CompilerOptimizationLevel, CompilerOutputFormat, RunMode};
use wasmfit_kit::no_tier;
use wasmfit_kit::protocol::{Failure, GuestFiles, Proposal};

use crate::gas;

/// A tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Every instruction is looked up as it comes.
    Interpreter,
    /// Compiled ahead by LLVM.
    Aot,
    /// The same, of a copy without exception handling.
    AotNoeh,
    /// Compiled ahead, with what each instruction costs counted.
    AotGas,
}

impl Mode {
    pub(crate) fn of(tier: &str) -> Result<Self, Failure> {
        match tier {
            "interpreter" => Ok(Self::Interpreter),
            "aot" => Ok(Self::Aot),
            "aot-noeh" => Ok(Self::AotNoeh),
            gas::TIER => Ok(Self::AotGas),
            _ => Err(no_tier(tier)),
        }
    }
}

/// Whether a guest needs exception handling switched on. What has been
/// stripped of it does too: the types remain.
pub(crate) fn needs_exceptions(guest: &GuestFiles) -> bool {
    guest.proposals.contains(&Proposal::Exceptions)
}

/// The settings of a tier. Exception handling is on only where it is needed,
/// since WasmEdge's compiler has not learned it before 0.18.
pub(crate) fn config(mode: Mode, exceptions: bool) -> Result<Config, String> {
    let mut config = Config::create().map_err(reason)?;
    config.exception_handling(exceptions);
    config.tail_call(true);
    config.set_run_mode(match mode {
        Mode::Interpreter => RunMode::Interpreter,
        // Unless told, it interprets what has been compiled.
        Mode::Aot | Mode::AotNoeh | Mode::AotGas => RunMode::Aot,
    });
    config.measure_cost(mode == Mode::AotGas);
    config.set_aot_compiler_output_format(CompilerOutputFormat::Native);
    config.set_aot_optimization_level(match mode {
        // What WasmEdge's own command line takes.
        Mode::Interpreter | Mode::Aot | Mode::AotGas => CompilerOptimizationLevel::O2,
        // LLVM crashes on a module of that size at any higher level.
        Mode::AotNoeh => CompilerOptimizationLevel::O0,
    });
    Ok(config)
}

/// Reads and validates a module, or maps a compiled one.
pub(crate) fn load(config: &Config, program: &Path) -> Result<Arc<Module>, String> {
    let module = Loader::create(Some(config))
        .and_then(|loader| loader.from_file(program))
        .map_err(reason)?;
    let validator = Validator::create(Some(config)).map_err(reason)?;
    validator.validate(&module).map_err(reason)?;
    Ok(module)
}

/// Compiles `module`, a file that ends in `.wasm`, to a shared library.
pub(crate) fn compile(
    mode: Mode,
    exceptions: bool,
    module: &Path,
    library: &Path,
) -> Result<(), String> {
    let config = config(mode, exceptions)?;
    let compiler = Compiler::create(Some(&config)).map_err(reason)?;
    compiler.compile_from_file(module, library).map_err(reason)
}

/// WasmEdge's own words.
#[expect(clippy::boxed_local, reason = "what map_err hands over")]
pub(crate) fn reason(error: Box<WasmEdgeError>) -> String {
    match *error {
        // The library knows more codes than its wrapper.
        WasmEdgeError::Core(CoreError::UnknownError(code)) => message(code),
        other => other.to_string(),
    }
}

fn message(code: u32) -> String {
    let result = ffi::WasmEdge_Result { Code: code };
    // SAFETY: takes any code, and returns a text that lives as long as the
    // library.
    let text = unsafe { CStr::from_ptr(ffi::WasmEdge_ResultGetMessage(result)) };
    text.to_string_lossy().into_owned()
}
