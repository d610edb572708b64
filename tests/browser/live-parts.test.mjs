// What the page on which readers measure computes: the same rules as `src/outputs/compare.rs` and
// `runners/kit/src/settle.rs` have.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

// The folder of the scripts is none of modules to Node.
async function load(name) {
  const source = await readFile(new URL(`../../reports/live/${name}.js`, import.meta.url), 'utf8');
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}

const { compare } = await load('outputs');
const figures = await load('figures');

const F64 = { format: 'f64', absolute: 1e-9, relative: 1e-6 };
const f64 = (...values) => new Uint8Array(new Float64Array(values).buffer);
const text = (it) => new TextEncoder().encode(it);
const first = (found, native, tolerance = F64) => compare([found], [native], tolerance).first;

test('the same bytes agree', () => {
  const told = compare([f64(1, NaN)], [f64(1, NaN)], F64);
  assert.deepEqual(told, { requests: 1, identical: 1, largestAbsolute: 0, largestRelative: 0, first: null });
});

test('small deviations are allowed and shown', () => {
  const told = compare([f64(1, 100 + 5e-5)], [f64(1, 100)], F64);
  assert.equal(told.first, null);
  assert.equal(told.identical, 0);
  assert.ok(Math.abs(told.largestAbsolute - 5e-5) < 1e-12);
  assert.ok(Math.abs(told.largestRelative - 5e-7) < 1e-12);
});

test('what is beyond the tolerance is named', () => {
  assert.equal(first(f64(1, 2.5), f64(1, 2)), 'request 0: element 1 is 2.5 instead of 2');
});

test('no tolerance covers what is not a number', () => {
  for (const [found, native] of [[NaN, 1], [1, NaN], [Infinity, 1], [1, Infinity], [Infinity, -Infinity]]) {
    assert.ok(first(f64(found), f64(native)), `${found} passes for ${native}`);
  }
  assert.equal(first(f64(0, Infinity), f64(-0, Infinity)), null);
});

test('single precision is read as such, wherever it lies in a buffer', () => {
  const bytes = new Uint8Array([0, ...new Uint8Array(new Float32Array([1.5, 2]).buffer)]);
  const tolerance = { format: 'f32', absolute: 0, relative: 1e-3 };
  const near = new Uint8Array(new Float32Array([1.5, 2.0001]).buffer);
  assert.equal(first(bytes.subarray(1), near, tolerance), null);
  assert.match(first(bytes.subarray(0, 8), near, tolerance), /element 0/);
});

test('lengths and counts have to match', () => {
  assert.match(first(f64(1), f64(1, 2)), /8 bytes instead of 16/);
  assert.match(first(new Uint8Array(9), new Uint8Array([1])), /9 bytes are no row of numbers/);
  assert.match(compare([f64(1), f64(2)], [f64(1)], F64).first, /2 responses instead of 1/);
  assert.equal(compare([f64(1)], [f64(1), f64(2)], F64).first, null);
});

test('bytes have to be the same', () => {
  const bytes = { format: 'bytes', absolute: 0, relative: 0 };
  assert.match(first(text('ab'), text('ac'), bytes), /have to be the same/);
});

test('JSON is compared by its numbers and otherwise exactly', () => {
  const json = { format: 'json', absolute: 1e-3, relative: 0 };
  const native = '[{"id": 7, "p": 0.5, "label": "b", "tags": [null, true]}]';
  for (const [found, expected] of [
    ['[{"p":0.5004,"id":7,"label":"b","tags":[null,true]}]', null],
    ['[{"id": 7, "p": 0.6, "label": "b", "tags": [null, true]}]', '$[0].p is 0.6 instead of 0.5'],
    ['[{"id": 8, "p": 0.5, "label": "b", "tags": [null, true]}]', '$[0].id is 8 instead of 7'],
    ['[{"id": 7, "p": 0.5, "label": "c", "tags": [null, true]}]', '$[0].label is "c" instead of "b"'],
    ['[{"id": 7, "p": 0.5, "label": "b", "tags": [null]}]', '$[0].tags is [null] instead of [null,true]'],
    ['[{"id": 7, "p": 0.5, "label": "b"}]', '$[0] is {'],
    ['[NaN]', 'no JSON'],
  ]) {
    const told = first(text(found), text(native), json);
    if (expected === null) assert.equal(told, null);
    else assert.ok(told?.includes(expected), told);
  }
});

test('latency has settled once three windows bring no improvement', () => {
  const { isSettled } = figures;
  assert.ok(!isSettled([]));
  assert.ok(!isSettled([100, 100, 100]));
  assert.ok(isSettled([100, 100, 100, 100]));
  assert.ok(isSettled([900, 300, 100, 103, 99, 98]));
  assert.ok(!isSettled([900, 300, 100, 101, 90, 90]));
  assert.ok(isSettled([100, 130, 190, 120]));
});

test('what the clock does not resolve is timed by the mean', () => {
  assert.equal(figures.ofBurst([0, 0, 0.1, 0], 0.1), 0.025);
  assert.equal(figures.ofBurst([5, 5, 50], 0.1), 5);
});

test('figures have three digits and their own unit', () => {
  for (const [ms, expected] of [
    [0, '0 ns'], [412e-6, '412 ns'], [999.6e-6, '1.00 µs'], [84.123e-3, '84.1 µs'], [9.996, '10.0 ms'],
    [31_400, '31.4 s'], [300e3, '300 s'],
  ]) {
    assert.equal(figures.duration(ms), expected);
  }
  assert.equal(figures.range(0.000983, 0.001026, 0.001004), '0.98–1.03 µs');
  assert.equal(figures.size(98_600_000), '98.6 MB');
  assert.equal(figures.ratio(2.9134), '2.91×');
});
