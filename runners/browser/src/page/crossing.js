// The host's side of a guest that has JavaScript of its own around it: a message is read where it lies,
// an answer copied to where the guest has made room. `memory` gives its linear memory.
import { TooMuchPrinted } from "./ending.js";
import { fetchAll } from "./fetching.js";

export class Crossing {
  #answer;
  #print;
  #answered;
  #tooMuch;
  #encoder = new TextEncoder();

  constructor(answer, print) {
    this.#answer = answer;
    this.#print = print;
  }

  take(pointer, length) {
    // Printing throws nothing through Python's frames: it is told here.
    if (this.#tooMuch) throw this.#tooMuch;
    this.#answered = this.#answer(new Uint8Array(this.memory(), pointer, length));
    return this.#answered === null ? -1 : this.#answered.length;
  }

  put(pointer) {
    new Uint8Array(this.memory()).set(this.#answered, pointer);
  }

  print = (line) => {
    try {
      this.#print(this.#encoder.encode(line));
    } catch (error) {
      if (!(error instanceof TooMuchPrinted)) throw error;
      this.#tooMuch = error;
    }
  };
}

// Puts files, by their paths, into the file system that Emscripten gave an interpreter.
export function place(contents, system) {
  for (const [path, bytes] of Object.entries(contents)) {
    path.split("/").slice(1, -1).reduce((above, name) => {
      const folder = `${above}/${name}`;
      if (!system.analyzePath(folder).exists) system.mkdir(folder);
      return folder;
    }, "");
    system.writeFile(path, bytes, { canOwn: true });
  }
}

// The turns of an interpreter that is up.
export class Turns {
  constructor(opened) {
    this.opened = opened;
  }

  turn(program) {
    return this.opened.turn(program);
  }

  memoryBytes() {
    return this.opened.memory().byteLength;
  }
}

// The guest of an interpreter that comes up by one call: `script` is its own, and `open` makes that call
// with what the script exports, the setup, and what all of them are given.
export function guestOf(script, open) {
  return {
    async open(setup, { begin, answer, print, source }) {
      const files = fetchAll(setup.files, source);
      const loader = await import(`${setup.folder}${script}`);
      const contents = await files;
      const crossing = new Crossing(answer, print);
      const opened = await open(loader, setup, {
        memoryBytes: setup.memoryBytes,
        begin: (phase) => begin(phase),
        print: crossing.print,
        mount: (system) => place(contents, system),
        crossing,
      });
      crossing.memory = opened.memory;
      return new Turns(opened);
    },
  };
}
