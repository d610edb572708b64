// A WASI guest that calls the host: its files, its instance, its turns.
import { OutOfMemory } from "./ending.js";
import { arrived, fetchAll } from "./fetching.js";
import { pollClocks } from "./sleeping.js";
import { ConsoleStdout, Directory, File, OpenFile, PreopenDirectory, WASI } from "./wasi/index.js";

const OK = 0;
const FAULT = -2;

const REALTIME = 0;

const clocks = {
  now: (clock) => BigInt(Math.round((clock === REALTIME ? Date.now() : performance.now()) * 1e6)),
  // Nothing in a page's own thread may wait, and elsewhere only what is isolated has shared memory.
  sleep(ms) {
    for (const until = performance.now() + ms; performance.now() < until; );
  },
};

// Folders as the guest sees them, of files by their paths: `{"/workload/workload.py": bytes}`.
function folders(files, roots) {
  return roots.map((root) => {
    const contents = new Map();
    for (const [path, bytes] of Object.entries(files)) {
      if (!path.startsWith(`${root}/`)) continue;
      const names = path.slice(root.length + 1).split("/");
      const name = names.pop();
      let folder = contents;
      for (const step of names) {
        if (!folder.has(step)) folder.set(step, new Directory(new Map()));
        folder = folder.get(step).contents;
      }
      folder.set(name, new File(bytes, { readonly: true }));
    }
    return new PreopenDirectory(root, contents);
  });
}

export class Guest {
  // Fetches it, compiles it meanwhile, and brings its interpreter up.
  static async open(setup, { begin, answer, print, source }) {
    const { invocation } = setup;
    const compiled = source.compile(setup.module);
    const [module, files] = await Promise.all([compiled, fetchAll(setup.files, source)]);
    begin("compile", arrived());
    begin("instantiate");
    const { arguments: args, environment, folders: roots } = invocation;
    const [nothing, printed] = [new OpenFile(new File([])), new ConsoleStdout(print)];
    const open = [nothing, printed, printed, ...folders(files, roots)];
    const variables = environment.map(([name, value]) => `${name}=${value}`);
    // Otherwise it tells the console of every call.
    const wasi = new WASI(args, variables, open, { debug: false });
    const { poll_oneoff: pollOthers } = wasi.wasiImport;
    wasi.wasiImport.poll_oneoff = (...asked) => {
      return pollClocks(guest.exported.memory.buffer, ...asked, clocks) ? OK : pollOthers(...asked);
    };
    const guest = new Guest(answer);
    const host = { call: (...where) => guest.#call(...where) };
    const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport, host });
    guest.exported = instance.exports;
    begin("initialize");
    wasi.initialize(instance);
    return guest;
  }

  constructor(answer) {
    this.answer = answer;
  }

  // Has the interpreter run `program` to its end.
  turn(program) {
    const code = new TextEncoder().encode(program);
    const at = this.#put(code);
    if (at === 0) throw new OutOfMemory("no memory is left for the program");
    this.exported.turn(at, code.length);
  }

  memoryBytes() {
    return this.exported?.memory.buffer.byteLength ?? 0;
  }

  // The host's side of `_host.call`: a copy out, a copy in.
  #call(pointer, length, answerPointer, answerLength) {
    const message = new Uint8Array(this.exported.memory.buffer, pointer >>> 0, length >>> 0);
    const answer = this.answer(message);
    if (answer === null) return FAULT;
    const at = answer.length > 0 ? this.#put(answer) : 0;
    if (at === 0 && answer.length > 0) return FAULT;
    const view = new DataView(this.exported.memory.buffer);
    view.setUint32(answerPointer, at, true);
    view.setUint32(answerLength, answer.length, true);
    return OK;
  }

  #put(bytes) {
    const at = this.exported.host_alloc(bytes.length) >>> 0;
    if (at !== 0) new Uint8Array(this.exported.memory.buffer).set(bytes, at);
    return at;
  }
}
