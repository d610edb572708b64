//! `wasmfit new`: the beginning of a workload.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::New;
use crate::commands::print;
use crate::exit::{CommandError, Ending};

/// The files, by path in the folder. `NAME` and `PATH` stand for the
/// workload's.
const FILES: [(&str, &str); 4] = [
    ("workload.toml", include_str!("../template/workload.toml")),
    ("workload.py", include_str!("../template/workload.py")),
    ("README.md", include_str!("../template/README.md")),
    ("assets/model.json", include_str!("../template/assets/model.json")),
];

/// Writes a workload folder that works.
pub(crate) fn run(arguments: &New) -> Result<Ending, CommandError> {
    let folder = &arguments.folder;
    let name = name_of(folder)?;
    if folder.exists() {
        let folder = folder.display();
        return Err(CommandError::Usage(format!("{folder} is there already: give another name")));
    }
    write(folder, &name)
        .map_err(|error| CommandError::Storage(format!("{}: {error}", folder.display())))?;
    print(&format!(
        "{folder} is a workload that works: replace its functions by your own, then\n  wasmfit check {folder}\n  wasmfit bench --workload {folder}\n",
        folder = as_argument(folder).display()
    ))?;
    Ok(Ending::Done)
}

/// The workload's name, which is its folder's.
fn name_of(folder: &Path) -> Result<String, CommandError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
        return Err(CommandError::Usage(format!(
            "{name:?} is no name for a workload: use lower-case letters, digits and hyphens, for example my-model"
        )));
    }
    Ok(name)
}

fn write(folder: &Path, name: &str) -> io::Result<()> {
    let path = as_argument(folder).display().to_string();
    for (file, text) in FILES {
        let target = folder.join(file);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(target, text.replace("NAME", name).replace("PATH", &path))?;
    }
    Ok(())
}

/// The folder as an argument that is not taken for a name in the suite.
fn as_argument(folder: &Path) -> PathBuf {
    if folder.components().count() == 1 { Path::new(".").join(folder) } else { folder.to_owned() }
}
