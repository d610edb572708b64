//! Links the runner so that it starts with the libwasmedge that set-up found.
//!
//! `target/wasmedge`, made by `scripts/setup`, says where that is. Where it
//! lies in a sysroot with a C library newer than the system's, the runner
//! must be started by that sysroot's loader.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let links = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../target/wasmedge");
    println!("cargo::rerun-if-changed={}", links.join("lib/libwasmedge.so").display());
    let library = fs::canonicalize(links.join("lib/libwasmedge.so"))
        .map_err(|error| format!("{}: {error}: run scripts/setup", links.display()))?;
    let link = |argument: String| {
        println!("cargo::rustc-link-arg-bins=-Wl,{argument}");
        println!("cargo::rustc-link-arg-examples=-Wl,{argument}");
        println!("cargo::rustc-link-arg-benches=-Wl,{argument}");
    };
    match fs::canonicalize(links.join("runtime")) {
        Ok(runtime) => {
            let runtime = runtime.display();
            link(format!("--dynamic-linker={runtime}/ld-linux-x86-64.so.2"));
            // As DT_RPATH, which holds for the libraries' own libraries too.
            link(format!("--disable-new-dtags,-rpath,{runtime}"));
            link(format!("-rpath-link,{runtime}"));
            // They want symbols of a C library that the linker does not see.
            link("--allow-shlib-undefined".into());
        }
        Err(_) => {
            if let Some(folder) = library.parent() {
                link(format!("-rpath,{}", folder.display()));
            }
        }
    }
    Ok(())
}
