//! What a container is made of, by the OCI runtime specification 1.0:
//! a folder with `config.json` and the root file system.
//!
//! The root file system is an empty folder into which the top-level folders of
//! this machine are bound, read-only: the interpreter and its packages are then
//! the very files that it has outside, in the page cache like those. The
//! container has namespaces of its own for processes, mounts, the host name,
//! inter-process communication and the network, no capability, and no limits
//! of its own: those are the runner's.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

/// Folders that a container has of its own, or has no use for.
const NOT_BOUND: [&str; 4] = ["dev", "lost+found", "proc", "sys"];

/// Namespaces that Docker gives a container too, but for control groups.
const NAMESPACES: [&str; 5] = ["pid", "network", "ipc", "uts", "mount"];

/// Lays out a bundle in `folder` that runs `command`, which may write to
/// `scratch` alone.
pub(crate) fn write(folder: &Path, command: &[OsString], scratch: &Path) -> io::Result<()> {
    let root = folder.join("rootfs");
    fs::create_dir_all(&root)?;
    let mut mounts = vec![
        json!({ "destination": "/proc", "type": "proc", "source": "proc" }),
        json!({
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]
        }),
    ];
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if NOT_BOUND.iter().any(|it| name == *it) {
            continue;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, root.join(name))?;
        } else if kind.is_dir() {
            mounts.push(bind(&entry.path(), "ro"));
        }
    }
    mounts.push(bind(&std::path::absolute(scratch)?, "rw"));
    let text = serde_json::to_vec(&config(command, &mounts))?;
    fs::write(folder.join("config.json"), text)
}

fn bind(folder: &Path, how: &str) -> Value {
    let path = text(folder.as_os_str());
    json!({ "destination": path, "type": "bind", "source": path, "options": ["rbind", how] })
}

fn config(command: &[OsString], mounts: &[Value]) -> Value {
    let variable =
        |(name, value): (OsString, OsString)| format!("{}={}", text(&name), text(&value));
    let environment: Vec<String> = env::vars_os().map(variable).collect();
    let command: Vec<String> = command.iter().map(|it| text(it)).collect();
    let namespaces: Vec<Value> = NAMESPACES.iter().map(|it| json!({ "type": it })).collect();
    let here = env::current_dir().unwrap_or_else(|_| "/".into());
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": command,
            "env": environment,
            "cwd": text(here.as_os_str()),
            "noNewPrivileges": true
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "wasmfit",
        "mounts": mounts,
        "linux": { "namespaces": namespaces }
    })
}

/// JSON has no other strings; a path that is none is not found inside, and the
/// container does not start.
fn text(of: &OsStr) -> String {
    of.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_can_be_written_to_in_one_folder_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let scratch = folder.path().join("scratch");
        write(folder.path(), &["true".into()], &scratch).expect("a bundle");
        let config = fs::read(folder.path().join("config.json")).expect("config.json");
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        assert_eq!(config["process"]["args"], json!(["true"]));
        assert_eq!(config["root"]["readonly"], true);
        let mounts = config["mounts"].as_array().expect("mounts");
        let is_bound = |it: &&Value| it["type"] == "bind";
        let (written, read): (Vec<&Value>, _) =
            mounts.iter().filter(is_bound).partition(|it| it["options"] == json!(["rbind", "rw"]));
        assert_eq!(written.len(), 1);
        assert_eq!(written[0]["destination"], text(scratch.as_os_str()));
        assert!(read.iter().any(|it: &&Value| it["source"] == "/usr"));
    }
}
