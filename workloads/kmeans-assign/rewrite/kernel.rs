//! The nearest of 256 colours for every pixel, by the distances of workload.py.
#![crate_type = "cdylib"]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::{fs, slice};

const CHANNELS: usize = 3;
const COLOURS: usize = 256;
/// Pixels that pass the palette together: neighbours in memory, for vector instructions, and few
/// enough for the nearest cache.
const BLOCK: usize = 64;

/// -2 c and |c|^2 of a colour c: |p|^2 is the same for all colours and left out.
struct Colour {
    products: [f32; CHANNELS],
    square: f32,
}

type Model = Vec<Colour>;
type Pixel = [f32; CHANNELS];

fn load(assets: &str) -> Option<Model> {
    let file = fs::read(format!("{assets}/palette.npy")).ok()?;
    let palette = palette_of(&file)?.as_chunks::<CHANNELS>().0;
    let colours = palette.iter().map(|colour| {
        let colour = colour.map(f32::from);
        let square = colour.iter().map(|value| value * value).sum();
        Colour { products: colour.map(|value| -2.0 * value), square }
    });
    Some(colours.collect())
}

/// The bytes of an .npy file of version 1 that says the shape (256, 3).
fn palette_of(file: &[u8]) -> Option<&[u8]> {
    let (length, rest) = file.strip_prefix(b"\x93NUMPY\x01\x00")?.split_first_chunk()?;
    let (header, data) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    let shape = b"{'descr': '|u1', 'fortran_order': False, 'shape': (256, 3), }";
    header.starts_with(shape).then(|| data.get(..COLOURS * CHANNELS))?
}

fn decode(request: &[u8]) -> Option<Vec<Pixel>> {
    let (pixels, rest) = request.as_chunks::<CHANNELS>();
    rest.is_empty().then(|| pixels.iter().map(|pixel| pixel.map(f32::from)).collect())
}

fn infer(model: &Model, pixels: &[Pixel]) -> Vec<u8> {
    let blocks = pixels.chunks(BLOCK);
    blocks.flat_map(|block| assign(model, block).into_iter().take(block.len())).collect()
}

fn assign(model: &Model, pixels: &[Pixel]) -> [u8; BLOCK] {
    let mut block = [[0.0; BLOCK]; CHANNELS];
    for (i, pixel) in pixels.iter().enumerate() {
        for (channel, value) in block.iter_mut().zip(pixel) {
            channel[i] = *value;
        }
    }
    let [red, green, blue] = &block;
    let (mut smallest, mut nearest) = ([f32::INFINITY; BLOCK], [0_u32; BLOCK]);
    for (number, Colour { products, square }) in (0..).zip(model) {
        for i in 0..BLOCK {
            let distance =
                red[i] * products[0] + green[i] * products[1] + blue[i] * products[2] + square;
            // Of equally near ones, the first.
            let nearer = distance < smallest[i];
            nearest[i] = if nearer { number } else { nearest[i] };
            smallest[i] = if nearer { distance } else { smallest[i] };
        }
    }
    nearest.map(|number| number as u8)
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
    let pixels = decode(unsafe { slice::from_raw_parts(request, size) });
    pixels.map_or(null_mut(), |pixels| Box::into_raw(Box::new(pixels)).cast())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_infer(model: *const c_void, input: *mut c_void) -> *mut c_void {
    // SAFETY: the model is kernel_load's.
    let model = unsafe { &*model.cast::<Model>() };
    // SAFETY: the input is kernel_decode's and given away.
    let pixels = unsafe { Box::from_raw(input.cast::<Vec<Pixel>>()) };
    Box::into_raw(Box::new(infer(model, &pixels))).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_encode(output: *mut c_void, size: *mut usize) -> *mut u8 {
    // SAFETY: the output is kernel_infer's and given away.
    let colours = unsafe { Box::from_raw(output.cast::<Vec<u8>>()) };
    let response = malloc(colours.len().max(1)).cast::<u8>();
    if !response.is_null() {
        // SAFETY: malloc gave room for them all, and `size` is the caller's to write to.
        unsafe {
            copy_nonoverlapping(colours.as_ptr(), response, colours.len());
            *size = colours.len();
        }
    }
    response
}
