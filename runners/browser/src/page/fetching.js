// What a guest is made of, over the network.

async function bytesOf(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

// Where a guest comes from: over the network, unless whoever runs it has it already.
export const network = {
  compile: (address) => WebAssembly.compileStreaming(fetch(address)),
  bytes: bytesOf,
};

// The contents of files, all at once: `addresses` by the files' paths in the guest.
export async function fetchAll(addresses, source) {
  const fetched = Object.entries(addresses).map(async ([path, address]) => [path, await source.bytes(address)]);
  return Object.fromEntries(await Promise.all(fetched));
}

// When the last of what was fetched so far had arrived.
export function arrived() {
  return Math.max(0, ...performance.getEntriesByType("resource").map((it) => it.responseEnd));
}

// What came over the network so far, and how much it is unpacked, bytes.
export function traffic() {
  const entries = ["resource", "navigation"].flatMap((kind) => performance.getEntriesByType(kind));
  const sum = (field) => entries.reduce((total, it) => total + it[field], 0);
  return { transferred: sum("transferSize"), encoded: sum("encodedBodySize"), decoded: sum("decodedBodySize") };
}
