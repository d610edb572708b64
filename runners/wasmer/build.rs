//! Tells the runner which Wasmer it is built with: the crate does not say
//! its full version, the lock file does.

use std::error::Error;
use std::{env, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let lock = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock)?;
    let mut lines = text.lines().skip_while(|line| *line != r#"name = "wasmer""#);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    let version = version.ok_or("Cargo.lock does not name wasmer's version")?;
    println!("cargo::rustc-env=WASMER_VERSION={}", version.trim_matches('"'));
    Ok(())
}
