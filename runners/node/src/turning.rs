//! Waiting for a promise, within a job that is one call.
//!
//! Pyodide opens itself by promises, and the kit's part of a job runs from its
//! beginning to its end without giving the thread back. So the event loop is
//! turned from here until they are kept, as one does who waits for input
//! within a callback: by libuv, which Node exports.

use std::ffi::{CStr, c_int, c_void};
use std::mem::transmute;

use napi_derive::napi;

type DefaultLoop = unsafe extern "C" fn() -> *mut c_void;
type Run = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;

const DEFAULT_LOOP: &CStr = c"uv_default_loop";
const RUN: &CStr = c"uv_run";

/// `UV_RUN_ONCE`: waits for something to do, and does it.
const ONCE: c_int = 1;

/// Turns the event loop once; says whether it could.
#[napi]
#[must_use]
pub(crate) fn turn_loop() -> bool {
    // SAFETY: the names are strings that end with a zero, and what they name in
    // this process is libuv's own, of these types (`uv.h`).
    let (default_loop, run) = unsafe {
        let default_loop = libc::dlsym(libc::RTLD_DEFAULT, DEFAULT_LOOP.as_ptr());
        let run = libc::dlsym(libc::RTLD_DEFAULT, RUN.as_ptr());
        if default_loop.is_null() || run.is_null() {
            return false;
        }
        (transmute::<*mut c_void, DefaultLoop>(default_loop), transmute::<*mut c_void, Run>(run))
    };
    // SAFETY: on the thread whose loop it is. Node's own turn has not begun
    // while the script given to it runs, so this one is not within another.
    unsafe { run(default_loop(), ONCE) };
    true
}
