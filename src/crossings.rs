//! What is known of the cost of a crossing on each target: a file in the
//! cache, which `wasmfit boundary` writes and every run reads.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmfit_record::CrossingCost;

use crate::cached;
use crate::exit::CommandError;

/// Version of the file's format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    crossings: Vec<CrossingCost>,
}

/// All of them; none where the file is missing or of another version.
pub(crate) fn read(path: &Path) -> Vec<CrossingCost> {
    let text = fs::read(path).unwrap_or_default();
    let file = serde_json::from_slice(&text).ok().filter(|file: &File| file.version == VERSION);
    file.map_or_else(Vec::new, |file| file.crossings)
}

/// Adds `found`, in place of what was known of the same targets and versions.
pub(crate) fn add(path: &Path, found: Vec<CrossingCost>) -> Result<(), CommandError> {
    if found.is_empty() {
        return Ok(());
    }
    let mut crossings = read(path);
    crossings.retain(|known| {
        let is_same = |it: &CrossingCost| {
            it.target == known.target && it.runtime_version == known.runtime_version
        };
        !found.iter().any(is_same)
    });
    crossings.extend(found);
    crossings.sort_by(|a, b| (&a.target, &a.measured_at).cmp(&(&b.target, &b.measured_at)));
    cached::replace(path, &File { version: VERSION, crossings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(target: &str, version: &str, fixed_ns: f64) -> CrossingCost {
        CrossingCost {
            target: target.parse().expect("a target"),
            runtime_version: version.into(),
            boundary: None,
            measured_at: "2026-01-31T12:00:00Z".into(),
            fixed_ns,
            fixed_interval_ns: None,
            byte_ns: 0.1,
            error_share: 0.05,
        }
    }

    #[test]
    fn the_last_one_of_a_target_and_version_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/crossings.json");
        assert!(read(&path).is_empty());
        add(&path, Vec::new()).expect("nothing to add");
        assert!(!path.exists());
        let wasm = "wasmtime/cranelift@cpython-3.15";
        add(&path, vec![cost("native@cpython-3.15", "3.15.0", 1.0), cost(wasm, "48", 2.0)])
            .expect("added");
        add(&path, vec![cost(wasm, "48", 3.0), cost(wasm, "49", 4.0)]).expect("added");
        let costs: Vec<f64> = read(&path).iter().map(|it| it.fixed_ns).collect();
        assert_eq!(costs, [1.0, 3.0, 4.0]);
        fs::write(&path, "{}").expect("damaged");
        assert!(read(&path).is_empty());
    }
}
