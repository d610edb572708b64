// How guests end other than by being told to.

// Thrown where the guest has no memory for what it is to be told.
export class OutOfMemory extends Error {}

// Thrown where it prints more than it may.
export class TooMuchPrinted extends Error {}

// In the words of visit.rs. What ends a WASI guest's program is an error of the shim's, by its name,
// which pages without the shim know too.
export function ending(error) {
  if (error instanceof TooMuchPrinted) return { ending: "printed" };
  if (error?.constructor?.name === "WASIProcExit") return { ending: "exited", code: error.code };
  const reason = String(error?.message ?? error);
  if (error instanceof OutOfMemory || /initial memory size .* is larger/.test(reason)) {
    return { ending: "memory-refused" };
  }
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
    return { ending: "trapped", reason, backtrace: String(error.stack ?? "") };
  }
  return { ending: "not-run", reason };
}
