//! The boundary of command guests: standard input and output, both pipes.
//!
//! The guest runs on the calling thread and blocks there; the session answers
//! it from a thread of its own. Each message is a frame: its length as a
//! little-endian unsigned 64-bit number, then its bytes.

use std::fs::File;
use std::io::{self, BufReader, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::thread;

use crate::session::Session;
use crate::watch::{pipe, redirect};

/// The guest's `call` over its standard input and output.
pub(crate) const CALL: &str = include_str!("stdio.py");

/// A pipe's room. Linux gives 64 KiB, and a larger message would have the two
/// threads wake each other for every piece.
const PIPE_BYTES: i32 = 1 << 20;

/// The host's ends of the guest's standard input and output.
#[derive(Debug)]
pub struct Stdio {
    requests: File,
    responses: File,
}

impl Stdio {
    /// Makes this process's standard input and output pipes, for a guest that
    /// inherits them.
    pub fn redirect() -> io::Result<Self> {
        let (input, requests) = pipe()?;
        let (responses, output) = pipe()?;
        redirect(&input, 0)?;
        redirect(&output, 1)?;
        let (requests, responses) = (File::from(requests), File::from(responses));
        for end in [&requests, &responses] {
            widen(end);
        }
        Ok(Self { requests, responses })
    }

    /// Has `run` run the guest to its end while `session` answers it. Returns
    /// the session and what `run` returned, which must not hold copies of the
    /// two descriptors open: the session learns of the guest's end by theirs.
    ///
    /// # Panics
    ///
    /// When the session panics: passed on, as if there were no thread.
    pub fn serve<T>(self, session: Session, run: impl FnOnce() -> T) -> io::Result<(Session, T)> {
        let Self { requests, responses } = self;
        let answering = thread::Builder::new().name("wasmfit-stdio".into());
        let answering = answering.spawn(move || answer(session, requests, responses))?;
        let ended = run();
        // The guest's ends close, so that the session hears of its end.
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        redirect(&nothing, 0)?;
        redirect(&nothing, 1)?;
        match answering.join() {
            Ok(session) => Ok((session, ended)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Gives a pipe the room wanted, where the system allows it: with less, large
/// messages only take longer.
fn widen(end: &impl AsRawFd) {
    // SAFETY: the descriptor is open; F_SETPIPE_SZ takes an integer.
    unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETPIPE_SZ, PIPE_BYTES) };
}

/// Answers until the guest or the session ends. Either way both pipes close,
/// and a guest that still calls finds its input at an end.
fn answer(mut session: Session, mut requests: File, responses: File) -> Session {
    // Buffered, so that a small frame takes one system call.
    let mut responses = BufReader::with_capacity(64 << 10, responses);
    let mut message = Vec::new();
    while read_frame(&mut responses, &mut message).is_ok() {
        let Ok(answer) = session.answer(&message) else { break };
        if write_frame(&mut requests, &answer).is_err() {
            break;
        }
    }
    session
}

fn read_frame(from: &mut impl Read, message: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    message.clear();
    // Grown by what arrives: a guest's word alone allocates nothing.
    match from.take(length).read_to_end(message)? as u64 {
        read if read == length => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes length and bytes together, so that the guest wakes once.
fn write_frame(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = (message.len() as u64).to_le_bytes();
    let written = to.write_vectored(&[IoSlice::new(&length), IoSlice::new(message)])?;
    let rest = written.saturating_sub(length.len());
    to.write_all(length.get(written..).unwrap_or_default())?;
    to.write_all(&message[rest..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes and gives a few bytes at a time, as pipes may.
    struct Trickle(Vec<u8>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(3).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    impl Write for Trickle {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn frames_survive_pipes_that_take_a_few_bytes_at_a_time() {
        for length in [0, 1, 7, 8, 9, 1000] {
            let frame: Vec<u8> = (0u8..).cycle().take(length).collect();
            let mut trickle = Trickle(Vec::new());
            write_frame(&mut trickle, &frame).expect("written");
            let mut whole = Vec::new();
            write_frame(&mut whole, &frame).expect("written");
            assert_eq!(trickle.0, whole);
            let mut read = b"what was there before".to_vec();
            read_frame(&mut trickle, &mut read).expect("read");
            assert_eq!(read, frame);
        }
    }

    #[test]
    fn a_frame_that_is_cut_short_is_an_end() {
        let mut frame = Vec::new();
        write_frame(&mut frame, b"response").expect("written");
        for length in [0, 4, 8, 15] {
            let mut cut = Trickle(frame[..length].to_vec());
            assert!(read_frame(&mut cut, &mut Vec::new()).is_err(), "{length}");
        }
        // A length beyond all memory allocates none.
        let mut absurd = Trickle(u64::MAX.to_le_bytes().to_vec());
        assert!(read_frame(&mut absurd, &mut Vec::new()).is_err());
    }
}
