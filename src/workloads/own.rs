//! Workloads that are part of wasmfit: its instruments. They are written
//! where runners can read them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::Encoding;
use crate::exit::CommandError;

/// A workload that is part of this program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnWorkload {
    pub(crate) name: &'static str,
    /// `workload.toml`.
    manifest: &'static str,
    /// `workload.py`.
    code: &'static str,
}

impl OwnWorkload {
    /// The folder of its name in `folder`: absolute, as a bare name would be
    /// looked for in the suite.
    pub(crate) fn folder_in(&self, folder: &Path) -> PathBuf {
        let own = folder.join(self.name);
        std::path::absolute(&own).unwrap_or(own)
    }

    /// Writes it to its folder in `folder`, which it returns.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, CommandError> {
        let own = self.folder_in(folder);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&own)?;
            fs::write(own.join("workload.toml"), self.manifest)?;
            fs::write(own.join("workload.py"), self.code)
        };
        match write() {
            Ok(()) => Ok(own),
            Err(error) => Err(CommandError::Storage(format!("{}: {error}", own.display()))),
        }
    }
}

/// What attribution is calibrated with.
pub(crate) const CALIBRATION: [OwnWorkload; 2] = [
    OwnWorkload {
        name: "calibration-python",
        manifest: include_str!("../../calibration/calibration-python/workload.toml"),
        code: include_str!("../../calibration/calibration-python/workload.py"),
    },
    OwnWorkload {
        name: "calibration-numpy",
        manifest: include_str!("../../calibration/calibration-numpy/workload.toml"),
        code: include_str!("../../calibration/calibration-numpy/workload.py"),
    },
];

/// What crosses the boundary in an encoding.
pub(crate) const fn of_encoding(encoding: Encoding) -> OwnWorkload {
    let (name, manifest) = match encoding {
        Encoding::Raw => ("boundary-raw", include_str!("../../boundary/raw.toml")),
        Encoding::Items => ("boundary-items", include_str!("../../boundary/items.toml")),
        Encoding::Struct => ("boundary-struct", include_str!("../../boundary/struct.toml")),
        Encoding::Json => ("boundary-json", include_str!("../../boundary/json.toml")),
        Encoding::Pickle => ("boundary-pickle", include_str!("../../boundary/pickle.toml")),
        Encoding::Msgpack => ("boundary-msgpack", include_str!("../../boundary/msgpack.toml")),
        Encoding::Array => ("boundary-array", include_str!("../../boundary/array.toml")),
        Encoding::NumpyView => {
            ("boundary-numpy-view", include_str!("../../boundary/numpy-view.toml"))
        }
        Encoding::NumpyCopy => {
            ("boundary-numpy-copy", include_str!("../../boundary/numpy-copy.toml"))
        }
        Encoding::JsProxy => ("boundary-js-proxy", include_str!("../../boundary/js-proxy.toml")),
        Encoding::JsConvert => {
            ("boundary-js-convert", include_str!("../../boundary/js-convert.toml"))
        }
        Encoding::JsJson => ("boundary-js-json", include_str!("../../boundary/js-json.toml")),
        Encoding::JsCopy => ("boundary-js-copy", include_str!("../../boundary/js-copy.toml")),
        Encoding::WitBytes => ("boundary-wit-bytes", include_str!("../../boundary/wit-bytes.toml")),
        Encoding::WitFloats => {
            ("boundary-wit-floats", include_str!("../../boundary/wit-floats.toml"))
        }
        Encoding::WitItems => ("boundary-wit-items", include_str!("../../boundary/wit-items.toml")),
        Encoding::JsView => ("boundary-js-view", include_str!("../../boundary/js-view.toml")),
    };
    OwnWorkload { name, manifest, code: include_str!("../../boundary/workload.py") }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::workloads::Workload;

    #[test]
    fn every_encoding_has_a_workload_of_its_own_name() {
        for encoding in Encoding::value_variants() {
            let own = of_encoding(*encoding);
            let folder = tempfile::tempdir().expect("a folder");
            let read = Workload::read(&own.write(folder.path()).expect("written"));
            let read = read.expect("a workload");
            let crossed = read.manifest.boundary.as_ref().expect("crossings");
            assert_eq!(format!("boundary-{}", crossed.encoding), own.name);
            for case in read.cases() {
                let crossings = crossed.crossings(case.batch);
                assert!(crossings.iter().all(|(bytes, _)| bytes % 8 == 0));
                assert_eq!(read.requests_of(&case) as usize, crossings.len());
            }
        }
    }
}
