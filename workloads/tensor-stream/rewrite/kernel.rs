//! Normalises image tensors: per channel a scale and a shift, as workload.py does.
#![crate_type = "cdylib"]

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::slice;

const CHANNELS: usize = 3;
const PLANE: usize = 224 * 224;
const FLOAT_BYTES: usize = size_of::<f32>();
const PLANE_BYTES: usize = PLANE * FLOAT_BYTES;

type Value = [u8; FLOAT_BYTES];

struct Model {
    scale: [f32; CHANNELS],
    shift: [f32; CHANNELS],
}

/// torchvision, "Models and pre-trained weights": mean and standard deviation of red, green, blue.
static MODEL: Model = Model {
    scale: [1.0 / 0.229, 1.0 / 0.224, 1.0 / 0.225],
    shift: [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
};

/// Whole images, as floats that a request need not align.
struct Input(&'static [Value]);

/// A response to be: infer writes into it, so that encode has nothing to copy.
struct Output {
    values: *mut MaybeUninit<Value>,
    len: usize,
}

fn normalise(model: &Model, images: &[Value], values: &mut [MaybeUninit<Value>]) {
    let planes = images.chunks_exact(PLANE).zip(values.chunks_exact_mut(PLANE));
    let channels = model.scale.iter().zip(&model.shift).cycle();
    for ((plane, normalised), (scale, shift)) in planes.zip(channels) {
        for (value, it) in plane.iter().zip(normalised) {
            it.write((f32::from_le_bytes(*value) * scale + shift).to_le_bytes());
        }
    }
}

unsafe extern "C" {
    safe fn malloc(size: usize) -> *mut c_void;
}

#[unsafe(no_mangle)]
pub extern "C" fn kernel_load(_assets: *const c_char) -> *mut c_void {
    (&raw const MODEL).cast_mut().cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_decode(
    _model: *const c_void,
    request: *const u8,
    size: usize,
) -> *mut c_void {
    if !size.is_multiple_of(CHANNELS * PLANE_BYTES) {
        return null_mut();
    }
    // SAFETY: a request is `size` bytes that stay until its response has been made, after which
    // nothing of an input is left.
    let images = unsafe { slice::from_raw_parts(request.cast::<Value>(), size / FLOAT_BYTES) };
    Box::into_raw(Box::new(Input(images))).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_infer(model: *const c_void, input: *mut c_void) -> *mut c_void {
    // SAFETY: the model is kernel_load's, and the input kernel_decode's, which is given away.
    let (model, input) = unsafe { (&*model.cast::<Model>(), Box::from_raw(input.cast::<Input>())) };
    let len = input.0.len();
    let values = malloc((len * FLOAT_BYTES).max(1)).cast::<MaybeUninit<Value>>();
    if values.is_null() {
        return null_mut();
    }
    // SAFETY: malloc gave room for `len` values, and nobody else knows of it.
    normalise(model, input.0, unsafe { slice::from_raw_parts_mut(values, len) });
    Box::into_raw(Box::new(Output { values, len })).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_encode(output: *mut c_void, size: *mut usize) -> *mut u8 {
    // SAFETY: the output is kernel_infer's and given away.
    let output = unsafe { Box::from_raw(output.cast::<Output>()) };
    // SAFETY: `size` is the caller's to write to.
    unsafe { *size = output.len * FLOAT_BYTES };
    output.values.cast()
}
