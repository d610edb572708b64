// The page that a visitor opens: it starts the guest, in a worker or in its own thread.
import { traffic } from "./fetching.js";

const setup = JSON.parse(document.querySelector("#setup").textContent);
let longestTask = 0;
const note = (entries) => {
  longestTask = Math.max(longestTask, ...entries.map((it) => it.duration));
};
const tasks = new PerformanceObserver((list) => note(list.getEntries()));
tasks.observe({ type: "longtask", buffered: true });

// The browser asks for it when the first response is there.
globalThis.facts = () => {
  note(tasks.takeRecords());
  // In its own thread the guest has told it already.
  return { longestTask, traffic: setup.isInWorker ? traffic() : null };
};

// What a hung guest hung in, for whoever has to tell.
const enter = (phase) => navigator.sendBeacon(`/phase/${phase}`);
const fail = (message) => fetch("/failure", { method: "POST", body: String(message) });
addEventListener("error", ({ message }) => fail(message));
addEventListener("unhandledrejection", ({ reason }) => fail(reason?.message ?? reason));

if (setup.isInWorker) {
  const worker = new Worker("/worker.js", { type: "module" });
  worker.onmessage = ({ data: phase }) => enter(phase);
  worker.onerror = ({ message }) => fail(message ?? "the worker could not be started");
  worker.postMessage({ ...setup, openedAt: performance.timeOrigin });
} else {
  const modules = ["./conversation.js", "./director.js", setup.guest];
  const [{ converse }, { Director }, { Guest }] = await Promise.all(modules.map((it) => import(it)));
  await converse(Guest, setup, new Director(performance.timeOrigin), enter);
}
