// Frames: the length of each as a little-endian unsigned 64-bit number, then its bytes.

const LENGTH_BYTES = 8;

export function pack(frames) {
  const parts = frames.flatMap((bytes) => {
    const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
    length.setBigUint64(0, BigInt(bytes.byteLength), true);
    return [length, bytes];
  });
  return new Blob(parts);
}

export function unpack(buffer) {
  const view = new DataView(buffer);
  const frames = [];
  for (let at = 0; at < buffer.byteLength; ) {
    const length = Number(view.getBigUint64(at, true));
    at += LENGTH_BYTES;
    frames.push(new Uint8Array(buffer, at, length));
    at += length;
  }
  return frames;
}
