//! A perceptron with one hidden layer reads 8x8 digits, in float64 as workload.py does.
#![crate_type = "cdylib"]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::{fs, slice};

const PIXELS: usize = 64;
const UNITS: usize = 128;
const DIGITS: usize = 10;

struct Layer<const INPUTS: usize, const OUTPUTS: usize> {
    /// Input after input: the sums of neighbouring units are vectors then, and each sum still
    /// runs over its inputs in order.
    weights: Vec<[f64; OUTPUTS]>,
    biases: Vec<f64>,
}

struct Model {
    hidden: Layer<PIXELS, UNITS>,
    output: Layer<UNITS, DIGITS>,
}

type Image = [f64; PIXELS];
type Row = [f64; DIGITS];

impl<const INPUTS: usize, const OUTPUTS: usize> Layer<INPUTS, OUTPUTS> {
    fn load(assets: &str, name: &str) -> Option<Self> {
        let rows = load_floats(&format!("{assets}/{name}_weights.f32"), INPUTS * OUTPUTS)?;
        let biases = load_floats(&format!("{assets}/{name}_biases.f32"), OUTPUTS)?;
        // The file has one row per unit.
        let of_input = |input| std::array::from_fn(|unit| rows[unit * INPUTS + input]);
        Some(Layer { weights: (0..INPUTS).map(of_input).collect(), biases })
    }

    fn dense(&self, inputs: &[f64; INPUTS]) -> [f64; OUTPUTS] {
        let mut sums = [0.0; OUTPUTS];
        for (weights, input) in self.weights.iter().zip(inputs) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += weight * input;
            }
        }
        for (sum, bias) in sums.iter_mut().zip(&self.biases) {
            *sum += bias;
        }
        sums
    }
}

fn load_floats(path: &str, count: usize) -> Option<Vec<f64>> {
    let file = fs::read(path).ok()?;
    let (values, rest) = file.as_chunks();
    let values: Vec<f64> = values.iter().map(|value| f32::from_le_bytes(*value).into()).collect();
    (values.len() == count && rest.is_empty()).then_some(values)
}

fn load(assets: &str) -> Option<Model> {
    Some(Model { hidden: Layer::load(assets, "hidden")?, output: Layer::load(assets, "output")? })
}

fn decode(request: &[u8]) -> Option<Vec<Image>> {
    let (images, rest) = request.as_chunks::<PIXELS>();
    let values = |image: &[u8; PIXELS]| image.map(|pixel| f64::from(pixel) / 16.0);
    rest.is_empty().then(|| images.iter().map(values).collect())
}

fn classify(model: &Model, image: &Image) -> Row {
    let hidden = model.hidden.dense(image).map(|value| value.max(0.0));
    softmax(model.output.dense(&hidden))
}

fn softmax(logits: Row) -> Row {
    // The largest is taken off first, so that exp cannot overflow.
    let largest = logits.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let exponentials = logits.map(|logit| (logit - largest).exp());
    let total: f64 = exponentials.iter().sum();
    exponentials.map(|exponential| exponential / total)
}

unsafe extern "C" {
    safe fn malloc(size: usize) -> *mut c_void;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_load(assets: *const c_char) -> *mut c_void {
    // SAFETY: the caller gives a string of C's.
    let assets = unsafe { CStr::from_ptr(assets) };
    let model = assets.to_str().ok().and_then(load);
    model.map_or(null_mut(), |model| Box::into_raw(Box::new(model)).cast())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_decode(
    _model: *const c_void,
    request: *const u8,
    size: usize,
) -> *mut c_void {
    // SAFETY: a request is `size` bytes.
    let images = decode(unsafe { slice::from_raw_parts(request, size) });
    images.map_or(null_mut(), |images| Box::into_raw(Box::new(images)).cast())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_infer(model: *const c_void, input: *mut c_void) -> *mut c_void {
    // SAFETY: the model is kernel_load's.
    let model = unsafe { &*model.cast::<Model>() };
    // SAFETY: the input is kernel_decode's and given away.
    let images = unsafe { Box::from_raw(input.cast::<Vec<Image>>()) };
    let rows: Vec<Row> = images.iter().map(|image| classify(model, image)).collect();
    Box::into_raw(Box::new(rows)).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_encode(output: *mut c_void, size: *mut usize) -> *mut u8 {
    // SAFETY: the output is kernel_infer's and given away.
    let rows = unsafe { Box::from_raw(output.cast::<Vec<Row>>()) };
    let values = rows.as_flattened().iter().flat_map(|value| value.to_le_bytes());
    let bytes: Vec<u8> = values.collect();
    let response = malloc(bytes.len().max(1)).cast::<u8>();
    if !response.is_null() {
        // SAFETY: malloc gave room for them all, and `size` is the caller's to write to.
        unsafe {
            copy_nonoverlapping(bytes.as_ptr(), response, bytes.len());
            *size = bytes.len();
        }
    }
    response
}
