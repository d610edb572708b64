//! Cuts absolute paths of the measuring machine to their last part: a
//! published report names what was measured, not whose folder it lay in.

use std::path::Path;

use wasmfit_protocol::Failure;
use wasmfit_record::GuestRecord;

/// Folders that a guest sees, which are the same on every machine.
const OF_THE_GUEST: [&str; 2] = ["/workload", "/usr/local/lib/python"];

/// The arguments of a command line, absolute paths cut.
pub(crate) fn shorten_command(command: &[String]) -> Vec<String> {
    let argument = |argument: &String| match argument.split_once('=') {
        Some((option, value)) => format!("{option}={}", last_part(value)),
        None => last_part(argument),
    };
    command.iter().map(argument).collect()
}

pub(crate) fn shorten_guest(guest: GuestRecord) -> GuestRecord {
    GuestRecord { source: shorten_text(&guest.source), ..guest }
}

pub(crate) fn shorten_failure(failure: &Failure) -> Failure {
    Failure {
        message: shorten_text(&failure.message),
        detail: shorten_text(&failure.detail),
        ..failure.clone()
    }
}

fn last_part(path: &str) -> String {
    match Path::new(path).file_name() {
        Some(name) if path.starts_with('/') => name.to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// Cuts the absolute paths within prose or a traceback: a slash behind a
/// quote, a space or the like, with at least one more slash behind it.
pub(crate) fn shorten_text(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let opens = before.is_whitespace() || "\"'`(=[:".contains(before);
        let path = if next == '/' && opens { path_at(rest, before) } else { None };
        let taken = if let Some(path) = path {
            short.push_str("…/");
            short.push_str(&last_part(path));
            path.len()
        } else {
            short.push(next);
            next.len_utf8()
        };
        before = rest[..taken].chars().last().unwrap_or(' ');
        rest = &rest[taken..];
    }
    short
}

/// The absolute path that `text` begins with, unless it is the guest's.
fn path_at(text: &str, opened_by: char) -> Option<&str> {
    let ends = |c: char| {
        if "\"'`".contains(opened_by) {
            c == opened_by || c == '\n'
        } else {
            c.is_whitespace() || "\"'`),;:]".contains(c)
        }
    };
    let path = &text[..text.find(ends).unwrap_or(text.len())];
    let deep = path.matches('/').count() > 1 && !path.starts_with("//");
    let of_guest = OF_THE_GUEST.iter().any(|folder| path.starts_with(folder));
    (deep && !of_guest).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_are_cut_and_others_are_left() {
        for (text, expected) in [
            ("  File \"/srv/a b/workload.py\", line 3", "  File \"…/workload.py\", line 3"),
            (
                "  File \"/workload/workload.py\", line 3",
                "  File \"/workload/workload.py\", line 3",
            ),
            ("cannot read /srv/guests/python.wasm: gone", "cannot read …/python.wasm: gone"),
            ("at /srv/guests/", "at …/guests"),
            ("(/srv/x) 1/2 and / or w/batch-64 or /x", "(…/x) 1/2 and / or w/batch-64 or /x"),
            ("see https://example.org/a/b", "see https://example.org/a/b"),
            ("größer //not/a/path", "größer //not/a/path"),
            ("", ""),
        ] {
            assert_eq!(shorten_text(text), expected);
        }
    }

    #[test]
    fn a_command_keeps_all_but_folders() {
        let command =
            ["/opt/bin/wasmfit", "bench", "--out=/srv/runs/7", "--workload", "/w/mine", "w"];
        let command = command.map(str::to_owned);
        let expected = ["wasmfit", "bench", "--out=7", "--workload", "mine", "w"];
        assert_eq!(shorten_command(&command), expected);
    }
}
