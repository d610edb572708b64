//! A browser of this launch's own.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};

use serde_json::{Value, json};
use wasmfit_kit::protocol::Limits;

use crate::devtools::{Devtools, SessionId};
use crate::site::Asked;
use crate::tier::Network;

/// As a visitor has one: without any, pages are told of a language by a name
/// that JavaScript itself does not take.
const LOCALE: (&str, &str) = ("LC_ALL", "en_US.UTF-8");

/// Without the background and update flags Chromium looks up hosts of its
/// maker's at every start.
const FLAGS: [&str; 12] = [
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--mute-audio",
];

/// The descriptors that Chromium takes orders from and tells news by.
const ORDERS: i32 = 3;
const NEWS: i32 = 4;

/// WebAssembly counts memory in pages of this size.
const PAGE_BYTES: u64 = 64 << 10;

/// The browser as a program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
}

impl Program {
    /// What it calls itself, without the words.
    pub(crate) fn version(&self) -> Result<String, String> {
        let path = self.path.display();
        let answer = Command::new(&self.path)
            .arg("--version")
            .envs(&self.environment)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                format!("no browser at {path}: {error}: run scripts/setup --browser, or set WASMFIT_BROWSER to a Chromium or Chrome")
            })?;
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        // Chromium, Google Chrome and others of its kind tell their name and then the version.
        let mut words = said.split_whitespace().skip_while(|word| !word.contains("Chrom"));
        let version = words.find(|word| word.starts_with(|it: char| it.is_ascii_digit()));
        version.map(str::to_owned).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&answer.stderr);
            let said = errors.lines().next_back().or(said.lines().next());
            let said = said.unwrap_or("it tells no version");
            format!("{path} is no Chromium that starts here: {said}: set WASMFIT_BROWSER to one")
        })
    }
}

/// What comes to the runner while a page is open.
pub(crate) enum News {
    /// Of the browser.
    Devtools(Value),
    /// Of the page.
    Asked(Asked),
    /// The browser is gone.
    Gone,
}

/// A running browser with one page.
pub(crate) struct Browser {
    child: Child,
    devtools: Devtools,
    inbox: Sender<News>,
    news: Receiver<News>,
    /// What came while an answer was waited for.
    waiting: VecDeque<News>,
    page: SessionId,
    /// The page's worker, once there is one.
    worker: SessionId,
    /// Where an empty profile is, if it is this one's to remove.
    own_folder: Option<PathBuf>,
}

impl Browser {
    /// Starts one with an empty profile, in `folder` or in one of its own.
    pub(crate) fn start(
        program: &Program,
        folder: Option<&Path>,
        limits: Option<Limits>,
    ) -> Result<Self, String> {
        let unstarted = |error: io::Error| format!("{}: {error}", program.path.display());
        let own = std::env::temp_dir().join(format!("wasmfit-browser-{}", std::process::id()));
        let own_folder = folder.is_none().then_some(own.clone());
        let profile = folder.unwrap_or(&own);
        let (orders, send_orders) = pipe().map_err(unstarted)?;
        let (receive_news, news) = pipe().map_err(unstarted)?;
        let mut command = Command::new(&program.path);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display()));
        // SAFETY: the call takes nothing and cannot fail.
        if unsafe { libc::geteuid() } == 0 {
            // Chromium refuses to start as root otherwise.
            command.arg("--no-sandbox");
        }
        if let Some(limits) = limits {
            let pages = limits.memory_bytes / PAGE_BYTES;
            command.arg(format!("--js-flags=--wasm-max-mem-pages={pages}"));
        }
        command
            .env(LOCALE.0, LOCALE.1)
            .envs(&program.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let ends = [(orders.as_raw_fd(), ORDERS), (news.as_raw_fd(), NEWS)];
        // SAFETY: between fork and exec only calls that are safe there, with
        // numbers that were made before.
        unsafe { command.pre_exec(move || place(ends)) };
        let child = command.spawn().map_err(unstarted)?;
        drop((orders, news));
        let (inbox, received) = mpsc::channel();
        let devtools = Devtools::new(send_orders.into(), receive_news.into(), inbox.clone());
        let devtools = devtools.map_err(unstarted)?;
        let mut browser = Self {
            child,
            devtools,
            inbox,
            news: received,
            waiting: VecDeque::new(),
            page: None,
            worker: None,
            own_folder,
        };
        browser.open_page()?;
        Ok(browser)
    }

    /// Where pages' requests are to be sent.
    pub(crate) fn inbox(&self) -> Sender<News> {
        self.inbox.clone()
    }

    fn open_page(&mut self) -> Result<(), String> {
        let target = self.call(&None, "Target.createTarget", &json!({ "url": "about:blank" }))?;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(&None, "Target.attachToTarget", &target)?;
        self.page = session["sessionId"].as_str().map(str::to_owned);
        let page = self.page.clone();
        self.call(&page, "Inspector.enable", &json!({}))?;
        self.call(&page, "Performance.enable", &json!({}))?;
        Ok(())
    }

    /// Has the page, and the worker it will start, see this network.
    pub(crate) fn pretend(&mut self, network: Network) -> Result<(), String> {
        let page = self.page.clone();
        let Network { latency_ms, down, up } = network;
        let conditions = json!({
            "offline": false,
            "latency": latency_ms,
            "downloadThroughput": down,
            "uploadThroughput": up,
        });
        self.call(&page, "Network.enable", &json!({}))?;
        self.call(&page, "Network.emulateNetworkConditions", &conditions)?;
        Ok(())
    }

    /// Opens an address in the page.
    pub(crate) fn navigate(&mut self, address: &str) -> Result<(), String> {
        self.worker = None;
        let page = self.page.clone();
        let attach =
            json!({ "autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true });
        self.call(&page, "Target.setAutoAttach", &attach)?;
        let answer = self.call(&page, "Page.navigate", &json!({ "url": address }))?;
        match answer["errorText"].as_str() {
            None => Ok(()),
            Some(reason) => Err(format!("the page could not be opened: {reason}")),
        }
    }

    /// The next thing that comes. A worker that has started is taken note of.
    pub(crate) fn next_news(&mut self) -> News {
        let news = match self.waiting.pop_front() {
            Some(news) => news,
            None => self.news.recv().unwrap_or(News::Gone),
        };
        if let News::Devtools(message) = &news
            && message["method"] == "Target.attachedToTarget"
            && message["params"]["targetInfo"]["type"] == "worker"
        {
            self.worker = message["params"]["sessionId"].as_str().map(str::to_owned);
        }
        news
    }

    /// Gives an order and waits for its answer.
    fn call(&mut self, to: &SessionId, method: &str, parameters: &Value) -> Result<Value, String> {
        let number = self.devtools.send(to, method, parameters);
        loop {
            match self.news.recv() {
                Ok(News::Devtools(mut message)) if message["id"] == number => {
                    return match message["error"]["message"].as_str() {
                        None => Ok(message["result"].take()),
                        Some(error) => Err(format!("{method}: {error}")),
                    };
                }
                Ok(News::Gone) | Err(_) => return Err("the browser has ended".into()),
                Ok(other) => self.waiting.push_back(other),
            }
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let page = self.page.clone();
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call(&page, "Runtime.evaluate", &asked)?;
        match answer["exceptionDetails"]["exception"]["description"].as_str() {
            None => Ok(answer["result"]["value"].take()),
            Some(reason) => Err(reason.lines().next().unwrap_or_default().to_owned()),
        }
    }

    /// When the page was opened, by the clock that profiles go by, ns.
    pub(crate) fn opened_at_ns(&mut self) -> Result<f64, String> {
        let page = self.page.clone();
        let answer = self.call(&page, "Performance.getMetrics", &json!({}))?;
        let metrics = answer["metrics"].as_array().into_iter().flatten();
        let mut found = metrics.filter(|it| it["name"] == "NavigationStart");
        let seconds = found.next().and_then(|it| it["value"].as_f64());
        seconds
            .map(|it| it * 1e9)
            .ok_or_else(|| "the browser does not tell when the page was opened".into())
    }

    /// Begins to sample the thread that the guest is in.
    pub(crate) fn start_profiler(&mut self, hertz: u32) -> Result<(), String> {
        let whom = self.thread_of_guest();
        let interval = json!({ "interval": 1_000_000 / hertz.max(1) });
        self.call(&whom, "Profiler.enable", &json!({}))?;
        self.call(&whom, "Profiler.setSamplingInterval", &interval)?;
        self.call(&whom, "Profiler.start", &json!({})).map(|_| ())
    }

    /// Ends it: the profile.
    pub(crate) fn stop_profiler(&mut self) -> Result<Value, String> {
        let whom = self.thread_of_guest();
        let mut answer = self.call(&whom, "Profiler.stop", &json!({}))?;
        Ok(answer["profile"].take())
    }

    fn thread_of_guest(&self) -> SessionId {
        self.worker.clone().or_else(|| self.page.clone())
    }

    /// Whether it compiles a small module.
    pub(crate) fn compiles(&mut self, module: &[u8]) -> Result<(), String> {
        let expression = format!("void new WebAssembly.Module(new Uint8Array({module:?}))");
        self.evaluate(&expression).map(|_| ())
    }

    /// The largest resident set of the process that the page and its workers
    /// run in, by the operating system; 0 where it does not tell.
    pub(crate) fn peak_resident_bytes(&mut self) -> u64 {
        let answer = self.call(&None, "SystemInfo.getProcessInfo", &json!({}));
        let answer = answer.unwrap_or_default();
        let processes = answer["processInfo"].as_array().into_iter().flatten();
        let renderers = processes.filter(|it| it["type"] == "renderer");
        renderers.filter_map(|it| peak_of(it["id"].as_u64()?)).max().unwrap_or(0)
    }

    /// Ends it at once: nothing of it is to be kept.
    pub(crate) fn end(mut self) {
        self.kill();
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = self.own_folder.take() {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Peak resident set of a process.
fn peak_of(process: u64) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes << 10)
}

/// A pipe's ends, reading and writing, closed in child processes.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both are open and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Puts descriptors where the browser looks for them, by way of numbers that
/// neither is, since one may be where the other is to be.
fn place(ends: [(i32, i32); 2]) -> io::Result<()> {
    const OUT_OF_THE_WAY: i32 = 10;
    let mut moved = [0; 2];
    for (moved, (end, _)) in moved.iter_mut().zip(ends) {
        // SAFETY: takes any numbers and reports those that are not open.
        *moved = unsafe { libc::fcntl(end, libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) };
        if *moved < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    for (moved, (_, place)) in moved.into_iter().zip(ends) {
        // SAFETY: as above; the copy is open in the browser.
        if unsafe { libc::dup2(moved, place) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
