// Pyodide as a guest: it fetches and brings up itself.
import { TooMuchPrinted } from "./ending.js";
import { fetchAll } from "./fetching.js";
import { openPyodide } from "./pyodide.js";

export class Guest {
  static async open(setup, { begin, answer, print, source }) {
    const { environment } = setup.invocation;
    const files = fetchAll(setup.files, source);
    const { loadPyodide } = await import(`${setup.pyodide}pyodide.mjs`);
    const contents = await files;
    const mount = (system) => {
      for (const [path, bytes] of Object.entries(contents)) {
        system.mkdirTree(path.slice(0, path.lastIndexOf("/")));
        system.writeFile(path, bytes, { canOwn: true });
      }
    };
    let memory, answered, tooMuch;
    const encoder = new TextEncoder();
    const crossing = {
      take(pointer, length) {
        // Printing throws nothing through Python's frames: it is told here.
        if (tooMuch) throw tooMuch;
        answered = answer(new Uint8Array(memory(), pointer, length));
        return answered === null ? -1 : answered.length;
      },
      put: (pointer) => new Uint8Array(memory()).set(answered, pointer),
    };
    const pyodide = await openPyodide(loadPyodide, {
      folder: setup.pyodide,
      environment: Object.fromEntries(environment),
      memoryBytes: setup.memoryBytes,
      begin: (phase) => begin(phase),
      print(line) {
        try {
          print(encoder.encode(line));
        } catch (error) {
          if (!(error instanceof TooMuchPrinted)) throw error;
          tooMuch = error;
        }
      },
      mount,
      crossing,
    });
    memory = pyodide.memory;
    return Object.assign(new Guest(), { pyodide });
  }

  turn(program) {
    this.pyodide.turn(program);
  }

  memoryBytes() {
    return this.pyodide.memory().byteLength;
  }
}
