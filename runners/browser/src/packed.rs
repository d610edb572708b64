//! Files as a site would serve them: packed with Brotli, once, where that
//! makes them smaller.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wasmfit_kit::protocol::{Failure, FailureKind, GuestFiles, file_sha256};

/// As sites pack what seldom changes; the quality that deployments are
/// weighed with.
const QUALITY: i32 = 9;
/// The largest window that every browser takes, as a power of two.
const WINDOW: i32 = 22;
const BUFFER_BYTES: usize = 64 << 10;

/// What is smaller is served as it is.
const LEAST_BYTES: u64 = 4 << 10;
/// A packed file has to be this much smaller, as a share of what it was:
/// archives and images are packed already.
const MOST_OF_PLAIN: f64 = 0.9;

/// Packs what a guest consists of.
pub(crate) fn guest(files: &GuestFiles, artifacts: &Path) -> Result<(), Failure> {
    let library = files.library.iter().map(|it| crate::site::files_below(it));
    let library = library.collect::<io::Result<Vec<_>>>().map_err(|error| failed(&error))?;
    let library = library.into_iter().flatten().map(|(_, path)| path);
    let library = library.map(|path| file(&path, artifacts));
    let module = || module(files, artifacts);
    library
        .chain(std::iter::once_with(module))
        .try_for_each(|it| it.map(|_| ()))
        .map_err(|error| failed(&error))
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(FailureKind::Storage, "compile", error.to_string())
}

/// [`file()`] of a guest's module, whose hash the job tells.
pub(crate) fn module(files: &GuestFiles, artifacts: &Path) -> io::Result<Option<PathBuf>> {
    named(&files.module, || Ok(files.module_sha256.clone()), artifacts)
}

/// The file that holds another one packed, which is made when it is not there;
/// none where packing gains too little.
pub(crate) fn file(path: &Path, artifacts: &Path) -> io::Result<Option<PathBuf>> {
    named(path, || file_sha256(path), artifacts)
}

fn named(
    path: &Path,
    sha256: impl FnOnce() -> io::Result<String>,
    artifacts: &Path,
) -> io::Result<Option<PathBuf>> {
    let plain_bytes = fs::metadata(path)?.len();
    if plain_bytes < LEAST_BYTES {
        return Ok(None);
    }
    let packed = artifacts.join(format!("{}.br", sha256()?));
    if !packed.is_file() {
        pack(path, &packed)?;
    }
    let is_worth_it = (fs::metadata(&packed)?.len() as f64) < plain_bytes as f64 * MOST_OF_PLAIN;
    Ok(is_worth_it.then_some(packed))
}

/// Another process that packs the same at the same time makes the same file.
fn pack(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = to.with_extension(format!("br.{}", std::process::id()));
    let mut target = File::create(&beside)?;
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW,
        ..brotli::enc::BrotliEncoderParams::default()
    };
    let mut packer = brotli::CompressorWriter::with_params(&mut target, BUFFER_BYTES, &parameters);
    io::copy(&mut File::open(from)?, &mut packer)?;
    packer.flush()?;
    drop(packer);
    target.sync_all()?;
    fs::rename(beside, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packing_makes_smaller_is_packed_once_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let artifacts = folder.path().join("artifacts");
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("written");
            file(&path, &artifacts).expect("packed")
        };
        let packed = of("text", &b"the same words ".repeat(1000)).expect("worth it");
        assert!(fs::metadata(&packed).expect("there").len() < 1000);
        assert_eq!(of("copy", &b"the same words ".repeat(1000)), Some(packed));
        assert_eq!(of("short", b"the same words "), None);
        let mut noise = 1_u32;
        let mut next = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        let random: Vec<u8> = (0..20_000).map(|_| next()).collect();
        assert_eq!(of("noise", &random), None);
    }
}
