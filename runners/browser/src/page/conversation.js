// Serves from a guest, turn by turn, in whatever thread this runs in. What a turn consists of is
// decided elsewhere, between turns, so that nothing but the guest's own work is within one.
import { ending, TooMuchPrinted } from "./ending.js";
import { network } from "./fetching.js";
import { Turn } from "./turn.js";

const PRINTED_BYTES = 4096;

// `Guest`: its class. `setup`: addresses of module and files, the invocation, the limits.
// `director`: `opening()` and `next(told)` give turns, and nothing when all is told; `requests()`
// gives all requests. `enter` hears of each phase as it begins. `source` gives the module and the
// bytes of files by their addresses.
export async function converse(Guest, setup, director, enter = () => {}, source = network) {
  const phases = [];
  const begin = (phase, at = performance.now()) => {
    phases.push([phase, at]);
    enter(phase);
  };
  let guest, turn, requests = [], printed = new Uint8Array(), printedBytes = 0;
  const print = (data) => {
    printedBytes += data.length;
    if (printed.length < PRINTED_BYTES) printed = new Uint8Array([...printed, ...data]);
    if (printedBytes > setup.outputBytes) throw new TooMuchPrinted();
  };
  const told = (ended) => ({
    ended,
    phases,
    printed,
    memoryBytes: guest?.memoryBytes() ?? 0,
    record: turn?.record() ?? [],
  });
  try {
    begin("fetch");
    const answer = (message) => turn.answer(message);
    const opening = director.opening();
    guest = await Guest.open(setup, { begin, answer, print, source });
    for (let next = await opening; next; next = await director.next(told(null))) {
      if (next.series && requests.length === 0) requests = await director.requests();
      turn = new Turn(next, requests, enter);
      // What runs models has promises within its turns.
      await guest.turn(next.program);
    }
  } catch (error) {
    await director.next(told(ending(error)));
  }
}

// The step of the clock here, ms: the least by which two readings differ.
export function clockStep() {
  let least = Infinity;
  for (let changes = 0; changes < 50; changes++) {
    const before = performance.now();
    let now = before;
    while (now === before) now = performance.now();
    least = Math.min(least, now - before);
  }
  return least;
}
