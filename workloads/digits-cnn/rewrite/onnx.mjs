/** Pixels of 0..16, a byte each, become values in 0..1. */
export function values(request) {
  const values = new Float32Array(request);
  for (let at = 0; at < values.length; at++) values[at] /= 16;
  return values;
}
