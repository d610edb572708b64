// The guest in a worker of its own.
import { converse } from "./conversation.js";
import { Director } from "./director.js";
import { Guest } from "./guest.js";

// A rejection alone would be heard by nobody outside.
onmessage = ({ data: setup }) =>
  converse(Guest, setup, new Director(setup.openedAt), (phase) => postMessage(phase)).catch(reportError);
