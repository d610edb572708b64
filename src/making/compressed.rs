//! How large files are after compression, as a server would send them.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use wasmfit_record::Compressed;

/// The same for all files, so that sizes compare; the best levels would take
/// minutes for each of those here, and save some 5%.
const BROTLI_QUALITY: u32 = 9;
const ZSTD_LEVEL: i32 = 12;

/// Counts what is written.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses a file in each format. `cache` keeps what was found, by the
/// file's hash.
pub(super) fn sizes(path: &Path, sha256: &str, cache: &Path) -> io::Result<Compressed> {
    let known = cache.join(format!("{sha256}.json"));
    if let Some(found) = fs::read(&known).ok().and_then(|it| serde_json::from_slice(&it).ok()) {
        return Ok(found);
    }
    let bytes = fs::read(path)?;
    let found = thread::scope(|scope| {
        let brotli = scope.spawn(|| brotli_bytes(&bytes));
        let gzip_bytes = gzip_bytes(&bytes)?;
        let zstd_bytes = zstd_bytes(&bytes)?;
        let brotli_bytes = brotli.join().map_err(|_| io::Error::other("Brotli panicked"))??;
        Ok::<_, io::Error>(Compressed { gzip_bytes, brotli_bytes, zstd_bytes })
    })?;
    // Without a cache it is found again the next time.
    if let Ok(text) = serde_json::to_vec(&found) {
        let _ = fs::create_dir_all(cache).and_then(|()| fs::write(&known, text));
    }
    Ok(found)
}

fn gzip_bytes(bytes: &[u8]) -> io::Result<u64> {
    let mut encoder = GzEncoder::new(Counter::default(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.0)
}

fn zstd_bytes(bytes: &[u8]) -> io::Result<u64> {
    let mut counter = Counter::default();
    zstd::stream::copy_encode(bytes, &mut counter, ZSTD_LEVEL)?;
    Ok(counter.0)
}

fn brotli_bytes(mut bytes: &[u8]) -> io::Result<u64> {
    /// The logarithm of the largest window that browsers take.
    const WINDOW_BITS: u32 = 24;
    let mut encoder =
        brotli::CompressorReader::new(&mut bytes, 1 << 16, BROTLI_QUALITY, WINDOW_BITS);
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match encoder.read(&mut buffer)? {
            0 => return Ok(length),
            read => length += read as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_formats_and_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("zeros");
        fs::write(&path, vec![0; 1 << 20]).expect("written");
        let cache = folder.path().join("cache");
        let found = sizes(&path, "abc", &cache).expect("compressed");
        for bytes in [found.gzip_bytes, found.brotli_bytes, found.zstd_bytes] {
            assert!((8..2000).contains(&bytes), "{found:?}");
        }
        fs::remove_file(&path).expect("removed");
        assert_eq!(sizes(&path, "abc", &cache).expect("known"), found);
    }
}
