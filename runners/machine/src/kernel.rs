//! The four functions of a workload in a shared object, as
//! `rewrites/kernel.h` has them.

use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;

use libloading::{Library, Symbol};

type Load = unsafe extern "C" fn(*const c_char) -> *mut c_void;
type Decode = unsafe extern "C" fn(*const c_void, *const u8, usize) -> *mut c_void;
type Infer = unsafe extern "C" fn(*const c_void, *mut c_void) -> *mut c_void;
type Encode = unsafe extern "C" fn(*mut c_void, *mut usize) -> *mut u8;

/// A workload's functions.
pub(crate) struct Kernel {
    load: Load,
    decode: Decode,
    infer: Infer,
    encode: Encode,
    /// Where they are.
    _library: Library,
}

/// The model that a kernel has loaded; it stays.
#[derive(Clone, Copy)]
pub(crate) struct Model(NonNull<c_void>);

/// What one of a kernel's functions has made for the next.
pub(crate) struct Value(NonNull<c_void>);

/// A response, in memory of `malloc`'s.
pub(crate) struct Response {
    bytes: NonNull<u8>,
    size: usize,
}

impl Kernel {
    /// Loads the shared object at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: what it runs when it is loaded is what a compiler puts
        // there; it was made of the workload's own sources.
        let library = unsafe { Library::new(path) }?;
        // SAFETY: the types are those of `kernel.h`, by which it was compiled.
        unsafe {
            let [load, decode] = [c"kernel_load", c"kernel_decode"];
            let [infer, encode] = [c"kernel_infer", c"kernel_encode"];
            let load: Symbol<'_, Load> = library.get(load)?;
            let decode: Symbol<'_, Decode> = library.get(decode)?;
            let infer: Symbol<'_, Infer> = library.get(infer)?;
            let encode: Symbol<'_, Encode> = library.get(encode)?;
            let (load, decode, infer, encode) = (*load, *decode, *infer, *encode);
            Ok(Self { load, decode, infer, encode, _library: library })
        }
    }

    /// The model in a folder of assets; none where it cannot be loaded.
    pub(crate) fn load(&self, assets: &str) -> Option<Model> {
        let assets = CString::new(assets).ok()?;
        // SAFETY: the string lives until the function has returned.
        NonNull::new(unsafe { (self.load)(assets.as_ptr()) }).map(Model)
    }

    /// The input that a request holds, which has to stay until the response is
    /// made.
    pub(crate) fn decode(&self, model: Model, request: &[u8]) -> Option<Value> {
        // SAFETY: the model is this kernel's, and the slice is as long as said.
        NonNull::new(unsafe { (self.decode)(model.0.as_ptr(), request.as_ptr(), request.len()) })
            .map(Value)
    }

    /// What the model makes of an input.
    #[expect(clippy::needless_pass_by_value, reason = "the kernel lets go of it")]
    pub(crate) fn infer(&self, model: Model, input: Value) -> Option<Value> {
        // SAFETY: both are this kernel's, and the input is given up.
        NonNull::new(unsafe { (self.infer)(model.0.as_ptr(), input.0.as_ptr()) }).map(Value)
    }

    /// The response that holds an output.
    #[expect(clippy::needless_pass_by_value, reason = "the kernel lets go of it")]
    pub(crate) fn encode(&self, output: Value) -> Option<Response> {
        let mut size = 0;
        // SAFETY: the output is this kernel's and is given up; `size` is there
        // to be written.
        let bytes = NonNull::new(unsafe { (self.encode)(output.0.as_ptr(), &raw mut size) })?;
        Some(Response { bytes, size })
    }
}

impl Response {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the kernel has written so many there, and nobody else frees
        // them.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.size) }
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        // SAFETY: of `malloc`'s, as `kernel.h` has it, and freed once.
        unsafe { libc::free(self.bytes.as_ptr().cast()) };
    }
}
