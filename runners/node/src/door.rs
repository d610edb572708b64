//! Between the guest and the session: what `host.call` of `launch.js` calls.
//!
//! A message is read where it lies in linear memory, and an answer copied to
//! where the guest wants it: both calls take numbers alone, so that a crossing
//! makes no object of JavaScript's.

use std::cell::RefCell;
use std::slice;
use std::sync::Arc;

use napi::bindgen_prelude::ArrayBuffer;
use napi_derive::napi;
use wasmfit_kit::protocol::ColdPhase;
use wasmfit_kit::{HOST_CALL_FAULT, Session};

thread_local! {
    /// Of the one job of this process.
    static OPEN: RefCell<Option<Open>> = const { RefCell::new(None) };
}

struct Open {
    session: Session,
    memory: Memory,
    answer: Arc<[u8]>,
}

/// Linear memory, where it was when JavaScript last looked.
#[derive(Clone, Copy)]
struct Memory {
    start: *mut u8,
    length: usize,
}

impl Memory {
    const NONE: Self = Self { start: std::ptr::NonNull::dangling().as_ptr(), length: 0 };

    /// Whether there are `length` bytes at `pointer`.
    fn holds(self, pointer: u32, length: usize) -> bool {
        (pointer as usize).checked_add(length).is_some_and(|end| end <= self.length)
    }
}

/// Opens it to the guest.
pub(crate) fn open(session: Session) {
    OPEN.set(Some(Open { session, memory: Memory::NONE, answer: Arc::from([]) }));
}

/// [`Session::begin`].
pub(crate) fn begin(phase: ColdPhase) {
    OPEN.with_borrow_mut(|open| open.iter_mut().for_each(|it| it.session.begin(phase)));
}

/// The same, of a guest that brings itself up, by the phase's name.
#[napi]
#[allow(clippy::needless_pass_by_value, reason = "what comes from JavaScript is made for the call")]
pub(crate) fn began(phase: String) {
    if let Some(phase) = ColdPhase::ALL.into_iter().find(|it| it.name() == phase) {
        begin(phase);
    }
}

/// Closes it again; none that was not opened.
pub(crate) fn close() -> Option<Session> {
    OPEN.take().map(|it| it.session)
}

/// Says where linear memory is, whenever that has changed.
#[napi]
pub(crate) fn memory_is(buffer: ArrayBuffer<'_>) {
    OPEN.with_borrow_mut(|open| {
        if let Some(open) = open {
            open.memory = Memory { start: buffer.as_ptr().cast_mut(), length: buffer.len() };
        }
    });
}

/// Hands the message at `pointer` to the session. Returns the length of its
/// answer, or a negative number when the conversation is over.
#[napi]
#[must_use]
pub(crate) fn answer(pointer: u32, length: u32) -> i32 {
    OPEN.with_borrow_mut(|open| {
        let open = open.as_mut()?;
        if !open.memory.holds(pointer, length as usize) {
            return None;
        }
        // SAFETY: within linear memory, which V8 neither moves nor unmaps
        // while this function runs, and nothing writes to it meanwhile.
        let message = unsafe {
            slice::from_raw_parts(open.memory.start.add(pointer as usize), length as usize)
        };
        open.answer = open.session.answer(message).ok()?;
        i32::try_from(open.answer.len()).ok()
    })
    .unwrap_or(HOST_CALL_FAULT)
}

/// Copies the answer to `pointer`.
#[napi]
#[must_use]
pub(crate) fn collect(pointer: u32) -> bool {
    OPEN.with_borrow(|open| {
        let Some(Open { memory, answer, .. }) = open else { return false };
        let fits = memory.holds(pointer, answer.len());
        if fits {
            // SAFETY: within linear memory, as above; the answer lies outside.
            unsafe {
                let target = memory.start.add(pointer as usize);
                std::ptr::copy_nonoverlapping(answer.as_ptr(), target, answer.len());
            }
        }
        fits
    })
}
