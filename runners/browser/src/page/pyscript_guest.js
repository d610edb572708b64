// An interpreter that PyScript opens, as it does for a `<script type="py">` of a page.
import { Crossing, place, Turns } from "./crossing.js";
import { fetchAll } from "./fetching.js";
import { serveFromMicroPython } from "./micropython.js";
import { loadPackages, serveFromPyodide } from "./pyodide.js";
import { inSteps } from "./steps.js";

// The type of script that each interpreter is for, its own script, and how it is served from.
const KINDS = {
  pyodide: {
    type: "py",
    script: "pyodide.mjs",
    async serve(interpreter, { imports, crossing }) {
      await loadPackages(interpreter, imports, crossing.print);
      return serveFromPyodide(interpreter, crossing);
    },
  },
  micropython: {
    type: "mpy",
    script: "micropython.mjs",
    serve: (interpreter, { memory, crossing }) => serveFromMicroPython(interpreter, memory, crossing),
  },
};

export const Guest = {
  async open(setup, { begin, answer, print, source }) {
    const { type, script, serve } = KINDS[setup.interpreter];
    const files = fetchAll(setup.files, source);
    const { failed, restore, memory } = inSteps((phase) => begin(phase), setup.memoryBytes);
    const element = document.createElement("script");
    element.type = type;
    element.setAttribute("config", JSON.stringify({ interpreter: `${setup.folder}${script}` }));
    element.textContent = "pass";
    document.body.append(element);
    const { hooks } = await import(`${setup.pyscript}core.js`);
    const ready = new Promise((resolve) => hooks.main.onReady.add(({ interpreter }) => resolve(interpreter)));
    let interpreter;
    try {
      interpreter = await Promise.race([ready, failed]);
    } finally {
      restore();
    }
    place(await files, interpreter.FS);
    const crossing = new Crossing(answer, print);
    const { imports } = setup.invocation;
    const opened = await serve(interpreter, { imports, memory, crossing });
    crossing.memory = opened.memory;
    return new Turns(opened);
  },
};
