// Figures of bursts, and figures for people.

// What is shorter than so many steps of the clock is not timed by itself.
const STEPS = 20;
// What counts as an improvement, relative to the best window before; windows in a row without one.
const IMPROVEMENT = 0.03;
const WINDOWS = 3;

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// What a request of a burst took: the median, or where the clock does not resolve it, the mean.
export function ofBurst(took, clockStep) {
  const mean = took.reduce((sum, it) => sum + it, 0) / took.length;
  return mean < STEPS * clockStep ? mean : median(took);
}

// Whether latency no longer improves, from that of successive windows: as runners find it.
export function isSettled(windows) {
  let best = Infinity;
  let unimproved = 0;
  for (const window of windows) {
    unimproved = window < best * (1 - IMPROVEMENT) ? 0 : unimproved + 1;
    best = Math.min(best, window);
  }
  return unimproved >= WINDOWS;
}

function inUnits(value, units) {
  const [size, unit] = units.find(([it]) => value / it >= 0.9995) ?? units.at(-1);
  return { size, unit };
}

const decimals = (value) => [99.95, 9.995, 0.9995, 0.09995].findIndex((it) => value >= it);
const digitsOf = (value) => (value === 0 ? 0 : decimals(value) < 0 ? 4 : decimals(value));

const DURATIONS = [[1e3, "s"], [1, "ms"], [1e-3, "µs"], [1e-6, "ns"]];
const SIZES = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]];

// `84.1 µs`, of milliseconds.
export function duration(ms) {
  const { size, unit } = inUnits(ms, DURATIONS);
  return `${(ms / size).toFixed(digitsOf(ms / size))} ${unit}`;
}

// `83.2–86.0 µs`, in the unit and decimals of `of`.
export function range(low, high, of) {
  const { size, unit } = inUnits(of, DURATIONS);
  const digits = digitsOf(of / size);
  return `${(low / size).toFixed(digits)}–${(high / size).toFixed(digits)} ${unit}`;
}

// `98.6 MB`, of bytes.
export function size(bytes) {
  const { size, unit } = inUnits(bytes, SIZES);
  return `${(bytes / size).toFixed(digitsOf(bytes / size))} ${unit}`;
}

// `2.91×`.
export const ratio = (times) => `${times.toFixed(digitsOf(times))}×`;
