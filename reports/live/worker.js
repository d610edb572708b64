// One case in a guest of its own, off the page's thread.
import { clockStep, converse } from "./conversation.js";
import { Guest } from "./guest.js";
import { Failed, Measuring } from "./measuring.js";

// More than any workload prints.
const OUTPUT_BYTES = 1 << 20;

const phases = {
  instantiate: "starting the guest",
  initialize: "starting Python",
  import: "importing the workload",
  "model-load": "loading the model",
  "first-request": "serving the first request",
};

onmessage = async ({ data: job }) => {
  const tell = (told) => postMessage(told);
  const setup = { module: "", files: job.files, invocation: job.invocation, outputBytes: OUTPUT_BYTES };
  const source = { compile: async () => job.module, bytes: async (content) => content };
  const enter = (phase) => phases[phase] && tell({ doing: phases[phase] });
  try {
    await converse(Guest, setup, new Measuring(job, clockStep(), tell), enter, source);
    tell({ ended: true });
  } catch (error) {
    const kind = error instanceof Failed ? error.kind : "page";
    tell({ failed: { kind, message: String(error?.message ?? error) } });
  }
};
