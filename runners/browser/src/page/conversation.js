// Serves from a guest, turn by turn, in whatever thread this runs in. What a turn consists of is
// decided elsewhere, between turns, so that nothing but the guest's own work is within one.
import { ending, Guest, TooMuchPrinted } from "./guest.js";
import { Turn } from "./turn.js";

const PRINTED_BYTES = 4096;

async function bytesOf(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

// Where a guest comes from: over the network, unless whoever runs it has it already.
const network = {
  compile: (address) => WebAssembly.compileStreaming(fetch(address)),
  bytes: bytesOf,
};

// When the last of what was fetched so far had arrived.
function arrived() {
  return Math.max(0, ...performance.getEntriesByType("resource").map((it) => it.responseEnd));
}

// `setup`: the module's address, the files' addresses by their paths in the guest, its invocation.
// `director`: `opening()` and `next(told)` give turns, and nothing when all is told; `requests()`
// gives all requests. `enter` hears of each phase as it begins. `source` gives the module and the
// bytes of files by their addresses.
export async function converse(setup, director, enter = () => {}, source = network) {
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
    const opening = director.opening();
    const paths = Object.keys(setup.files);
    const contents = Promise.all(paths.map((path) => source.bytes(setup.files[path])));
    const compiled = source.compile(setup.module);
    const [module, fetched, first] = await Promise.all([compiled, contents, opening]);
    begin("compile", arrived());
    begin("instantiate");
    const files = Object.fromEntries(paths.map((path, at) => [path, fetched[at]]));
    guest = new Guest(setup.invocation, files, (message) => turn.answer(message), print);
    await guest.instantiate(module);
    begin("initialize");
    guest.initialize();
    for (let next = first; next; next = await director.next(told(null))) {
      if (next.series && requests.length === 0) requests = await director.requests();
      turn = new Turn(next, requests, enter);
      guest.turn(next.program);
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

// What came over the network so far, and how much it is unpacked, bytes.
export function traffic() {
  const entries = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
  const sum = (field) => entries.reduce((total, it) => total + it[field], 0);
  return { transferred: sum("transferSize"), encoded: sum("encodedBodySize"), decoded: sum("decodedBodySize") };
}
