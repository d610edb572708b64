"use strict";

// `poll_oneoff` of clocks alone, which is how a WASI guest sleeps: Node puts this before its own
// script, pages load it as a module. What there is for it takes the point in time that `time.sleep`
// names for a duration: Node's own (26.10.0), and the shim that pages use (0.4.2).

// Sizes and places in `subscription` and `event` of WASI preview 1.
const SUBSCRIPTION = { bytes: 48, tag: 8, clock: 16, timeout: 24, flags: 40 };
const EVENT = { bytes: 32, tag: 10 };
const CLOCK_TAG = 0;
const ABSOLUTE = 1;
const SUCCESS = 0;

// `buffer`: linear memory. `now` reads a clock, ns; `sleep` is told how long, ms. Says whether all that
// was asked for were clocks; otherwise nothing has been done.
function pollClocks(buffer, asked, events, count, countedAt, { now, sleep }) {
  const view = new DataView(buffer);
  let soonest;
  for (let at = asked >>> 0, left = count; left > 0; at += SUBSCRIPTION.bytes, left--) {
    if (view.getUint8(at + SUBSCRIPTION.tag) !== CLOCK_TAG) return false;
    let timeout = view.getBigUint64(at + SUBSCRIPTION.timeout, true);
    if (view.getUint16(at + SUBSCRIPTION.flags, true) & ABSOLUTE) {
      timeout -= now(view.getUint32(at + SUBSCRIPTION.clock, true));
    }
    if (soonest === undefined || timeout < soonest.timeout) {
      soonest = { timeout, userdata: view.getBigUint64(at, true) };
    }
  }
  if (soonest === undefined) return false;
  if (soonest.timeout > 0n) sleep(Number(soonest.timeout) / 1e6);
  const event = events >>> 0;
  new Uint8Array(buffer, event, EVENT.bytes).fill(0);
  view.setBigUint64(event, soonest.userdata, true);
  view.setUint8(event + EVENT.tag, CLOCK_TAG);
  view.setUint32(countedAt >>> 0, 1, true);
  return true;
}
