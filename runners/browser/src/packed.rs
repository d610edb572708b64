//! The module as a site would serve it: packed with Brotli, once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wasmfit_kit::protocol::{Failure, FailureKind, GuestFiles};

/// As sites pack what seldom changes; the quality that deployments are
/// weighed with.
const QUALITY: i32 = 9;
/// The largest window that every browser takes, as a power of two.
const WINDOW: i32 = 22;
const BUFFER_BYTES: usize = 64 << 10;

/// The file that holds a guest's module packed, which is made when it is not
/// there.
pub(crate) fn module(files: &GuestFiles, artifacts: &Path) -> Result<PathBuf, Failure> {
    let path = artifacts.join(format!("{}.br", files.module_sha256));
    if path.is_file() {
        return Ok(path);
    }
    pack(&files.module, &path).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::new(FailureKind::Storage, "compile", message)
    })?;
    Ok(path)
}

/// Another process that packs the same at the same time makes the same file.
fn pack(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = to.with_extension(format!("br.{}", std::process::id()));
    let mut packed = File::create(&beside)?;
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW,
        ..brotli::enc::BrotliEncoderParams::default()
    };
    let mut packer = brotli::CompressorWriter::with_params(&mut packed, BUFFER_BYTES, &parameters);
    io::copy(&mut File::open(from)?, &mut packer)?;
    packer.flush()?;
    drop(packer);
    packed.sync_all()?;
    fs::rename(beside, to)
}
