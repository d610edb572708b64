#!/usr/bin/env bash
# Names of a CI's caches and where they lie, as lines NAME=VALUE. A name holds whatever, when it
# changes, asks for a new cache: pins, Cargo.lock, compiler, processor.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
digest() { sha256sum | cut -c 1-16; }
contents() { find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat; }

system=$(uname -s)-$(uname -m)
setup=$(contents "$root/scripts/pins/" "$root/scripts/setup_parts/" | digest)
pins=$(contents "$root/scripts/pins/" "$root/Cargo.lock" | digest)
build=$({ cat "$root/Cargo.lock"; rustc --version; } | digest)
# Code compiled for one processor may not run on another of the same family.
processor=$({ grep -m 1 -E '^(flags|Features)' /proc/cpuinfo || uname -p; } | digest)
selection=$(printf '%s\n' "${TARGETS:-}" "${ARGUMENTS:-}" | digest)
any_artifacts=wasmfit-artifacts-$system-$processor-$pins-

echo "root=$root"
echo "cache=${WASMFIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wasmfit}"
echo "setup=wasmfit-setup-$system-$setup"
echo "build=wasmfit-build-$system-$build"
echo "artifacts=$any_artifacts$selection"
echo "any-artifacts=$any_artifacts"
