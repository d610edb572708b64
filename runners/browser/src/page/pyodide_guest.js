// Pyodide as a guest: it fetches and brings up itself.
import { guestOf } from "./crossing.js";
import { openPyodide } from "./pyodide.js";

export const Guest = guestOf("pyodide.mjs", ({ loadPyodide }, { folder, invocation }, given) =>
  openPyodide(loadPyodide, {
    // A whole address: it is what those of packages are made of.
    folder: new URL(folder, location.href).href,
    environment: Object.fromEntries(invocation.environment),
    imports: invocation.imports,
    ...given,
  }),
);
