// One turn of the guest: what it is told, in order, and what it says, with the times of both.

const TIMES = 3;
const NOTHING = new Uint8Array();
const STOP = new TextEncoder().encode("stop");

// Where messages are copied to, as every host has memory of its own ready: new memory for each would
// cost several times the copy.
let copied = NOTHING;

function copyOut(message) {
  if (copied.length < message.length) copied = new Uint8Array(message.length);
  copied.set(message);
  return copied.subarray(0, message.length);
}

function isSame(one, other) {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) {
    if (one[at] !== other[at]) return false;
  }
  return true;
}

// `answers` come first; then the `series` of requests, each with so many empty answers behind it as
// it has marks; then `stop`. The first answers begin `phases`, of which `enter` hears. A response that
// was heard before is not kept twice.
export class Turn {
  constructor({ answers, series, phases }, requests, enter) {
    const { first = 0, count = 0, marks = 0 } = series ?? {};
    Object.assign(this, { answers, phases, requests, enter, first, count, marks });
    const messages = answers.length + count * (1 + marks) + 1;
    this.times = new Float64Array(messages * TIMES);
    this.places = new Uint32Array(messages);
    this.kept = [NOTHING];
    this.latest = new Map();
    this.heard = 0;
  }

  // Takes a message, which is only lent, and gives the answer to it; null when there is none left.
  answer(message) {
    const entered = performance.now();
    const copy = copyOut(message);
    const left = performance.now();
    const position = this.heard;
    if (position >= this.places.length) return null;
    this.heard += 1;
    this.places[position] = this.#keep(copy, position);
    const answer = this.#next(position);
    if (position < this.phases.length) this.enter(this.phases[position]);
    const at = position * TIMES;
    this.times[at] = entered;
    this.times[at + 1] = left;
    this.times[at + 2] = performance.now();
    return answer;
  }

  // Where in `kept` a message is that is in the place of what `position` asks for.
  #keep(message, position) {
    if (message.length === 0) return 0;
    const asked = this.#requestAt(position - 1 - this.marks) ?? -1;
    const before = this.latest.get(asked);
    if (before !== undefined && isSame(this.kept[before], message)) return before;
    this.kept.push(message.slice());
    this.latest.set(asked, this.kept.length - 1);
    return this.kept.length - 1;
  }

  #next(position) {
    if (position < this.answers.length) return this.answers[position];
    if (position === this.places.length - 1) return STOP;
    const request = this.#requestAt(position);
    return request === undefined ? NOTHING : this.requests[request];
  }

  // The number of the request that is the answer at `position`.
  #requestAt(position) {
    const [index, mark] = [position - this.answers.length, 1 + this.marks];
    if (index < 0 || index >= this.count * mark || index % mark !== 0) return undefined;
    return (this.first + index / mark) % this.requests.length;
  }

  // What became of it: the times of the messages heard, which of `kept` each is, and those.
  record() {
    return [this.times.subarray(0, this.heard * TIMES), this.places.subarray(0, this.heard), ...this.kept];
  }
}
