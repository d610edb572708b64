// The runner, as the page sees it: it says what each turn consists of.
import { clockStep } from "./conversation.js";
import { traffic } from "./fetching.js";
import { pack, unpack } from "./frames.js";

const header = (frame) => JSON.parse(new TextDecoder().decode(frame));

async function turnOf(response) {
  if (response.status === 204) return null;
  if (!response.ok) throw new Error(`the runner answered ${response.status}`);
  const [said, ...answers] = unpack(await response.arrayBuffer());
  return { ...header(said), answers };
}

export class Director {
  #surroundings;
  #openedAt;

  // `openedAt`: the page's time origin.
  constructor(openedAt) {
    this.#openedAt = openedAt;
  }

  opening = async () => turnOf(await fetch("/turns/opening"));

  requests = async () => unpack(await (await fetch("/requests")).arrayBuffer());

  next = async ({ record, printed, ...told }) => {
    // Found out once, when the first response is there.
    this.#surroundings ??= { clockStep: clockStep(), isIsolated: crossOriginIsolated, traffic: traffic() };
    const said = { ...told, ...this.#surroundings, sinceOpened: performance.timeOrigin - this.#openedAt };
    const body = pack([new TextEncoder().encode(JSON.stringify(said)), printed, ...record]);
    return turnOf(await fetch("/turns/next", { method: "POST", body }));
  };
}
