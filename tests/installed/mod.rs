//! What `scripts/setup` has installed, for tests with the real thing.

use std::path::PathBuf;

/// Where it is, as `wasmfit` finds it.
pub(crate) fn cache() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    folder("WASMFIT_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("wasmfit")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/wasmfit")))
        .expect("a cache")
}
