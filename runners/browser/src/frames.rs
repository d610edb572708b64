//! Frames as pages and the runner send them to each other: the length of each
//! as a little-endian unsigned 64-bit number, then its bytes.

const LENGTH_BYTES: usize = 8;

pub(crate) fn pack<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut packed = Vec::new();
    for frame in frames {
        packed.extend_from_slice(&(frame.len() as u64).to_le_bytes());
        packed.extend_from_slice(frame);
    }
    packed
}

/// The frames; none of those from the first on that is not whole.
pub(crate) fn unpack(mut packed: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = packed.split_first_chunk::<LENGTH_BYTES>() {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((frame, rest)) = rest.split_at_checked(length) else { break };
        frames.push(frame);
        packed = rest;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let frames: [&[u8]; 4] = [b"", b"one", b"", &[7; 300]];
        assert_eq!(unpack(&pack(frames)), frames);
    }

    #[test]
    fn what_is_cut_short_ends_before_the_cut() {
        let packed = pack([&b"whole"[..], b"cut"]);
        assert_eq!(unpack(&packed[..packed.len() - 1]), [b"whole"]);
        assert!(unpack(&u64::MAX.to_le_bytes()).is_empty());
    }
}
