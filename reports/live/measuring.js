// Decides, in the reader's own browser, what a guest's turns consist of: one request, then each
// request once to compare the responses, then bursts until latency has settled, then those that count.
import { compare, isSame } from "./outputs.js";
import { isSettled, median, ofBurst } from "./figures.js";

const BURST_MS = 250;
const LARGEST_BURST = 100_000;
const WARM_MS = 10_000;
const BURSTS = { least: 3, most: 9 };
const PLAIN_MS = 15_000;

const TIMES = 3;
const bytes = new TextEncoder();
const text = new TextDecoder();

const endings = {
  "memory-refused": "its memory was refused",
  printed: "it prints without end",
};

// What went wrong, for whoever tells the reader.
export class Failed extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

function randomToken() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return bytes.encode(Array.from(random, (it) => it.toString(16).padStart(2, "0")).join(""));
}

export class Measuring {
  #steps = this.#decide();
  #token = randomToken();
  #failure;

  // `job`: the case as the page has fetched it. `tell` hears what is done, and at last what was found.
  constructor(job, clockStep, tell) {
    Object.assign(this, { job, clockStep, tell });
  }

  opening = async () => this.#steps.next().value;

  requests = async () => this.job.requests;

  next = async (told) => {
    // What failed first is what is told.
    if (this.#failure) throw this.#failure;
    try {
      const { value, done } = this.#steps.next(this.#heard(told));
      return done ? null : value;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  };

  // What the guest said in its turn: its messages, and how long each was waited for, ms.
  #heard({ ended, record: [times = [], places = [], ...kept] }) {
    for (const message of kept) {
      if (isSame(message.subarray(0, this.#token.length), this.#token)) {
        const [kind, place, summary] = text.decode(message.subarray(this.#token.length)).split("\n");
        throw new Failed(kind, place ? `${place}: ${summary}` : summary);
      }
    }
    if (ended) throw new Failed(ended.ending, ended.reason ?? endings[ended.ending] ?? `exit code ${ended.code}`);
    const messages = Array.from(places, (place) => kept[place]);
    const took = (at) => times[at * TIMES + 1] - times[(at - 1) * TIMES + 2];
    return { messages, took };
  }

  #order(words) {
    return bytes.encode(words);
  }

  get #import() {
    return this.#order(`import ${text.decode(this.#token)} ${this.job.workload}/workload.py`);
  }

  // The turns, one after the other; gets what was heard in each.
  *#decide() {
    const { programs, requests, responses, tolerance, workload } = this.job;
    const opening = [
      this.#import,
      this.#order(`load ${workload}/assets`),
      this.#order("plain 1"),
      requests[0],
    ];
    const phases = ["import", "model-load", "first-request"];
    const opened = yield { program: programs.opening, answers: opening, series: null, phases };

    this.tell({ doing: "checking outputs" });
    const checked = yield* this.#burst(0, requests.length);
    const outputs = compare(checked.responses, responses, tolerance);
    this.tell({ outputs });
    // A wrong answer has no speed.
    if (outputs.first) return;

    let served = requests.length;
    let perRequest = Math.max(opened.took(4), this.clockStep) / 2;
    const next = function* () {
      const size = Math.round(BURST_MS / perRequest);
      const count = Math.min(Math.max(size, 1), LARGEST_BURST);
      const burst = yield* this.#burst(served, count);
      this.#expectSame(burst.responses, checked.responses, served);
      served += count;
      const figure = ofBurst(burst.took, this.clockStep);
      perRequest = Math.max(figure, 1e-4);
      return { figure, count };
    }.bind(this);

    const until = (ms) => performance.now() + ms;
    const windows = [];
    for (let end = until(WARM_MS); !isSettled(windows) && performance.now() < end; ) {
      windows.push((yield* next()).figure);
      this.tell({ doing: "warming up", latest: windows.at(-1) });
    }
    const bursts = [];
    let count = 0;
    const end = until(PLAIN_MS);
    while (bursts.length < BURSTS.most && (bursts.length < BURSTS.least || performance.now() < end)) {
      const burst = yield* next();
      bursts.push(burst.figure);
      count += burst.count;
      this.tell({ doing: `measuring, burst ${bursts.length} of ${BURSTS.most}`, latest: burst.figure });
    }
    this.tell({
      latency: median(bursts),
      lowest: Math.min(...bursts),
      highest: Math.max(...bursts),
      bursts: bursts.length,
      requests: count,
      isSettled: isSettled(windows),
    });
  }

  // Serves `count` requests from number `first` on: the responses, and what each took.
  *#burst(first, count) {
    const answers = [this.#import, this.#order(`plain ${count}`)];
    const series = { first, count, marks: 0 };
    const program = this.job.programs.goingOn;
    const { messages, took } = yield { program, answers, series, phases: [] };
    const at = (index) => answers.length + 1 + index;
    if (messages.length <= at(count - 1)) throw new Failed("lost", "the guest stopped too early");
    const indices = Array.from({ length: count }, (_, index) => index);
    return { responses: indices.map((it) => messages[at(it)]), took: indices.map((it) => took(at(it))) };
  }

  #expectSame(found, checked, first) {
    const seen = new Set();
    found.forEach((response, index) => {
      // Each is kept once where it is the same.
      if (seen.has(response)) return;
      seen.add(response);
      const request = (first + index) % checked.length;
      if (isSame(response, checked[request])) return;
      const { first: why } = compare([response], [this.job.responses[request]], this.job.tolerance);
      if (why) throw new Failed("changed", `a later response differs: ${why}`);
    });
  }
}
