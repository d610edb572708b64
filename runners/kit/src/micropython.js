"use strict";

// MicroPython as a guest, in whatever JavaScript: Node puts this before its own script, pages load it as
// a module.
//
// Of its memory it exports nothing, so that is found where its module is instantiated; its `call` hands
// addresses over. What it would make of bytes otherwise is a proxy, of which each byte is asked for.

const MICROPYTHON_CALL = `
import uctypes
import wasmfit_host

def call(message, take=wasmfit_host.take, put=wasmfit_host.put, at=uctypes.addressof):
    length = take(at(message), len(message))
    if length < 0:
        raise OSError("the conversation is over")
    answer = bytearray(length)
    put(at(answer))
    return bytes(answer)
`;

// `loadMicroPython`: of its own module. `address`: where its WebAssembly is. The rest is as for Pyodide.
async function openMicroPython(loadMicroPython, { address, memoryBytes, begin, print, mount, crossing }) {
  const { failed, restore, memory } = inSteps(begin, memoryBytes);
  let micropython;
  try {
    const stdout = (line) => print(`${line}\n`);
    const loading = loadMicroPython({ url: address, stdout, stderr: stdout });
    micropython = await Promise.race([loading, failed]);
  } finally {
    restore();
  }
  mount(micropython.FS);
  return serveFromMicroPython(micropython, memory, crossing);
}

// What turns are done with, of a MicroPython that is up.
function serveFromMicroPython(micropython, memory, crossing) {
  let thrown;
  micropython.registerJsModule("wasmfit_host", {
    take(pointer, length) {
      try {
        return crossing.take(pointer >>> 0, length);
      } catch (error) {
        thrown ??= error;
        return -1;
      }
    },
    put: (pointer) => crossing.put(pointer >>> 0),
  });
  micropython.runPython(MICROPYTHON_CALL);
  return {
    turn(program) {
      try {
        micropython.runPython(program);
      } catch (error) {
        throw thrown ?? error;
      }
      if (thrown) throw thrown;
    },
    memory,
  };
}
