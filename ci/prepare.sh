#!/usr/bin/env bash
# Sets up and builds wasmfit on a CI's machine, with a newer Rust when the machine's is too old.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
present=$(rustc --version | cut -d ' ' -f 2)
if [ "$(printf '%s\n' "$needed" "$present" | sort -V | head -n 1)" != "$needed" ]; then
    rustup toolchain install --profile minimal --no-self-update "$needed"
    export RUSTUP_TOOLCHAIN=$needed
fi
"$root/scripts/setup"
"$root/scripts/build"
