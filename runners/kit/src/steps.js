"use strict";

// How an interpreter with JavaScript of its own around it comes up, in whatever JavaScript: Node puts
// this before its own script, pages load it as a module.

const PAGE_BYTES = 65536;

// Splits into its steps what the interpreter does by one call. `failed` is what became of it where that
// is not told otherwise; `restore` undoes the splitting; `memory` is that of the instance. Memory is
// grown by the interpreter's JavaScript alone: a refusal there is what malloc, and so Python, is told.
function inSteps(begin, memoryBytes) {
  const { instantiate, instantiateStreaming } = WebAssembly;
  let refuse, memory;
  const failed = new Promise((_, reject) => (refuse = reject));
  failed.catch(() => {});
  const steps = async (compiling, imports) => {
    try {
      const module = await compiling;
      begin("instantiate");
      const instance = await instantiate(module, imports);
      // Its name may be a letter, and it may come from outside.
      const given = Object.values(imports).flatMap((it) => Object.values(it));
      memory = [...Object.values(instance.exports), ...given].find((it) => it instanceof WebAssembly.Memory);
      limit(memory, memoryBytes);
      begin("initialize");
      return { module, instance };
    } catch (error) {
      refuse(error);
      throw error;
    }
  };
  WebAssembly.instantiate = (source, imports) => {
    if (source instanceof WebAssembly.Module) return instantiate(source, imports);
    begin("compile");
    return steps(WebAssembly.compile(source), imports);
  };
  WebAssembly.instantiateStreaming = (response, imports) =>
    steps(WebAssembly.compileStreaming(response), imports);
  const restore = () => Object.assign(WebAssembly, { instantiate, instantiateStreaming });
  return { failed, restore, memory: () => memory.buffer };
}

function limit(memory, bytes) {
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE_BYTES > bytes) throw new RangeError("memory limit");
    return WebAssembly.Memory.prototype.grow.call(memory, pages);
  };
}
