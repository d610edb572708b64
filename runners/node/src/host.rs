//! What JavaScript does for the runner: `launch.js`, as seen from here.

use std::path::{Path, PathBuf};

use napi::bindgen_prelude::{
    FnArgs, FromNapiValue, Function, JsObjectValue, JsValuesTupleIntoVec, Object, Uint8Array,
};
use serde::{Deserialize, Serialize};
use wasmfit_kit::protocol::Interpreter;
use wasmfit_kit::{Invocation, Trouble};

/// WebAssembly counts memory in pages of this size.
const PAGE_BYTES: u64 = 64 << 10;

/// The functions that `launch.js` hands over.
pub(crate) struct Host<'env>(Object<'env>);

/// How a guest ended other than by being told to.
#[derive(Debug, Deserialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// It ended its program.
    Exited { code: i32 },
    /// It trapped.
    Trapped { reason: String, backtrace: String },
    /// It wants more memory from the beginning than it may have.
    MemoryRefused,
    /// It could not be run.
    NotRun { reason: String },
}

impl Ending {
    /// The same as every runner tells it.
    pub(crate) fn told(self, limit_bytes: u64) -> Trouble {
        match self {
            Self::Exited { code } => Trouble::Exited(code),
            Self::Trapped { reason, backtrace } => Trouble::Trapped { reason, backtrace },
            Self::MemoryRefused => Trouble::MemoryRefused { limit_bytes },
            Self::NotRun { reason } => Trouble::NotRun(reason),
        }
    }
}

/// What a guest is called with, as `launch.js` reads it.
#[derive(Serialize)]
struct Call<'a> {
    arguments: &'a [String],
    environment: &'a [(&'static str, &'static str)],
    folders: &'a [(PathBuf, &'static str)],
    imports: &'a [String],
}

impl Call<'_> {
    fn of(invocation: &Invocation) -> Result<String, Ending> {
        let Invocation { arguments, environment, folders, imports } = invocation;
        serde_json::to_string(&Call { arguments, environment, folders, imports })
            .map_err(|error| Ending::NotRun { reason: error.to_string() })
    }
}

impl<'env> Host<'env> {
    pub(crate) const fn new(functions: Object<'env>) -> Self {
        Self(functions)
    }

    /// Of Node.
    pub(crate) fn version(&self) -> String {
        self.0.get_named_property("version").unwrap_or_default()
    }

    /// Has V8 compile a module, or say why it does not.
    pub(crate) fn compile(&self, module: &[u8]) -> Result<(), String> {
        let error: String = self
            .ask("compile", Uint8Array::new(module.to_vec()))
            .unwrap_or_else(|error| error.to_string());
        if error.is_empty() { Ok(()) } else { Err(error) }
    }

    /// Lets the guest have no more linear memory than this.
    pub(crate) fn limit_memory(&self, bytes: u64) -> Result<(), Ending> {
        let pages = u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX);
        self.order("limitMemory", pages)
    }

    /// Reads and compiles the guest's module.
    pub(crate) fn load(&self, module: &Path) -> Result<(), Ending> {
        self.order("load", module.to_string_lossy().into_owned())
    }

    /// Instantiates it, with WASI and `host.call` behind its imports.
    pub(crate) fn instantiate(&self, invocation: &Invocation) -> Result<(), Ending> {
        self.order("instantiate", Call::of(invocation)?)
    }

    /// Initializes the interpreter, unless the guest is a snapshot of one, and
    /// has it run `program` to its end.
    pub(crate) fn initialize_and_run(&self, program: &str) -> Result<(), Ending> {
        self.order("initializeAndRun", program.to_owned())
    }

    /// Opens an interpreter that has JavaScript of its own around it, whose
    /// files are in `folder`.
    pub(crate) fn open_interpreter(
        &self,
        interpreter: Interpreter,
        invocation: &Invocation,
        folder: &Path,
        memory_bytes: u64,
    ) -> Result<(), Ending> {
        let name = interpreter.name().to_owned();
        let folder = folder.to_string_lossy().into_owned();
        let call = Call::of(invocation)?;
        // A limit of that size is none, and a double holds it all the same.
        self.order("openInterpreter", FnArgs::from((name, call, folder, memory_bytes as f64)))
    }

    /// Has it run `program` to its end.
    pub(crate) fn run_in_interpreter(&self, program: &str) -> Result<(), Ending> {
        self.order("runInInterpreter", program.to_owned())
    }

    /// Runs a guest that is a command to its end.
    pub(crate) fn start(&self) -> Result<(), Ending> {
        self.order("start", ())
    }

    /// What the guest has taken.
    pub(crate) fn linear_memory_bytes(&self) -> u64 {
        self.ask("memoryBytes", ()).map_or(0, |bytes: i64| u64::try_from(bytes).unwrap_or(0))
    }

    /// Calls what answers with an ending, or nothing when it went well.
    fn order<Args: JsValuesTupleIntoVec>(&self, name: &str, with: Args) -> Result<(), Ending> {
        let not_run = |reason: String| Ending::NotRun { reason };
        let ending: String = self.ask(name, with).map_err(|error| not_run(error.to_string()))?;
        if ending.is_empty() {
            return Ok(());
        }
        Err(serde_json::from_str(&ending).unwrap_or_else(|error| not_run(error.to_string())))
    }

    fn ask<Args: JsValuesTupleIntoVec, Answer: FromNapiValue>(
        &self,
        name: &str,
        with: Args,
    ) -> napi::Result<Answer> {
        self.0.get_named_property::<Function<'_, Args, Answer>>(name)?.call(with)
    }
}
