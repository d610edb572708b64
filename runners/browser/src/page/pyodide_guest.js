// Pyodide as a guest: it fetches and brings up itself.
import { Crossing, place, Turns } from "./crossing.js";
import { fetchAll } from "./fetching.js";
import { openPyodide } from "./pyodide.js";

export class Guest extends Turns {
  static async open(setup, { begin, answer, print, source }) {
    const files = fetchAll(setup.files, source);
    const { loadPyodide } = await import(`${setup.folder}pyodide.mjs`);
    const contents = await files;
    const crossing = new Crossing(answer, print);
    const opened = await openPyodide(loadPyodide, {
      // A whole address: it is what those of packages are made of.
      folder: new URL(setup.folder, location.href).href,
      environment: Object.fromEntries(setup.invocation.environment),
      imports: setup.invocation.imports,
      memoryBytes: setup.memoryBytes,
      begin: (phase) => begin(phase),
      print: crossing.print,
      mount: (system) => place(contents, system),
      crossing,
    });
    crossing.memory = opened.memory;
    return new Guest(opened);
  }
}
