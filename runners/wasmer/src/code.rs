//! Names of compiled functions.

use wasmer::{Engine, Store};
use wasmer_compiler::FRAME_INFO;
use wasmfit_kit::GuestCode;

struct Code {
    /// Keeps the code mapped and its functions registered.
    _engine: Engine,
}

pub(crate) fn of(store: &Store) -> Box<dyn GuestCode> {
    Box::new(Code { _engine: store.engine().clone() })
}

impl GuestCode for Code {
    fn function_at(&self, address: usize) -> Option<String> {
        // What Wasmer names the frames of traps by.
        let info = FRAME_INFO.read().ok()?.lookup_frame_info(address)?;
        let name = info.function_name().map(str::to_owned);
        Some(name.unwrap_or_else(|| format!("f{}", info.func_index())))
    }
}
