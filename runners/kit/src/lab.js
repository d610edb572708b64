"use strict";

// JavaScript's end of the ways between Python and JavaScript that the lab of encodings measures;
// Python's is boundary/workload.py, which imports it as `wasmfit_lab`. It hands out values and takes
// them, and says which was the last. Node puts it before its own script, pages load it as a module.

// As `numbers` of boundary/workload.py has them: the values are the same to the last bit.
const LAB_SEED = 42n;
const LAB_FACTOR = 6364136223846793005n;
const LAB_INCREMENT = 1442695040888963407n;
const LAB_PERIOD = 1024;

function openLab() {
  const buffer = madeOnce(labNumbers);
  const array = madeOnce((count) => Array.from(labNumbers(count)));
  return {
    holdArray: array,
    holdBuffer: buffer,
    // As text it is made anew: that is what this way costs.
    holdText: (count) => JSON.stringify(array(count)),
    // What is JavaScript's own already.
    take: (values) => values.at(-1),
    takeText: (text) => JSON.parse(text).at(-1),
    takeItems(proxy) {
      const values = Array.from(proxy);
      proxy.destroy();
      return values.at(-1);
    },
    // Where Python has them, for as long as Python is asked not to move them.
    takeView(proxy) {
      const view = proxy.getBuffer("f64");
      const last = view.data.at(-1);
      view.release();
      proxy.destroy();
      return last;
    },
  };
}

// Values by their number, made when they are first asked for.
function madeOnce(make) {
  const made = new Map();
  return (count) => {
    if (!made.has(count)) made.set(count, make(count));
    return made.get(count);
  };
}

function labNumbers(count) {
  const values = new Float64Array(count);
  let state = LAB_SEED;
  for (let at = 0; at < Math.min(count, LAB_PERIOD); at++) {
    state = BigInt.asUintN(64, LAB_FACTOR * state + LAB_INCREMENT);
    values[at] = Number(state >> 11n) / 2 ** 53;
  }
  for (let at = LAB_PERIOD; at < count; at++) values[at] = values[at - LAB_PERIOD];
  return values;
}
