//! Names of compiled functions.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::Arc;

use wasmedge_sys::Module;
use wasmfit_kit::{GuestCode, function_names};

struct Code {
    /// Keeps the code mapped.
    _module: Arc<Module>,
    /// By function index; read when the first name is asked for.
    names: OnceCell<BTreeMap<u32, String>>,
}

pub(crate) fn of(module: &Arc<Module>) -> Box<dyn GuestCode> {
    Box::new(Code { _module: Arc::clone(module), names: OnceCell::new() })
}

impl GuestCode for Code {
    fn function_at(&self, address: usize) -> Option<String> {
        let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: takes any address, and fills `found` in when it returns
        // another value than 0.
        let found = unsafe {
            if libc::dladdr(address as *const libc::c_void, found.as_mut_ptr()) == 0 {
                return None;
            }
            found.assume_init()
        };
        if found.dli_sname.is_null() || found.dli_fname.is_null() {
            return None;
        }
        // SAFETY: texts of a library that is loaded.
        let (symbol, library) =
            unsafe { (CStr::from_ptr(found.dli_sname), CStr::from_ptr(found.dli_fname)) };
        // WasmEdge's compiler names function N of the module `fN`, and the way
        // into functions of a type `tN`.
        let symbol = symbol.to_str().ok()?;
        let (kind, index) = symbol.split_at_checked(1)?;
        let index: u32 = index.parse().ok()?;
        let names = self.names.get_or_init(|| names_of(library));
        match (kind, names.get(&index)) {
            ("f", Some(name)) => Some(name.clone()),
            ("f", None) => Some(symbol.to_owned()),
            ("t", _) => Some("[trampoline]".to_owned()),
            _ => None,
        }
    }
}

/// The names of the module that a compiled library holds as `wasm.code`.
fn names_of(library: &CStr) -> BTreeMap<u32, String> {
    // SAFETY: the library is loaded: this asks for it, and runs nothing. Its
    // symbols are data that stays as long as it is.
    unsafe {
        let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return BTreeMap::new();
        }
        let code = libc::dlsym(handle, c"wasm.code".as_ptr()).cast::<u8>();
        let size = libc::dlsym(handle, c"wasm.size".as_ptr()).cast::<u32>();
        let names = if code.is_null() || size.is_null() {
            BTreeMap::new()
        } else {
            function_names(std::slice::from_raw_parts(code, size.read_unaligned() as usize))
        };
        libc::dlclose(handle);
        names
    }
}
