// Starts the Node runner: node --eval LAUNCH PATH_OF_THE_ADDON. All is done in one turn of the event
// loop: a guest that serves does not give it back.
"use strict";

const { readdirSync, readFileSync } = require("node:fs");
const v8 = require("node:v8");
const { WASI } = require("node:wasi");

const OK = 0;
const FAULT = -2;

const loaded = { exports: {} };
process.dlopen(loaded, process.argv[1]);
const addon = loaded.exports;

// Thrown by a guest that ends its program.
class Exit {
  constructor(code) {
    this.code = code;
  }
}

// Of the guest.
let compiled, wasi, pollFiles, instance, exported, view;
// Or, of an interpreter with JavaScript of its own around it, all in one.
let opened;

// What went wrong, in the words of host.rs; nothing when nothing did.
function told(work) {
  try {
    work();
    return "";
  } catch (error) {
    return JSON.stringify(ending(error));
  }
}

function ending(error) {
  if (error instanceof Exit) return { ending: "exited", code: error.code };
  const reason = String(error?.message ?? error);
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
    return { ending: "trapped", reason, backtrace: String(error.stack ?? "") };
  }
  if (/initial memory size .* is larger/.test(reason)) return { ending: "memory-refused" };
  return { ending: "not-run", reason };
}

// Memory that has grown is another buffer.
function look() {
  const { buffer } = exported.memory;
  if (view?.buffer !== buffer) {
    view = new DataView(buffer);
    addon.memoryIs(buffer);
  }
}

// What a promise comes to, waited for within this turn of the event loop.
function wait(promise) {
  let came;
  // V8's own compiler threads do not keep the loop alive, and a loop that is not alive looks at nothing.
  const alive = setInterval(() => {}, 1000);
  promise.then(
    (value) => (came = { value }),
    (error) => (came = { error }),
  );
  while (came === undefined) {
    // Promises that are kept, and then what they wait for.
    process._tickCallback();
    if (came === undefined && !addon.turnLoop()) throw new Error("this Node exports no event loop");
  }
  clearInterval(alive);
  if ("error" in came) throw came.error;
  return came.value;
}

function put(bytes) {
  const at = exported.host_alloc(bytes.length) >>> 0;
  if (at === 0 && bytes.length > 0) throw new Error("the guest has no memory left for its program");
  look();
  new Uint8Array(view.buffer).set(bytes, at);
  return at;
}

function call(pointer, length, answerPointer, answerLength) {
  look();
  const size = addon.answer(pointer, length);
  if (size < 0) return FAULT;
  let at = 0;
  if (size > 0) {
    at = exported.host_alloc(size) >>> 0;
    look();
    if (at === 0 || !addon.collect(at)) return FAULT;
  }
  view.setUint32(answerPointer, at, true);
  view.setUint32(answerLength, size, true);
  return OK;
}

// How interpreters with JavaScript of their own are opened, by their names in host.rs. `folders`: those
// of this machine, and where the guest sees them.
const openers = {
  async pyodide(folder, folders, options) {
    // Pyodide asks for what Node has; without these it would want a package besides.
    globalThis.require = require;
    const { loadPyodide } = await import(`${folder}pyodide.mjs`);
    const mount = (files) => {
      for (const [root, path] of folders) {
        files.mkdirTree(path);
        files.mount(files.filesystems.NODEFS, { root }, path);
      }
    };
    return openPyodide(loadPyodide, { folder, mount, ...options });
  },

  async micropython(folder, folders, options) {
    const { loadMicroPython } = await import(`${folder}micropython.mjs`);
    // It is built without Node's file system.
    const mount = (files) => folders.forEach(([root, path]) => copyFolder(files, root, path));
    return openMicroPython(loadMicroPython, { address: `${folder}micropython.wasm`, mount, ...options });
  },

  async onnxruntime(folder, _, options) {
    const [ort, { values }] = await Promise.all(
      ["ort.wasm.bundle.min.mjs", "onnx.mjs"].map((name) => import(`${folder}${name}`)),
    );
    const where = { wasmBinary: readFileSync(`${folder}ort-wasm-simd-threaded.wasm`) };
    const model = readFileSync(`${folder}model.onnx`);
    return openOnnxRuntime(ort, { where, model, values, tell, ...options });
  },
};

// The same as `crossing`, of messages that lie in no linear memory.
function tell(message) {
  addon.memoryIs(message.buffer);
  const length = addon.answer(message.byteOffset, message.byteLength);
  if (length < 0) return null;
  const answer = new Uint8Array(length);
  addon.memoryIs(answer.buffer);
  addon.collect(0);
  return answer;
}

function copyFolder(files, root, path) {
  files.mkdir(path);
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const [from, to] = [`${root}/${entry.name}`, `${path}/${entry.name}`];
    if (entry.isDirectory()) copyFolder(files, from, to);
    else files.writeFile(to, readFileSync(from));
  }
}

const REALTIME = 0;

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

const clocks = { now, sleep: (ms) => Atomics.wait(nobodyWakes, 0, 0, ms) };

// What waits for files goes to Node's own.
function poll(asked, events, count, countedAt) {
  look();
  if (pollClocks(view.buffer, asked, events, count, countedAt, clocks)) return OK;
  return pollFiles(asked, events, count, countedAt);
}

function now(clock) {
  return clock === REALTIME ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint();
}

process.exitCode = addon.main({
  version: process.versions.node,

  compile(bytes) {
    try {
      new WebAssembly.Module(bytes);
      return "";
    } catch (error) {
      return error.message;
    }
  },

  limitMemory: (pages) => told(() => v8.setFlagsFromString(`--wasm-max-mem-pages=${pages}`)),

  load: (path) =>
    told(() => {
      compiled = new WebAssembly.Module(readFileSync(path));
    }),

  instantiate: (text) =>
    told(() => {
      const { arguments: args, environment, folders } = JSON.parse(text);
      wasi = new WASI({
        version: "preview1",
        args,
        env: Object.fromEntries(environment),
        preopens: Object.fromEntries(folders.map(([host, guest]) => [guest, host])),
      });
      wasi.wasiImport.proc_exit = (code) => {
        throw new Exit(code);
      };
      pollFiles = wasi.wasiImport.poll_oneoff;
      wasi.wasiImport.poll_oneoff = poll;
      const imports = { ...wasi.getImportObject(), host: { call } };
      instance = new WebAssembly.Instance(compiled, imports);
      exported = instance.exports;
    }),

  initializeAndRun: (program) =>
    told(() => {
      wasi.initialize(instance);
      const code = Buffer.from(program);
      // The driver reports its own failures, so what this returns adds nothing.
      exported.turn(put(code), code.length);
    }),

  openInterpreter: (name, text, folder, memoryBytes) =>
    told(() => {
      const { environment, folders, imports } = JSON.parse(text);
      const crossing = {
        take(pointer, length) {
          addon.memoryIs(opened.memory());
          return addon.answer(pointer, length);
        },
        put(pointer) {
          // The answer may have made memory grow.
          addon.memoryIs(opened.memory());
          addon.collect(pointer);
        },
      };
      const options = {
        environment: Object.fromEntries(environment),
        imports,
        memoryBytes,
        begin: addon.began,
        print: (words) => process.stdout.write(words),
        crossing,
      };
      opened = wait(openers[name](`${folder}/`, folders, options));
    }),

  runInInterpreter: (program) =>
    told(() => {
      const turned = opened.turn(program);
      if (turned instanceof Promise) wait(turned);
    }),

  start: () =>
    told(() => {
      wasi.start(instance);
    }),

  memoryBytes: () => (opened?.memory() ?? exported?.memory?.buffer)?.byteLength ?? 0,
});
