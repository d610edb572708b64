//! GPT-2's tokenizer: byte-level BPE by the rules of workload.py.
#![crate_type = "cdylib"]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_void};
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::{fs, slice, str};

include!("categories.rs");

const BYTES: usize = 0x100;
const MOST_TOKENS: u32 = 0x10000; // two ids make 32 bits; GPT-2 has 50,256
const NO_MERGE: u32 = u32::MAX;

struct Model {
    byte_ids: [u32; BYTES],
    /// By pair: what it merges into.
    merges: HashMap<u32, u32, BuildHasherDefault<PairHasher>>,
}

/// Pairs come from a table that is trusted: they need no hash that withstands an attacker.
#[derive(Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32((*byte).into());
        }
    }

    fn write_u32(&mut self, value: u32) {
        // Multiplication mixes upwards, and the map takes places from the lowest bits.
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Mark,
    Letter,
    Number,
    Space,
}

// Words

fn kind_of(character: char) -> Kind {
    match character {
        'a'..='z' | 'A'..='Z' => Kind::Letter,
        '0'..='9' => Kind::Number,
        ' ' | '\t'..='\r' => Kind::Space,
        ..'\u{80}' => Kind::Mark,
        _ => kind_of_other(character),
    }
}

fn kind_of_other(character: char) -> Kind {
    let after = CATEGORIES.partition_point(|entry| entry >> 2 <= u32::from(character));
    match CATEGORIES[after - 1] & 3 {
        1 => Kind::Letter,
        2 => Kind::Number,
        3 => Kind::Space,
        _ => Kind::Mark,
    }
}

fn run_size(text: &str, kind: Kind) -> usize {
    text.find(|character| kind_of(character) != kind).unwrap_or(text.len())
}

/// The size of the word that the text starts with. GPT-2's pattern, its alternatives in order.
fn word_size(text: &str) -> usize {
    const CONTRACTIONS: [&str; 7] = ["'s", "'d", "'m", "'t", "'ll", "'ve", "'re"];
    if text.starts_with('\'')
        && let Some(contraction) = CONTRACTIONS.iter().find(|it| text.starts_with(**it))
    {
        return contraction.len();
    }
    let visible = text.strip_prefix(' ').unwrap_or(text);
    match visible.chars().next().map_or(Kind::Space, kind_of) {
        Kind::Space => space_size(text),
        kind => text.len() - visible.len() + run_size(visible, kind),
    }
}

/// Of several spaces the last is left for the word after them.
fn space_size(text: &str) -> usize {
    let size = run_size(text, Kind::Space);
    let last = text[..size].chars().next_back().map_or(0, char::len_utf8);
    if size == text.len() || size == last { size } else { size - last }
}

// Merges

fn pair_of(left: u32, right: u32) -> u32 {
    left << 16 | right
}

impl Model {
    fn find_merge(&self, ids: &[u32], place: usize) -> u32 {
        let pair = pair_of(ids[place], ids[place + 1]);
        self.merges.get(&pair).copied().unwrap_or(NO_MERGE)
    }

    /// Merges the pair that is earliest in the table, until no pair is in it. `merged` is room
    /// for what each id and the next would merge into.
    fn merge(&self, ids: &mut Vec<u32>, merged: &mut Vec<u32>) {
        merged.clear();
        merged.extend((1..ids.len()).map(|next| self.find_merge(ids, next - 1)));
        while let Some((place, id)) = earliest(merged) {
            ids[place] = id;
            ids.remove(place + 1);
            merged.remove(place);
            if place > 0 {
                merged[place - 1] = self.find_merge(ids, place - 1);
            }
            if place < merged.len() {
                merged[place] = self.find_merge(ids, place);
            }
        }
    }

    fn tokenize(&self, mut text: &str) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len());
        let (mut ids, mut merged) = (Vec::new(), Vec::new());
        while !text.is_empty() {
            let (word, rest) = text.split_at(word_size(text));
            ids.clear();
            ids.extend(word.bytes().map(|byte| self.byte_ids[usize::from(byte)]));
            self.merge(&mut ids, &mut merged);
            tokens.extend_from_slice(&ids);
            text = rest;
        }
        tokens
    }
}

/// Where the earliest merge is, and what it makes; of the same ones, the first.
fn earliest(merged: &[u32]) -> Option<(usize, u32)> {
    let (place, id) = merged.iter().copied().enumerate().min_by_key(|(_, id)| *id)?;
    (id != NO_MERGE).then_some((place, id))
}

// The model's file

fn load(assets: &str) -> Option<Model> {
    let table = fs::read_to_string(format!("{assets}/vocab.bpe")).ok()?;
    let mut model = Model { byte_ids: [0; BYTES], merges: HashMap::default() };
    let mut tokens = HashMap::new();
    for (id, (byte, symbol)) in (0..).zip(symbols()) {
        model.byte_ids[usize::from(byte)] = id;
        tokens.insert(symbol.to_string(), id);
    }
    // The first line is the version.
    for line in table.lines().skip(1) {
        let (left, right) = line.split_once(' ')?;
        let pair = pair_of(*tokens.get(left)?, *tokens.get(right)?);
        let id = u32::try_from(tokens.len()).ok().filter(|id| *id < MOST_TOKENS)?;
        model.merges.insert(pair, id);
        if tokens.insert(format!("{left}{right}"), id).is_some() {
            return None;
        }
    }
    (!model.merges.is_empty()).then_some(model)
}

/// The character that the table of merges writes for each byte, in the order of their ids:
/// printable ones stand for themselves, and those from U+0100 for the others.
fn symbols() -> impl Iterator<Item = (u8, char)> {
    let is_printable = |byte: &u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..);
    let printable = (0..=u8::MAX).filter(is_printable).map(|byte| (byte, byte.into()));
    let others = (0..=u8::MAX).filter(move |byte| !is_printable(byte)).zip('\u{100}'..);
    printable.chain(others)
}

// The functions of kernel.h

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
    // SAFETY: a request is `size` bytes that stay until its response has been made, after which
    // nothing of an input is left.
    let request: &'static [u8] = unsafe { slice::from_raw_parts(request, size) };
    let text = str::from_utf8(request);
    text.map_or(null_mut(), |text| Box::into_raw(Box::new(text)).cast())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_infer(model: *const c_void, input: *mut c_void) -> *mut c_void {
    // SAFETY: the model is kernel_load's.
    let model = unsafe { &*model.cast::<Model>() };
    // SAFETY: the input is kernel_decode's and given away.
    let text = unsafe { Box::from_raw(input.cast::<&'static str>()) };
    Box::into_raw(Box::new(model.tokenize(&text))).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_encode(output: *mut c_void, size: *mut usize) -> *mut u8 {
    // SAFETY: the output is kernel_infer's and given away.
    let tokens = unsafe { Box::from_raw(output.cast::<Vec<u32>>()) };
    let bytes: Vec<u8> = tokens.iter().flat_map(|id| id.to_le_bytes()).collect();
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
