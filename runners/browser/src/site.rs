//! The site that a launch's browser opens: the page, the guest and its files,
//! on a port of its own of this machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use serde_json::json;
use wasmfit_kit::protocol::{Boundary, ColdPhase, GuestFiles, Limits};
use wasmfit_kit::{Invocation, WORKLOAD};

use crate::browser::News;
use crate::http::{self, Answer, Request};
use crate::packed;
use crate::tier::Conditions;

/// As a careful site has it: nothing from elsewhere, no code but the site's
/// own, WebAssembly allowed, and isolated, for the finer clock.
const HEADERS: [(&str, &str); 5] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:",
    ),
    ("X-Content-Type-Options", "nosniff"),
];

/// What has its address changed whenever it changes, which is everything but
/// the page itself.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const NEVER: &str = "no-store";

const BYTES: &str = "application/octet-stream";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const SCRIPTS: [(&str, &str); 14] = [
    ("/conversation.js", include_str!("page/conversation.js")),
    ("/director.js", include_str!("page/director.js")),
    ("/ending.js", include_str!("page/ending.js")),
    ("/fetching.js", include_str!("page/fetching.js")),
    ("/frames.js", include_str!("page/frames.js")),
    ("/guest.js", include_str!("page/guest.js")),
    ("/page.js", include_str!("page/page.js")),
    (
        "/pyodide.js",
        concat!(include_str!("../../kit/src/pyodide.js"), "\nexport { openPyodide };\n"),
    ),
    ("/pyodide_guest.js", include_str!("page/pyodide_guest.js")),
    ("/pyodide_worker.js", include_str!("page/pyodide_worker.js")),
    (
        "/sleeping.js",
        concat!(include_str!("../../kit/src/sleeping.js"), "\nexport { pollClocks };\n"),
    ),
    ("/serving.js", include_str!("page/serving.js")),
    ("/turn.js", include_str!("page/turn.js")),
    ("/worker.js", include_str!("page/worker.js")),
];
const INDEX: &str = include_str!("page/index.html");

/// The workload nobody packs ahead of a launch: its larger files, mostly
/// weights, would keep that waiting.
const PACKED_AT_ONCE: u64 = 4 << 20;

/// What there is to be served.
#[derive(Debug)]
pub(crate) struct Content {
    pieces: BTreeMap<String, Piece>,
    /// What the page is told of the guest.
    setup: serde_json::Value,
}

#[derive(Debug)]
struct Piece {
    body: Body,
    content_type: &'static str,
    caching: &'static str,
}

#[derive(Debug)]
enum Body {
    Text(String),
    /// A file, and the same packed with Brotli, where that is there.
    File {
        plain: PathBuf,
        brotli: Option<PathBuf>,
    },
}

impl Content {
    /// That of a guest; what `artifacts` hold packed is served so.
    pub(crate) fn new(
        shim: &Path,
        files: &GuestFiles,
        artifacts: &Path,
        invocation: &Invocation,
    ) -> io::Result<Self> {
        let mut pieces = BTreeMap::new();
        let packed = |plain: PathBuf| {
            let brotli = packed::file(&plain, artifacts)?;
            io::Result::Ok(Body::File { plain, brotli })
        };
        let mut add = |address: &str, body, content_type| {
            let piece = Piece { body, content_type, caching: FOR_EVER };
            pieces.insert(address.to_owned(), piece);
        };
        for (address, script) in SCRIPTS {
            add(address, Body::Text(script.into()), JAVASCRIPT);
        }
        for (name, path) in files_below(shim)? {
            if Path::new(&name).extension().is_some_and(|it| it == "js") {
                add(&format!("/wasi/{name}"), packed(path)?, JAVASCRIPT);
            }
        }
        // Pyodide looks for its files in one folder, its module under a name of its own.
        let pyodide = (files.boundary == Boundary::JavaScript)
            .then(|| format!("/pyodide/{}/", files.module_sha256));
        let module = match &pyodide {
            Some(folder) => format!("{folder}pyodide.asm.wasm"),
            None => format!("/guest/{}.wasm", files.module_sha256),
        };
        let brotli = packed::module(files, artifacts)?;
        add(&module, Body::File { plain: files.module.clone(), brotli }, "application/wasm");
        if let (Some(address), Some(folder)) = (&pyodide, &files.library) {
            for (name, path) in files_below(folder)? {
                let content_type = if Path::new(&name).extension().is_some_and(|it| it == "mjs") {
                    JAVASCRIPT
                } else {
                    BYTES
                };
                add(&format!("{address}{name}"), packed(path)?, content_type);
            }
        }
        let mut guest_files = BTreeMap::new();
        for (number, (folder, in_guest)) in invocation.folders.iter().enumerate() {
            for (name, path) in files_below(folder)? {
                let address = format!("/files/{number}/{name}");
                let is_ready =
                    in_guest != &WORKLOAD || fs::metadata(&path)?.len() <= PACKED_AT_ONCE;
                let body =
                    if is_ready { packed(path)? } else { Body::File { plain: path, brotli: None } };
                add(&address, body, BYTES);
                guest_files.insert(format!("{in_guest}/{name}"), address);
            }
        }
        let Invocation { arguments, environment, folders } = invocation;
        let folders: Vec<&str> = folders.iter().map(|(_, in_guest)| *in_guest).collect();
        let setup = json!({
            "module": module,
            "pyodide": pyodide,
            "files": guest_files,
            "invocation": {
                "arguments": arguments, "environment": environment, "folders": folders,
            },
        });
        Ok(Self { pieces, setup })
    }

    fn index(&self, conditions: Conditions, limits: Limits) -> Piece {
        let mut setup = self.setup.clone();
        setup["isInWorker"] = json!(conditions.is_in_worker);
        setup["outputBytes"] = json!(limits.output_bytes);
        setup["memoryBytes"] = json!(limits.memory_bytes);
        // Within a script element nothing may look like its end.
        let setup = setup.to_string().replace('<', "\\u003c");
        let body = Body::Text(INDEX.replace("{{setup}}", &setup));
        Piece { body, content_type: "text/html; charset=utf-8", caching: NEVER }
    }
}

/// All files below a folder, by their path in it; without what Python leaves
/// behind.
pub(crate) fn files_below(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            found.push((name, path));
        } else if name != "__pycache__" && path.is_dir() {
            let below = files_below(&path)?.into_iter();
            found.extend(below.map(|(inner, path)| (format!("{name}/{inner}"), path)));
        }
    }
    found.sort();
    Ok(found)
}

/// What a page asks of the runner, which answers by [`Asked::answer`].
pub(crate) struct Asked {
    pub(crate) what: Question,
    /// What the page has sent along.
    pub(crate) body: Vec<u8>,
    answers: Sender<Option<Vec<u8>>>,
}

/// What the page wants to know, or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The first turn.
    Opening,
    /// All requests.
    Requests,
    /// What became of a turn; the next one.
    Next,
    /// A cold-start phase has begun.
    Phase(ColdPhase),
    /// The page does not work.
    Failure,
}

impl Question {
    fn of(address: &str) -> Option<Self> {
        let phase = || {
            let name = address.strip_prefix("/phase/")?;
            ColdPhase::ALL.into_iter().find(|it| it.name() == name).map(Self::Phase)
        };
        match address {
            "/turns/opening" => Some(Self::Opening),
            "/turns/next" => Some(Self::Next),
            "/requests" => Some(Self::Requests),
            "/failure" => Some(Self::Failure),
            _ => phase(),
        }
    }
}

impl Asked {
    /// Answers it; nothing says that there is nothing more. A page that is
    /// gone shows elsewhere.
    pub(crate) fn answer(self, body: Option<Vec<u8>>) {
        let _ = self.answers.send(body);
    }
}

/// Opens a site, and says where; what only the runner can answer goes to
/// `inbox`. It is open until the process ends.
pub(crate) fn open(
    mut content: Content,
    conditions: Conditions,
    limits: Limits,
    inbox: Sender<News>,
) -> io::Result<String> {
    let index = content.index(conditions, limits);
    content.pieces.insert("/".into(), index);
    let content = Arc::new(content);
    let address = http::serve(move |request| answer(request, &content, &inbox))?;
    Ok(format!("http://{address}/"))
}

fn answer(request: Request, content: &Content, inbox: &Sender<News>) -> Answer {
    match Question::of(&request.address) {
        Some(what) => ask(what, request.body, inbox),
        None => content.pieces.get(&request.address).map_or_else(
            || text("404 Not Found", String::new()),
            |piece| {
                piece
                    .answer(request.takes_brotli)
                    .unwrap_or_else(|error| text("500 Internal Server Error", error.to_string()))
            },
        ),
    }
}

/// Has the runner answer.
fn ask(what: Question, body: Vec<u8>, inbox: &Sender<News>) -> Answer {
    let (answers, answered) = mpsc::channel();
    let _ = inbox.send(News::Asked(Asked { what, body, answers }));
    // A runner that is done with the page drops the question.
    match answered.recv().ok().flatten() {
        Some(body) => {
            let headers = headers(BYTES, NEVER);
            Answer { status: "200 OK", headers, body: http::Body::Bytes(body) }
        }
        None => text("204 No Content", String::new()),
    }
}

impl Piece {
    fn answer(&self, takes_brotli: bool) -> io::Result<Answer> {
        let mut headers = headers(self.content_type, self.caching);
        let body = match &self.body {
            Body::Text(text) => http::Body::Bytes(text.clone().into()),
            Body::File { brotli: Some(brotli), .. } if takes_brotli => {
                headers.push(("Content-Encoding", "br"));
                http::Body::File(File::open(brotli)?)
            }
            Body::File { plain, .. } => http::Body::File(File::open(plain)?),
        };
        Ok(Answer { status: "200 OK", headers, body })
    }
}

fn text(status: &'static str, text: String) -> Answer {
    let body = http::Body::Bytes(text.into());
    Answer { status, headers: headers("text/plain; charset=utf-8", NEVER), body }
}

fn headers(content_type: &'static str, caching: &'static str) -> Vec<(&'static str, &'static str)> {
    let own = [("Content-Type", content_type), ("Cache-Control", caching)];
    HEADERS.into_iter().chain(own).collect()
}
