//! The site that a launch's browser opens: the page, the guest and its files,
//! on a port of its own of this machine.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use serde_json::json;
use wasmfit_kit::protocol::{Boundary, ColdPhase, GuestFiles, Interpreter, Limits};
use wasmfit_kit::{Invocation, WORKLOAD};

use crate::browser::News;
use crate::http::{self, Answer, Request};
use crate::packed;
use crate::tier::Conditions;

/// As a careful site has it: isolated, for the finer clock.
const HEADERS: [(&str, &str); 4] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
];

/// The same: nothing from elsewhere, no code but the site's own, WebAssembly
/// allowed.
const STRICT: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:";

/// What pages of those need that make code of text.
const WITH_EVAL: &str = "default-src 'none'; script-src 'self' 'unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:; style-src 'self'";

/// What has its address changed whenever it changes, which is everything but
/// the page itself.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const NEVER: &str = "no-store";

/// Where a page finds what guests have WASI by, and PyScript.
const WASI: &str = "/wasi/";
const PYSCRIPT: &str = "/pyscript/";

const BYTES: &str = "application/octet-stream";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A script of the kit's as a module of a page.
macro_rules! of_kit {
    ($file:literal, $exports:literal) => {
        concat!(include_str!(concat!("../../kit/src/", $file)), "\nexport { ", $exports, " };\n")
    };
    ($file:literal, $exports:literal, $imports:literal) => {
        concat!($imports, "\n", of_kit!($file, $exports))
    };
}

const SCRIPTS: [(&str, &str); 21] = [
    ("/brython_guest.js", include_str!("page/brython_guest.js")),
    ("/conversation.js", include_str!("page/conversation.js")),
    ("/crossing.js", include_str!("page/crossing.js")),
    ("/director.js", include_str!("page/director.js")),
    ("/ending.js", include_str!("page/ending.js")),
    ("/fetching.js", include_str!("page/fetching.js")),
    ("/frames.js", include_str!("page/frames.js")),
    ("/guest.js", include_str!("page/guest.js")),
    ("/lab.js", of_kit!("lab.js", "openLab")),
    (
        "/micropython.js",
        of_kit!(
            "micropython.js",
            "openMicroPython, serveFromMicroPython",
            "import { inSteps } from './steps.js';"
        ),
    ),
    ("/micropython_guest.js", include_str!("page/micropython_guest.js")),
    (
        "/onnxruntime.js",
        of_kit!("onnxruntime.js", "openOnnxRuntime", "import { inSteps } from './steps.js';"),
    ),
    ("/onnxruntime_guest.js", include_str!("page/onnxruntime_guest.js")),
    ("/page.js", include_str!("page/page.js")),
    (
        "/pyodide.js",
        of_kit!(
            "pyodide.js",
            "loadPackages, openPyodide, serveFromPyodide",
            "import { openLab } from './lab.js';\nimport { inSteps } from './steps.js';"
        ),
    ),
    ("/pyodide_guest.js", include_str!("page/pyodide_guest.js")),
    ("/pyscript_guest.js", include_str!("page/pyscript_guest.js")),
    ("/serving.js", include_str!("page/serving.js")),
    ("/sleeping.js", of_kit!("sleeping.js", "pollClocks")),
    ("/steps.js", of_kit!("steps.js", "inSteps")),
    ("/turn.js", include_str!("page/turn.js")),
];
/// With a place for the guest's own.
const WORKER: &str = include_str!("page/worker.js");
const INDEX: &str = include_str!("page/index.html");

/// The workload nobody packs ahead of a launch: its larger files, mostly
/// weights, would keep that waiting.
const PACKED_AT_ONCE: u64 = 4 << 20;

/// Folders of modules that pages load as they are.
#[derive(Debug)]
pub(crate) struct Modules {
    /// By which guests have WASI.
    pub(crate) wasi: PathBuf,
    /// PyScript's.
    pub(crate) pyscript: PathBuf,
}

/// What there is to be served.
#[derive(Debug)]
pub(crate) struct Content {
    pieces: BTreeMap<String, Piece>,
    /// Its Content-Security-Policy.
    policy: &'static str,
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
        modules: &Modules,
        files: &GuestFiles,
        conditions: Conditions,
        artifacts: &Path,
        invocation: &Invocation,
    ) -> io::Result<Self> {
        let guest = script_of(files.interpreter, conditions);
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
        add("/worker.js", Body::Text(WORKER.replace("{{guest}}", guest)), JAVASCRIPT);
        let (address, folder) = if conditions.by_pyscript {
            (PYSCRIPT, &modules.pyscript)
        } else {
            (WASI, &modules.wasi)
        };
        for (name, path) in files_below(folder)? {
            add(&format!("{address}{name}"), packed(path)?, content_type(&name));
        }
        // What has JavaScript of its own around it looks for all in one folder, under names of
        // its own.
        let folder = (files.boundary == Boundary::JavaScript)
            .then(|| format!("/interpreter/{}/", files.module_sha256));
        let module = match &folder {
            Some(folder) => format!("{folder}{}", files.interpreter.own_name()),
            None => format!("/guest/{}.wasm", files.module_sha256),
        };
        let brotli = packed::module(files, artifacts)?;
        let plain = files.module.clone();
        add(&module, Body::File { plain, brotli }, content_type(&module));
        if let (Some(address), Some(library)) = (&folder, &files.library) {
            for (name, path) in files_below(library)? {
                add(&format!("{address}{name}"), packed(path)?, content_type(&name));
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
        let Invocation { arguments, environment, folders, imports } = invocation;
        let folders: Vec<&str> = folders.iter().map(|(_, in_guest)| *in_guest).collect();
        let setup = json!({
            "guest": guest,
            "interpreter": files.interpreter.name(),
            "module": module,
            "folder": folder,
            "pyscript": PYSCRIPT,
            "files": guest_files,
            "invocation": {
                "arguments": arguments, "environment": environment, "folders": folders,
                "imports": imports,
            },
        });
        let makes_code = conditions.by_pyscript || files.interpreter == Interpreter::Brython;
        let policy = if makes_code { WITH_EVAL } else { STRICT };
        Ok(Self { pieces, policy, setup })
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

/// The script of the guest's page or worker.
const fn script_of(interpreter: Interpreter, conditions: Conditions) -> &'static str {
    if conditions.by_pyscript {
        return "/pyscript_guest.js";
    }
    match interpreter {
        Interpreter::Cpython | Interpreter::Kernel => "/guest.js",
        Interpreter::Pyodide => "/pyodide_guest.js",
        Interpreter::Micropython => "/micropython_guest.js",
        Interpreter::Brython => "/brython_guest.js",
        Interpreter::OnnxRuntime => "/onnxruntime_guest.js",
    }
}

/// What a file is, by its name.
fn content_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(OsStr::to_str) {
        Some("js" | "mjs") => JAVASCRIPT,
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        _ => BYTES,
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
                let answer = piece.answer(request.takes_brotli);
                let mut answer = answer
                    .unwrap_or_else(|error| text("500 Internal Server Error", error.to_string()));
                answer.headers.push(("Content-Security-Policy", content.policy));
                answer
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
