// Brython as a guest: Python that becomes JavaScript in the page.
import { fetchAll } from "./fetching.js";

// What Brython's own `open` reads as bytes is nothing of the kind (3.14.3): a file is the page's
// to give, so it gives it whole. And it keeps no names from one source to the next.
const OPENING = `
import builtins
from browser import window


class BytesFile:
    def __init__(self, content):
        self.content = content

    def read(self):
        return self.content

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def open_any(path, mode="r", *rest, **options):
    if "b" in mode:
        return BytesFile(window.wasmfit_bytes(path))
    return open_text(path, mode, *rest, **options)


def call(message):
    answer = window.wasmfit_call(message)
    if answer is None:
        raise OSError("the conversation is over")
    return answer


open_text = builtins.open
builtins.open = open_any
names = {"__name__": "driver", "call": call}
window.wasmfit_turn = lambda program: exec(program, names)
`;

// As a page does: these are no modules.
function load(address) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${address} could not be loaded`));
    document.head.append(element);
  });
}

// An exception of Python's, which is no error of JavaScript's.
function inWords(error) {
  return `${error.ob_type.tp_name}: ${globalThis.__BRYTHON__.builtins.str.$factory(error)}`;
}

export class Guest {
  static async open(setup, { begin, answer, source }) {
    const files = fetchAll(setup.files, source);
    await load(setup.module);
    await load(`${setup.folder}brython_stdlib.js`);
    const contents = await files;
    begin("initialize");
    const brython = globalThis.__BRYTHON__;
    const bytesOf = (array) => brython.fast_bytes(Array.from(array));
    for (const [path, bytes] of Object.entries(contents)) {
      brython.add_files({ [path]: { content: bytes.toBase64(), ctime: 0, mtime: 0 } });
    }
    globalThis.wasmfit_bytes = (path) => bytesOf(contents[path]);
    globalThis.wasmfit_call = ({ source: numbers }) => {
      const answered = answer(Uint8Array.from(numbers));
      return answered === null ? brython.builtins.None : bytesOf(answered);
    };
    brython.runPythonSource(OPENING, "opening");
    return new Guest();
  }

  turn(program) {
    try {
      globalThis.wasmfit_turn(program);
    } catch (error) {
      throw error.ob_type ? new Error(inWords(error)) : error;
    }
  }

  memoryBytes() {
    return 0;
  }
}
