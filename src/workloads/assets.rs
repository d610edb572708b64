//! A workload's model and data: the files below its `assets/`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use wasmfit_protocol::{file_sha256, sha256};

/// The files of a workload's `assets/`, which may be absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assets {
    /// By path below `assets/`.
    files: BTreeMap<String, Asset>,
}

#[derive(Clone, Debug)]
struct Asset {
    sha256: String,
    bytes: u64,
}

impl Assets {
    /// Reads and hashes every file below `folder`.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut assets = Self::default();
        assets.collect(folder, folder)?;
        Ok(assets)
    }

    fn collect(&mut self, root: &Path, folder: &Path) -> io::Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.collect(root, &path)?;
            } else {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                let bytes = fs::metadata(&path)?.len();
                self.files.insert(name, Asset { sha256: file_sha256(&path)?, bytes });
            }
        }
        Ok(())
    }

    /// One hash over names and contents.
    pub(crate) fn sha256(&self) -> String {
        let lines: Vec<String> =
            self.files.iter().map(|(name, asset)| format!("{}  {name}", asset.sha256)).collect();
        sha256(lines.join("\n").as_bytes())
    }

    /// Size of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().map(|asset| asset.bytes).sum()
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> usize {
        self.files.len()
    }

    /// What is wrong with them by the hashes that `workload.toml` states, as
    /// one line that names the remedy.
    pub(crate) fn fault(&self, stated: &BTreeMap<String, String>) -> Option<String> {
        stated.iter().find_map(|(name, stated)| match self.files.get(name) {
            None => Some(format!(
                "assets/{name} is missing: restore it, or run scripts/setup, which fetches what is too large for version control"
            )),
            Some(found) if !found.sha256.eq_ignore_ascii_case(stated) => Some(format!(
                "assets/{name} has sha256 {}, and workload.toml states {stated}: restore the file, or state the new hash",
                found.sha256
            )),
            Some(_) => None,
        })
    }

    /// The lines that `workload.toml` lacks under `[assets]`.
    pub(crate) fn unstated(&self, stated: &BTreeMap<String, String>) -> Vec<String> {
        let unstated = self.files.iter().filter(|(name, _)| !stated.contains_key(*name));
        unstated.map(|(name, asset)| format!("{name:?} = {:?}", asset.sha256)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_asset_has_to_be_there_and_be_that_file() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("inner")).expect("a folder");
        fs::write(folder.path().join("inner/a"), "abc").expect("a file");
        let assets = Assets::read(folder.path()).expect("assets");
        assert_eq!((assets.count(), assets.bytes()), (1, 3));
        // SHA-256 of "abc": FIPS 180-4, appendix B.1 of its first edition.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let stated = |name: &str, hash: &str| BTreeMap::from([(name.into(), hash.into())]);
        assert_eq!(assets.fault(&stated("inner/a", hash)), None);
        let fault = |name, hash| assets.fault(&stated(name, hash)).unwrap_or_default();
        assert!(fault("inner/a", "00").contains("has sha256 ba7816bf"));
        assert!(fault("b", hash).starts_with("assets/b is missing"));
        assert_eq!(assets.unstated(&BTreeMap::new()), [format!("\"inner/a\" = \"{hash}\"")]);
        assert!(Assets::read(&folder.path().join("none")).expect("none").files.is_empty());
    }
}
