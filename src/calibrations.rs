//! What is known of how far the attribution of each target is off: a file in
//! the cache, which `wasmfit calibrate` writes and every run reads.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmfit_record::Calibration;

use crate::cached;
use crate::exit::CommandError;

/// Version of the file's format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    calibrations: Vec<Calibration>,
}

/// All of them; none where the file is missing or of another version: then the
/// targets count as not calibrated.
pub(crate) fn read(path: &Path) -> Vec<Calibration> {
    let text = fs::read(path).unwrap_or_default();
    let file = serde_json::from_slice(&text).ok().filter(|file: &File| file.version == VERSION);
    file.map_or_else(Vec::new, |file| file.calibrations)
}

/// Adds `found`, in place of what was known of the same targets, versions and
/// rules.
pub(crate) fn add(path: &Path, found: Vec<Calibration>) -> Result<(), CommandError> {
    let mut calibrations = read(path);
    calibrations.retain(|known| {
        !found.iter().any(|it| {
            it.target == known.target
                && it.runtime_version == known.runtime_version
                && it.rules == known.rules
        })
    });
    calibrations.extend(found);
    calibrations.sort_by(|a, b| (&a.target, &a.measured_at).cmp(&(&b.target, &b.measured_at)));
    cached::replace(path, &File { version: VERSION, calibrations })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(target: &str, version: &str, error: f64) -> Calibration {
        Calibration {
            target: target.parse().expect("a target"),
            runtime_version: version.into(),
            rules: Vec::new(),
            measured_at: "2026-01-31T12:00:00Z".into(),
            mixes: 44,
            samples: 1000,
            mean_error_points: error,
            worst_error_points: error,
            worst_mix: "loop 50% + matmul 50%".into(),
        }
    }

    #[test]
    fn the_last_one_of_a_target_and_version_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/calibrations.json");
        assert!(read(&path).is_empty());
        let (native, wasm) = ("native@cpython-3.15", "wasmtime/cranelift@cpython-3.15");
        add(&path, vec![calibration(native, "3.15.0", 1.0), calibration(wasm, "48", 2.0)])
            .expect("added");
        add(&path, vec![calibration(wasm, "48", 3.0), calibration(wasm, "49", 4.0)])
            .expect("added");
        let errors: Vec<f64> = read(&path).iter().map(|it| it.mean_error_points).collect();
        assert_eq!(errors, [1.0, 3.0, 4.0]);
        fs::write(&path, "{}").expect("damaged");
        assert!(read(&path).is_empty());
    }
}
