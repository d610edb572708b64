// Whether responses are native's, within the workload's tolerance: the rules of
// `src/outputs/compare.rs`, for a reader's browser.

const text = new TextDecoder("utf-8", { fatal: true });

// A number of JSON; integers that no double holds stay whole where the browser tells their digits.
function whole(_key, value, context) {
  const isLarge = typeof value === "number" && !Number.isSafeInteger(value);
  return isLarge && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
}

function numbersOf(bytes, size, read) {
  if (bytes.length % size !== 0) throw new Error(`${bytes.length} bytes are no row of numbers`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / size }, (_, at) => read(view, at * size));
}

function jsonOf(bytes) {
  try {
    return JSON.parse(text.decode(bytes), whole);
  } catch (error) {
    throw new Error(`no JSON: ${error.message}`);
  }
}

const readers = {
  f32: (bytes) => numbersOf(bytes, 4, (view, at) => view.getFloat32(at, true)),
  f64: (bytes) => numbersOf(bytes, 8, (view, at) => view.getFloat64(at, true)),
  json: jsonOf,
};

export function isSame(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function brief(value) {
  const told = JSON.stringify(value, (_, it) => (typeof it === "bigint" ? `${it}` : it));
  return told.length > 40 ? `${told.slice(0, 40)}…` : told;
}

class Comparison {
  constructor(tolerance) {
    Object.assign(this, { tolerance, largestAbsolute: 0, largestRelative: 0, first: null });
  }

  beyond(reason) {
    this.first ??= reason;
  }

  responses(found, native) {
    const { format } = this.tolerance;
    const read = readers[format];
    if (!read) return this.beyond("different bytes, where they have to be the same");
    let a, b;
    try {
      [a, b] = [read(found), read(native)];
    } catch (error) {
      return this.beyond(error.message);
    }
    if (format === "json") return this.values(a, b, "$");
    if (a.length !== b.length) return this.beyond(`${found.length} bytes instead of ${native.length}`);
    a.forEach((it, at) => this.numbers(it, b[at], `element ${at}`));
  }

  values(a, b, place) {
    if (isNumber(a) && isNumber(b)) {
      if (a === b) return;
      // Unequal integers can be one and the same double.
      const isMixedUp = typeof a === "bigint" && typeof b === "bigint" && Number(a) === Number(b);
      if (isMixedUp) this.beyond(`${place} is ${a} instead of ${b}`);
      else this.numbers(Number(a), Number(b), place);
    } else if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
      a.forEach((it, at) => this.values(it, b[at], `${place}[${at}]`));
    } else if (isObject(a) && isObject(b) && this.haveSameKeys(a, b)) {
      for (const key of Object.keys(b)) this.values(a[key], b[key], `${place}.${key}`);
    } else if (a !== b) {
      this.beyond(`${place} is ${brief(a)} instead of ${brief(b)}`);
    }
  }

  haveSameKeys(a, b) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key));
  }

  numbers(found, native, place) {
    if (Object.is(found, native)) return;
    // NaN against a number, or an infinity, is as far off as can be said.
    const difference = Math.abs(found - native);
    const absolute = Number.isFinite(difference) ? difference : Number.MAX_VALUE;
    this.largestAbsolute = Math.max(this.largestAbsolute, absolute);
    if (native !== 0 && Number.isFinite(native)) {
      this.largestRelative = Math.max(this.largestRelative, absolute / Math.abs(native));
    }
    const allowed = this.tolerance.absolute + this.tolerance.relative * Math.abs(native);
    const isWithin = absolute <= allowed && Number.isFinite(found) && Number.isFinite(native);
    if (!isWithin) this.beyond(`${place} is ${found} instead of ${native}`);
  }
}

// Compares responses with native's to the same requests: how many are the same bytes, how far off
// the others are, and the first that is beyond the tolerance, in one clause, or null.
export function compare(found, native, tolerance) {
  const comparison = new Comparison(tolerance);
  let identical = 0;
  let first = null;
  found.forEach((response, request) => {
    if (request >= native.length) {
      first ??= `${found.length} responses instead of ${native.length}`;
    } else if (isSame(response, native[request])) {
      identical += 1;
    } else {
      comparison.first = null;
      comparison.responses(response, native[request]);
      if (comparison.first) first ??= `request ${request}: ${comparison.first}`;
    }
  });
  const { largestAbsolute, largestRelative } = comparison;
  return { requests: found.length, identical, largestAbsolute, largestRelative, first };
}
