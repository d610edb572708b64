// The page on which a reader measures: it fetches what is needed, has a worker measure one case after
// the other, and shows what it does. It sends nothing.
import { clockStep } from "./conversation.js";
import { duration, range, ratio, size } from "./figures.js";
import { unpack } from "./frames.js";

const byId = (id) => document.getElementById(id);
const [startButton, stopButton, all] = [byId("start"), byId("stop"), byId("all")];
const rows = [...document.querySelectorAll("tr[data-case]")];
const boxOf = (row) => row.querySelector("input");

// What can be told to a reader: what, why, what to do.
class Problem extends Error {}

const remedies = {
  memory: "Close other tabs, or open this page on a machine with more memory, and start again.",
  browser: "Update the browser, or open this page in another one: Chrome or Edge from 137, Firefox from 131 and Safari from 18.4 have all it needs.",
  network: "Connect to the network and start again; what has been fetched is kept.",
};

let data;
let files;
let state = { stop() {}, isStopped: false };

function say(doing, detail = "") {
  byId("doing").textContent = doing;
  byId("detail").textContent = detail;
}

function showProblem(message) {
  byId("problem").hidden = !message;
  byId("problem-text").textContent = message ?? "";
}

const facts = byId("facts");
function tellFact(title, ...texts) {
  const [term, ...definitions] = [["dt", title], ...texts.map((it) => ["dd", it])].map(([tag, it]) => {
    const element = document.createElement(tag);
    element.textContent = it;
    return element;
  });
  const group = document.createElement("div");
  group.append(term, ...definitions);
  facts.append(group);
}

async function browserName() {
  const told = await navigator.userAgentData?.getHighEntropyValues?.(["fullVersionList", "platformVersion"]).catch(() => null);
  // Browsers add one that is none, so that nobody relies on the list.
  const brands = told?.fullVersionList?.filter(({ brand }) => !/not.?a.?brand/i.test(brand)) ?? [];
  const known = brands.find(({ brand }) => brand !== "Chromium") ?? brands[0];
  if (!known) return navigator.userAgent;
  return `${known.brand} ${known.version} on ${told.platform}`;
}

// Whether the browser takes all that the guest needs, before anything large is fetched.
function checkBrowser() {
  if (typeof WebAssembly !== "object") {
    throw new Problem(`This browser runs no WebAssembly, by its own or its owner's choice. ${remedies.browser}`);
  }
  if (typeof DecompressionStream !== "function") {
    throw new Problem(`This browser cannot unpack what the page fetches. ${remedies.browser}`);
  }
  const lacks = data.probes.filter(({ module }) => {
    const bytes = Uint8Array.from(atob(module), (it) => it.charCodeAt(0));
    return !WebAssembly.validate(bytes);
  });
  if (lacks.length === 0) return;
  const titles = lacks.map(({ title }) => title).join(", ");
  throw new Problem(`This browser's WebAssembly lacks ${titles}, which ${data.guest.name} needs. ${remedies.browser}`);
}

// Everything that a row needs, as it is stored.
const storedOf = (it) => [it.requests, it.responses, ...Object.values(it.files)];
const caseOf = (row) => data.cases.find((it) => it.case === row.dataset.case);
const chosenRows = () => rows.filter((row) => boxOf(row).checked);

function neededFor(cases) {
  const needed = [data.module, ...Object.values(data.library), ...cases.flatMap(storedOf)];
  return [...new Map(needed.map((it) => [it.address, it])).values()];
}

async function openFiles() {
  // There is none where the page is not from a secure place.
  files ??= await globalThis.caches?.open(`wasmfit-live ${new URL("./", location.href)} files`).catch(() => null);
  return files;
}

const missingFrom = async (needed) => {
  const cache = await openFiles();
  const isThere = await Promise.all(needed.map((it) => cache?.match(it.address)));
  return needed.filter((_, at) => !isThere[at]);
};

// A stored file as a response that says what it is; `arrived` hears of its bytes as they come.
async function open(stored, arrived, signal) {
  const cache = await openFiles();
  let response = await cache?.match(stored.address);
  if (!response) {
    try {
      response = await fetch(stored.address, { signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Problem(`${stored.address} could not be fetched: ${navigator.onLine ? "the site does not answer" : "this device is offline"}, and it had not been fetched before. ${remedies.network}`);
    }
    if (!response.ok) {
      throw new Problem(`${stored.address} could not be fetched: the site answers ${response.status}. Tell whoever published it: the folder live/ has to be there whole.`);
    }
    // A browser that is out of space keeps nothing, and measures all the same.
    cache?.put(stored.address, response.clone()).catch(() => {});
  }
  const count = new TransformStream({
    transform(chunk, controller) {
      arrived(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
  const arriving = response.body.pipeThrough(count, { signal });
  const body = stored.packed ? arriving.pipeThrough(new DecompressionStream("gzip")) : arriving;
  return new Response(body, { headers: { "content-type": "application/wasm" } });
}

const loaded = new Map();
let compiled;

// Fetches what the cases need, unless it is here already.
async function load(cases, signal) {
  const needed = neededFor(cases).filter((it) => it !== data.module || !compiled);
  const sum = needed.filter((it) => !loaded.has(it.address)).reduce((total, it) => total + it.bytes, 0);
  const progress = byId("progress");
  let come = 0;
  const arrived = (bytes) => {
    come += bytes;
    progress.value = come / sum;
    byId("detail").textContent = `${size(come)} of ${size(sum)}`;
  };
  progress.hidden = sum === 0;
  say("Fetching the guest and the workloads from this site");
  const bytesOf = async (stored) => {
    if (loaded.has(stored.address)) return;
    const response = await open(stored, arrived, signal);
    loaded.set(stored.address, new Uint8Array(await response.arrayBuffer()));
  };
  const compile = async () => {
    if (compiled) return;
    const response = await open(data.module, arrived, signal);
    try {
      compiled = await WebAssembly.compileStreaming(response);
    } catch (error) {
      if (signal.aborted || error instanceof Problem) throw error;
      if (/memory/i.test(error.message)) throw new Problem(`The guest could not be compiled: the browser is out of memory (${error.message}). ${remedies.memory}`);
      throw new Problem(`The guest could not be compiled: ${error.message}. ${remedies.browser}`);
    }
  };
  const others = needed.filter((it) => it !== data.module);
  await Promise.all([compile(), ...others.map(bytesOf)]);
  progress.hidden = true;
}

function jobOf(it) {
  const named = Object.entries({ ...data.library, ...it.files });
  const framesOf = ({ address }) => unpack(loaded.get(address).slice().buffer);
  return {
    module: compiled,
    files: Object.fromEntries(named.map(([path, { address }]) => [path, loaded.get(address)])),
    invocation: data.invocation,
    programs: data.programs,
    workload: data.workload,
    requests: framesOf(it.requests),
    responses: framesOf(it.responses),
    tolerance: it.tolerance,
  };
}

function explain(name, { kind, message }) {
  if (kind === "memory" || kind === "memory-refused" || /memory/i.test(message)) {
    return `${name} is out of memory: the browser gives the guest no more (${message}). ${remedies.memory}`;
  }
  if (kind === "worker") {
    return `${name} could not be started: the browser did not let the page have a worker (${message}). Allow this site its scripts, or turn off the extension that blocks them, and start again.`;
  }
  if (kind === "raised" || kind === "contract") {
    return `${name} failed in Python: ${message}. The workload does not run on ${data.guest.name} in this browser; the others may.`;
  }
  if (kind === "trapped" || kind === "exited") {
    return `${name} ended within the guest: ${message}. Start it again alone; if it does so again, this browser does not run it.`;
  }
  return `${name} could not be measured: ${message}. Reload the page and start it again.`;
}

// Has a worker measure a case; `heard` hears what it tells. Ends with what failed, or null.
function measure(job, heard) {
  return new Promise((resolve) => {
    let worker;
    const end = (failed) => {
      worker?.terminate();
      resolve(failed);
    };
    state.stop = () => end(null);
    try {
      worker = new Worker("worker.js", { type: "module" });
    } catch (error) {
      end({ kind: "worker", message: error.message });
      return;
    }
    let hasSpoken = false;
    worker.onmessage = ({ data: told }) => {
      hasSpoken = true;
      if (told.failed) end(told.failed);
      else if (told.ended) end(null);
      else heard(told);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const message = event.message ?? "it could not be loaded";
      end({ kind: hasSpoken ? "page" : "worker", message });
    };
    worker.postMessage(job);
  });
}

function show(row, name, content, style = "", small = "") {
  const cell = row.querySelector(`[data-column="${name}"]`);
  cell.textContent = content;
  if (small) {
    const below = document.createElement("small");
    below.textContent = small;
    cell.append(below);
  }
  cell.className = `${cell.dataset.style ?? ""} ${style}`.trim();
}

function clear(row) {
  for (const name of ["yours", "ratio", "outputs"]) show(row, name, "–", "quiet");
}

function showOutputs(row, { first, identical, requests, largestAbsolute }) {
  if (first) show(row, "outputs", `✗ ${first}`, "bad");
  else if (identical === requests) show(row, "outputs", "✓ identical");
  else show(row, "outputs", "✓ within tolerance", "", `${largestAbsolute.toPrecision(2)} off at most`);
}

async function run(row) {
  const it = caseOf(row);
  let isRight = false;
  let isMeasured = false;
  const failed = await measure(jobOf(it), (told) => {
    if (told.doing) {
      const latest = told.latest === undefined ? "" : `${duration(told.latest)} per request`;
      say(`${it.case}: ${told.doing}`, latest);
      show(row, "yours", told.doing.replace(/,.*/, "…"), "quiet");
    }
    if (told.outputs) {
      isRight = !told.outputs.first;
      showOutputs(row, told.outputs);
    }
    if (told.latency !== undefined) {
      isMeasured = true;
      const interval = range(told.lowest, told.highest, told.latency);
      show(row, "yours", `${duration(told.latency)}${told.isSettled ? "" : " ‡"}`, "strong", interval);
      show(row, "ratio", ratio(told.latency / it.nativeMs), "strong");
      if (!told.isSettled) byId("unsettled").hidden = false;
      row.dataset.result = JSON.stringify(told);
    }
  });
  if (failed) {
    show(row, "yours", "failed", "bad");
    if (failed.kind === "changed") show(row, "outputs", `✗ ${failed.message}`, "bad");
    throw new Problem(explain(it.case, failed));
  }
  if (isMeasured) return "measured";
  if (state.isStopped) {
    clear(row);
    show(row, "yours", "stopped", "quiet");
    return "stopped";
  }
  show(row, "yours", "–", "quiet");
  if (!isRight) throw new Problem(`${it.case} answers otherwise here than natively, so its time is not measured: ${row.querySelector('[data-column="outputs"]').textContent.slice(2)}. Another browser may answer rightly.`);
  return "ended";
}

function setRunning(isRunning) {
  startButton.disabled = isRunning;
  stopButton.disabled = !isRunning;
  for (const box of [all, ...rows.map(boxOf)]) box.disabled = isRunning;
  if (!isRunning) byId("progress").hidden = true;
}

async function start() {
  const chosen = chosenRows();
  const controller = new AbortController();
  state = { isStopped: false, stop: () => controller.abort() };
  const problems = [];
  let measured = 0;
  showProblem(null);
  setRunning(true);
  stopButton.focus();
  try {
    checkBrowser();
    await load(chosen.map(caseOf), controller.signal);
    await tellDownload();
    await tellKept();
    for (const row of chosen) {
      clear(row);
      show(row, "yours", "waiting", "quiet");
    }
    for (const row of chosen) {
      if (state.isStopped) {
        clear(row);
        continue;
      }
      try {
        measured += (await run(row)) === "measured";
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problems.push(error.message);
        showProblem(problems.join(" "));
      }
    }
  } catch (error) {
    if (!state.isStopped) {
      const isTold = error instanceof Problem;
      problems.push(isTold ? error.message : `The page failed: ${error.message}. Reload it and start again.`);
      showProblem(problems.join(" "));
    }
  }
  const counted = `${measured} of ${chosen.length} measured`;
  if (state.isStopped) say(`Stopped: ${counted}.`);
  else if (problems.length > 0) say(`Ended: ${counted}. What went wrong stands below.`);
  else say(`Done: ${counted}, outputs verified.`);
  setRunning(false);
  startButton.focus();
}

function stop() {
  state.isStopped = true;
  state.stop();
}

// How much Start will fetch, or that nothing is left to be.
async function tellDownload() {
  const cases = chosenRows().map(caseOf);
  const missing = await missingFrom(neededFor(cases));
  const isHere = (it) => loaded.has(it.address) || (it === data.module && compiled);
  const bytes = missing.filter((it) => !isHere(it)).reduce((sum, it) => sum + it.bytes, 0);
  const download = byId("download");
  if (cases.length === 0) download.textContent = "Choose at least one case.";
  else if (bytes === 0) download.textContent = "All that is needed has been fetched.";
  else download.textContent = `Start fetches ${size(bytes)} from this site.`;
}

// What of this works without a network.
async function tellKept() {
  const worker = await navigator.serviceWorker?.getRegistration();
  const offline = byId("offline");
  if (!worker?.active || !(await openFiles())) return;
  // The last of them may still be on their way into the cache.
  const needed = neededFor(chosenRows().map(caseOf));
  for (let tries = 0; tries < 50 && !state.isStopped; tries++) {
    const missing = await missingFrom(needed);
    if (missing.length === 0) {
      offline.textContent = "Works offline now: this page and what the chosen cases need are kept by this browser.";
      offline.dataset.isKept = "";
      return;
    }
    if (tries === 0) say("Keeping what was fetched, to work offline");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (state.isStopped) return;
  offline.textContent = "The browser has no space to keep all that is needed: offline, this page may not work.";
}

// What an earlier page has kept, and this one does not need.
async function forgetOld() {
  const cache = await openFiles();
  const addresses = neededFor(data.cases).map((it) => new URL(it.address, location.href).href);
  const old = ((await cache?.keys()) ?? []).filter(({ url }) => !addresses.includes(url));
  await Promise.all(old.map((it) => cache.delete(it)));
}

async function prepareOffline() {
  const offline = byId("offline");
  if (!isSecureContext || !navigator.serviceWorker) {
    offline.textContent = "This page is not kept for offline use: browsers keep pages only of HTTPS sites and of this machine.";
    return;
  }
  try {
    await navigator.serviceWorker.register("service.js");
    await navigator.serviceWorker.ready;
    offline.textContent = "This page is kept by this browser; what a case needs is kept when it has been fetched, and then works offline.";
    await forgetOld();
    const missing = await missingFrom(neededFor(chosenRows().map(caseOf)));
    if (missing.length === 0) await tellKept();
  } catch (error) {
    offline.textContent = `This page is not kept for offline use: ${error.message}`;
  }
}

async function tellBrowser() {
  const step = clockStep();
  tellFact("Your browser", await browserName());
  const [isolated, advice] = crossOriginIsolated
    ? ["isolated from other sites", ""]
    : ["not isolated from other sites", " Reload this page once: it is then isolated where the browser can, and the clock is finer."];
  const isSecure = isSecureContext && navigator.serviceWorker;
  tellFact("Its clock", `Steps of ${duration(step)}; the page is ${isolated}. What takes less than 20 steps is timed by the mean of a burst.${isSecure ? advice : ""}`);
  tellFact("Its machine", `${navigator.hardwareConcurrency ?? "an unknown number of"} logical processors. Yours is not the machine that ours were measured on: a ratio to our native holds both the step to WebAssembly and the step from our machine to yours.`);
}

function chooseAll() {
  for (const row of rows) boxOf(row).checked = all.checked;
}

function noteChoice() {
  const chosen = chosenRows().length;
  all.checked = chosen === rows.length;
  all.indeterminate = chosen > 0 && chosen < rows.length;
  startButton.disabled = chosen === 0;
  tellDownload();
}

try {
  const response = await fetch("data.json");
  if (!response.ok) throw new Error(`the site answers ${response.status}`);
  data = await response.json();
  startButton.addEventListener("click", start);
  stopButton.addEventListener("click", stop);
  all.addEventListener("change", () => (chooseAll(), noteChoice()));
  for (const row of rows) boxOf(row).addEventListener("change", noteChoice);
  setRunning(false);
  noteChoice();
  say("Ready.");
  checkBrowser();
} catch (error) {
  startButton.disabled = true;
  say("Not ready.");
  showProblem(error instanceof Problem ? error.message : `The page cannot start: ${error.message}. Reload it; if that does not help, tell whoever published it.`);
}
await tellBrowser();
if (data) await prepareOffline();
