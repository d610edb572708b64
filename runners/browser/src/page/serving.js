// Serves from a guest in a worker of its own, whatever guest that is.
import { converse } from "./conversation.js";
import { Director } from "./director.js";

export function serve(Guest) {
  // A rejection alone would be heard by nobody outside.
  onmessage = ({ data: setup }) =>
    converse(Guest, setup, new Director(setup.openedAt), (phase) => postMessage(phase)).catch(reportError);
}
