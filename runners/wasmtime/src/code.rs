//! Names of compiled functions.

use std::cell::OnceCell;

use wasmfit_kit::GuestCode;
use wasmtime::{Module, ModuleFunction};

/// What Wasmtime puts between functions: the ways in and out of the guest.
const TRAMPOLINE: &str = "[trampoline]";

struct Code {
    /// Keeps the code mapped.
    module: Module,
    /// By address; read when the first name is asked for.
    functions: OnceCell<Vec<ModuleFunction>>,
}

pub(crate) fn of(module: &Module) -> Box<dyn GuestCode> {
    Box::new(Code { module: module.clone(), functions: OnceCell::new() })
}

impl GuestCode for Code {
    fn function_at(&self, address: usize) -> Option<String> {
        let text = self.module.text();
        let offset = address.checked_sub(text.as_ptr().addr())?;
        if offset >= text.len() {
            return None;
        }
        let functions = self.functions.get_or_init(|| {
            let mut functions: Vec<_> = self.module.functions().collect();
            functions.sort_by_key(|function| function.offset);
            functions
        });
        let after = functions.partition_point(|it| it.offset <= offset);
        let found = functions[..after].last().filter(|it| offset < it.offset + it.len);
        let Some(found) = found else { return Some(TRAMPOLINE.to_owned()) };
        Some(found.name.clone().unwrap_or_else(|| format!("f{}", found.index.as_u32())))
    }
}
