// A WASI guest that calls the host: its files, its instance, its turns.
import { ConsoleStdout, Directory, File, OpenFile, PreopenDirectory, WASI, WASIProcExit } from "./wasi/index.js";

const OK = 0;
const FAULT = -2;

// Thrown where the guest has no memory for what it is to be told.
class OutOfMemory extends Error {}

// Thrown where it prints more than it may.
export class TooMuchPrinted extends Error {}

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
  // `invocation`: the guest's arguments, environment and folders; `files`: what is in those;
  // `answer`: given a message, what to answer, or null when the conversation is over;
  // `print`: takes what the guest prints.
  constructor(invocation, files, answer, print) {
    const { arguments: args, environment, folders: roots } = invocation;
    const [nothing, printed] = [new OpenFile(new File([])), new ConsoleStdout(print)];
    const open = [nothing, printed, printed, ...folders(files, roots)];
    const variables = environment.map(([name, value]) => `${name}=${value}`);
    // Otherwise it tells the console of every call.
    this.wasi = new WASI(args, variables, open, { debug: false });
    this.answer = answer;
  }

  async instantiate(module) {
    const host = { call: (...where) => this.#call(...where) };
    const imports = { wasi_snapshot_preview1: this.wasi.wasiImport, host };
    const instance = await WebAssembly.instantiate(module, imports);
    this.instance = instance;
    this.exported = instance.exports;
  }

  initialize() {
    this.wasi.initialize(this.instance);
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

// How a guest ended other than by being told to.
export function ending(error) {
  if (error instanceof TooMuchPrinted) return { ending: "printed" };
  if (error instanceof WASIProcExit) return { ending: "exited", code: error.code };
  const reason = String(error?.message ?? error);
  if (error instanceof OutOfMemory || /initial memory size .* is larger/.test(reason)) {
    return { ending: "memory-refused" };
  }
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
    return { ending: "trapped", reason, backtrace: String(error.stack ?? "") };
  }
  return { ending: "not-run", reason };
}
