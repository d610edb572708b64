//! A workload's ONNX model by tract, with the four functions of `rewrites/kernel.h`: `model.onnx`
//! beside the folder of assets. What the model is given, the workload says in `rewrite/onnx.rs`.

use std::ffi::{CStr, OsStr, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::{ptr, slice};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;

struct Model {
    plan: Arc<TypedRunnableModel>,
    /// The shape of one item. The batch before it is free.
    item: Vec<usize>,
}

fn load(assets: &Path) -> TractResult<Model> {
    let path = assets.with_file_name("model.onnx");
    let network = onnx().model_for_path(path)?.into_optimized()?;
    let item = network
        .input_fact(0)?
        .shape
        .iter()
        .skip(1)
        .map(TDim::to_usize)
        .collect::<Result<_, _>>()?;
    Ok(Model { plan: network.into_runnable()?, item })
}

mod workload {
    //! `values(request) -> Vec<f32>`: what of a request the model is given.
    include!(env!("WASMFIT_ONNX_RS"));
}

fn decode(model: &Model, request: &[u8]) -> TractResult<Tensor> {
    let values = workload::values(request);
    let batch = values.len() / model.item.iter().product::<usize>().max(1);
    Tensor::from_shape(&[&[batch], &*model.item].concat(), &values)
}

fn infer(model: &Model, items: Tensor) -> TractResult<TValue> {
    Ok(model.plan.run(tvec![items.into()])?.remove(0))
}

/// Little-endian float32, item after item, in memory of malloc's.
fn encode(output: &TValue) -> TractResult<&'static mut [u8]> {
    let view = output.try_as_plain_ram()?;
    let values = view.as_slice::<f32>()?;
    let size = size_of_val(values);
    // SAFETY: malloc may be asked for any size; for none at all it would be free to return NULL.
    let memory = unsafe { libc::malloc(size.max(1)) }.cast::<u8>();
    if memory.is_null() {
        return Err(TractError::msg("out of memory"));
    }
    // SAFETY: malloc gave `size` bytes to nobody else, and zeros are bytes like any other.
    let response = unsafe {
        ptr::write_bytes(memory, 0, size);
        slice::from_raw_parts_mut(memory, size)
    };
    for (bytes, value) in response.chunks_exact_mut(size_of::<f32>()).zip(values) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    Ok(response)
}

/// # Safety
///
/// `assets` is a string that ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_load(assets: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise.
    let assets = unsafe { CStr::from_ptr(assets) };
    handed_out(|| load(Path::new(OsStr::from_bytes(assets.to_bytes()))))
}

/// # Safety
///
/// `model` comes from `kernel_load`; `request` are `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_decode(
    model: *const c_void,
    request: *const u8,
    size: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise; nobody changes a model.
    let (model, request) =
        unsafe { (&*model.cast::<Model>(), slice::from_raw_parts(request, size)) };
    handed_out(|| decode(model, request))
}

/// # Safety
///
/// `model` comes from `kernel_load`; `input` from `kernel_decode`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_infer(model: *const c_void, input: *mut c_void) -> *mut c_void {
    // SAFETY: the caller's promise; `handed_out` made the input's box.
    let (model, input) =
        unsafe { (&*model.cast::<Model>(), Box::from_raw(input.cast::<Tensor>())) };
    handed_out(|| infer(model, *input))
}

/// # Safety
///
/// `output` comes from `kernel_infer`, and is not used again; `size` is where a size may be written.
/// The caller frees what it gets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_encode(output: *mut c_void, size: *mut usize) -> *mut u8 {
    // SAFETY: the caller's promise; `handed_out` made the output's box.
    let output = unsafe { Box::from_raw(output.cast::<TValue>()) };
    let Some(response) = caught(|| encode(&output)) else { return ptr::null_mut() };
    // SAFETY: the caller's promise.
    unsafe { size.write(response.len()) };
    response.as_mut_ptr()
}

/// Returns what the work gives, boxed, for the other side to hand back; NULL for a failure.
fn handed_out<T>(work: impl FnOnce() -> TractResult<T>) -> *mut c_void {
    caught(work).map_or(ptr::null_mut(), |value| Box::into_raw(Box::new(value)).cast())
}

/// A panic must not leave Rust. Whatever it leaves half done is not used again.
fn caught<T>(work: impl FnOnce() -> TractResult<T>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            eprintln!("{error:#}");
            None
        }
        Err(_) => None, // the panic has told its message
    }
}
