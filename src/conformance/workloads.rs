//! The workloads that runners are tried with, and what they have to answer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Below 2^30, so that CPython's remainder by it takes one pass.
const MODULUS: u64 = 1_000_000_007;

/// A workload that comes with this executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Embedded {
    /// Answers with [`checksum`].
    Checksum,
    /// Raises when it is imported.
    RaisesInImport,
    /// Raises in `load`.
    RaisesInLoad,
    /// Raises in `infer`.
    RaisesInInfer,
    /// Has no `infer`.
    LacksInfer,
    /// Answers the same request in two ways.
    Unsteady,
    /// Prints, among other things what looks like an event.
    Prints,
    /// Prints 1 MB.
    Floods,
    /// Never answers.
    Loops,
    /// Takes 384 MiB.
    Hoards,
}

impl Embedded {
    const fn name(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::RaisesInImport => "raises-in-import",
            Self::RaisesInLoad => "raises-in-load",
            Self::RaisesInInfer => "raises-in-infer",
            Self::LacksInfer => "lacks-infer",
            Self::Unsteady => "unsteady",
            Self::Prints => "prints",
            Self::Floods => "floods",
            Self::Loops => "loops",
            Self::Hoards => "hoards",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Checksum => include_str!("workloads/checksum.py"),
            Self::RaisesInImport => include_str!("workloads/raises_in_import.py"),
            Self::RaisesInLoad => include_str!("workloads/raises_in_load.py"),
            Self::RaisesInInfer => include_str!("workloads/raises_in_infer.py"),
            Self::LacksInfer => include_str!("workloads/lacks_infer.py"),
            Self::Unsteady => include_str!("workloads/unsteady.py"),
            Self::Prints => include_str!("workloads/prints.py"),
            Self::Floods => include_str!("workloads/floods.py"),
            Self::Loops => include_str!("workloads/loops.py"),
            Self::Hoards => include_str!("workloads/hoards.py"),
        }
    }

    /// Writes it below `folder`. Its package is of the standard library, so
    /// that every guest has it.
    pub(super) fn write(self, folder: &Path) -> io::Result<wasmfit_protocol::Workload> {
        let name = self.name().to_owned();
        let folder: PathBuf = folder.join(&name);
        fs::create_dir_all(folder.join("assets"))?;
        fs::write(folder.join("assets/modulus.txt"), format!("{MODULUS}\n"))?;
        fs::write(folder.join("workload.py"), self.code())?;
        Ok(wasmfit_protocol::Workload { name, folder, packages: vec![PACKAGE.into()] })
    }
}

/// The package whose version runners are asked for.
pub(super) const PACKAGE: &str = "json";

/// What `checksum.py` answers.
pub(super) fn checksum(request: &[u8]) -> Vec<u8> {
    if request.is_empty() {
        return Vec::new();
    }
    // Four bytes at a time: below 2^30 times 2^32, and so within 64 bits.
    let remainder = request.chunks(4).rev().fold(0, |sum, bytes| {
        bytes.iter().rev().fold(sum, |sum: u64, byte| (sum << 8) | u64::from(*byte)) % MODULUS
    });
    let mut response = format!("{}:{remainder}:", request.len()).into_bytes();
    response.extend(request.iter().rev());
    response
}

/// A request of `length` bytes, of all values and in no simple order.
pub(super) fn request(length: usize) -> Vec<u8> {
    // Marsaglia's xorshift, *Journal of Statistical Software* 8, 2003.
    let mut state = 2_463_534_242_u32;
    let mut request = Vec::with_capacity(length + size_of::<u32>());
    while request.len() < length {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        request.extend_from_slice(&state.to_le_bytes());
    }
    request.truncate(length);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_workload() {
        assert_eq!(checksum(b""), b"");
        // 0x6362 61 = 6513249, and 2^40 - 1 - 1099 * 1000000007.
        assert_eq!(checksum(b"abc"), b"3:6513249:cba");
        assert_eq!(checksum(&[255; 5]), b"5:511620082:\xff\xff\xff\xff\xff");
    }
}
