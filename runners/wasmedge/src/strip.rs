//! A copy of a module without exception handling, for a compiler without it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Rewrites `module` to `stripped`: what would be thrown traps.
pub(crate) fn strip(module: &Path, stripped: &Path) -> Result<(), String> {
    let program = wasm_opt();
    let output = Command::new(&program)
        // Names are kept, for attribution.
        .args(["--all-features", "-g", "--no-validation", "--strip-eh", "--dce"])
        .args(["--remove-unused-names", "--vacuum"])
        .arg(module)
        .arg("-o")
        .arg(stripped)
        .output()
        .map_err(|error| {
            format!("{} does not start: {error}: run scripts/setup", program.display())
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("wasm-opt: {}", said.lines().last().unwrap_or("no reason given")))
}

/// Binaryen's `wasm-opt`: the one that is named, or that set-up installed, or
/// the system's.
fn wasm_opt() -> PathBuf {
    if let Some(named) = env::var_os("WASMFIT_WASM_OPT") {
        return named.into();
    }
    let cache = env::var_os("WASMFIT_CACHE").map(PathBuf::from).or_else(|| {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
        Some(cache?.join("wasmfit"))
    });
    let installed = cache.map(|cache| cache.join("sysroots/binaryen/usr/bin/wasm-opt"));
    installed.filter(|program| program.is_file()).unwrap_or_else(|| "wasm-opt".into())
}
