"use strict";

// Pyodide as a guest, in whatever JavaScript: Node puts this before its own script, pages load it as
// a module.
//
// The guest's `call` is a C function made of a JavaScript one, through the C API that Pyodide
// exports: bytes are copied once each way, and no proxy is made. By way of proxies a message of
// 64 bytes takes some ten to fifty times as long (wasmfit's lab of encodings has the figures that
// proxies cost beyond that).

// Of CPython: a method of one argument.
const METH_O = 8;

// `loadPyodide`: of its own module. `folder`: where its files are. `environment`: variables that are
// there when Python starts. `imports`: modules whose packages are loaded, where the folder has them. `begin` hears of compile, instantiate and initialize as they begin.
// `mount` is given the interpreter to put files in place. `crossing`: the host's side, of a length
// and a function to fetch and to fill with; see `defineCall`.
async function openPyodide(loadPyodide, options) {
  const { folder, environment, imports, memoryBytes, begin, print, mount, crossing } = options;
  const { failed, restore } = inSteps(begin, memoryBytes);
  let pyodide;
  try {
    const loading = loadPyodide({
      indexURL: folder,
      env: { ...environment },
      // Left out, these may name another host.
      lockFileURL: `${folder}pyodide-lock.json`,
      packageBaseUrl: folder,
      fsInit: async (files, { sitePackages }) => mount(files, sitePackages),
      stdout: (line) => print(`${line}\n`),
      stderr: (line) => print(`${line}\n`),
    });
    // Of a module that cannot be instantiated Pyodide only warns, and then waits for ever.
    pyodide = await Promise.race([loading, failed]);
  } finally {
    restore();
  }
  await loadPackages(pyodide, imports, print);
  return serveFromPyodide(pyodide, crossing);
}

// Loads the packages that modules are of. What cannot be loaded is missing where the workload imports it.
async function loadPackages(pyodide, imports, print) {
  if (imports.length === 0) return;
  const asked = imports.map((name) => `import ${name}`).join("\n");
  const errorCallback = (words) => print(`${words}\n`);
  await pyodide.loadPackagesFromImports(asked, { messageCallback() {}, errorCallback });
}

// What turns are done with, of a Pyodide that is up.
function serveFromPyodide(pyodide, crossing) {
  pyodide.registerJsModule("wasmfit_lab", openLab());
  const module = pyodide._module;
  const trouble = defineCall(module, crossing);
  return {
    turn(program) {
      pyodide.runPython(program);
      // Only now: through Python's frames JavaScript must not throw.
      if (trouble.thrown) throw trouble.thrown;
    },
    memory: () => module.HEAPU8.buffer,
  };
}

// Defines `call` in Python's main module. `crossing.take(pointer, length)` is handed a message where
// it lies, and says how long the answer is, below zero when there is none; `crossing.put(pointer)`
// copies the answer there. What they throw is kept.
function defineCall(module, crossing) {
  const trouble = {};
  const text = (words) => module.stringToNewUTF8(words);
  const over = text("the conversation is over");
  const unfit = text("call takes bytes");
  const raise = (kind, words) => {
    module._PyErr_SetString(module.HEAPU32[kind >> 2], words);
    return 0;
  };
  const call = module.addFunction((_self, message) => {
    if (!module._PyObject_IsInstance(message, module._PyBytes_Type)) {
      return raise(module._PyExc_TypeError, unfit);
    }
    try {
      const length = crossing.take(module._PyBytes_AsString(message), module._PyBytes_Size(message));
      if (length < 0) return raise(module._PyExc_OSError, over);
      // Nothing, where memory has run out, with the error set.
      const answer = module._PyBytes_FromStringAndSize(0, length);
      if (answer !== 0) crossing.put(module._PyBytes_AsString(answer));
      return answer;
    } catch (error) {
      trouble.thrown = error;
      return raise(module._PyExc_OSError, over);
    }
  }, "iii");
  // A PyMethodDef: name, function, flags, documentation.
  const method = module._malloc(16);
  module.HEAPU32.set([text("call"), call, METH_O, 0], method >> 2);
  const callable = module._PyCMethod_New(method, 0, 0, 0);
  module._PyObject_SetAttrString(module._PyImport_AddModule(text("__main__")), text("call"), callable);
  module._Py_DecRef(callable);
  return trouble;
}
