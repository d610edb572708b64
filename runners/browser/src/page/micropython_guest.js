// MicroPython as a guest: it fetches and brings up itself.
import { guestOf } from "./crossing.js";
import { openMicroPython } from "./micropython.js";

export const Guest = guestOf("micropython.mjs", ({ loadMicroPython }, { module }, given) =>
  openMicroPython(loadMicroPython, { address: module, ...given }),
);
