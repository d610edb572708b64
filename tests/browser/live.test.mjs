// The page on which readers measure, in a reader's browser. WASMFIT_LIVE names a site that
// `wasmfit publish --live` wrote, of a run with the workload wordpiece; screenshots are left in the
// folder WASMFIT_SCREENSHOTS, if that is set.
import assert from 'node:assert/strict';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

import { installedTools, launch } from './launch.mjs';
import { serve } from './serve.mjs';

const WIDTHS = { phone: 390, desktop: 1280 };
const CASE = 'wordpiece';
// To fetch, to compile and to bring up 100 MB takes its time on a machine that does something else too.
const LONG = 180_000;

const site = await sitePath();
let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

test('the index leads to it', async () => {
  await withSite(async ({ open }) => {
    const page = await open({ path: '/index.html' });
    await page.getByRole('link', { name: 'Measure it in your own browser' }).click();
    await page.getByRole('heading', { level: 1, name: 'Measure it in your own browser' }).waitFor();
  });
});

test('says what it will fetch, and fetches nothing large by itself', async () => {
  await withSite(async ({ open, server }) => {
    const page = await open();
    await isReady(page);
    assert.match(await page.locator('#download').innerText(), /^Start fetches [\d.]+ MB from this site\.$/);
    assert.deepEqual(server.requests.filter((it) => it.includes('/files/')), []);
    await page.locator('#all').uncheck();
    assert.equal(await page.locator('#download').innerText(), 'Choose at least one case.');
    assert.ok(await button(page, 'Start').isDisabled());
  });
});

test('measures a case with the same outputs, sends nothing, and works without a network then', async () => {
  await withSite(async ({ open, server, heard, context }) => {
    let page = await open();
    await isReady(page);
    await choose(page, CASE);
    await button(page, 'Start').click();
    await isDone(page);
    await isRight(page);
    await page.locator('#offline[data-is-kept]').waitFor();
    assert.match(await page.locator('#download').innerText(), /has been fetched/);

    // Whatever it asked for was the site's, and was only read.
    assert.deepEqual(heard, []);
    assert.deepEqual(server.requests.filter((it) => !it.startsWith('GET /')), []);

    await server.close();
    // What the page held in memory does not count.
    await page.close();
    page = await open();
    await isReady(page);
    assert.ok(await page.evaluate(() => crossOriginIsolated), 'isolated by what the service adds');
    await choose(page, CASE);
    await page.locator('#download', { hasText: 'has been fetched' }).waitFor();
    await button(page, 'Start').click();
    await isDone(page);
    await isRight(page);
    assert.deepEqual(heard, []);
    await screenshots(context, page, 'measured');
  });
});

test('a wrong answer has no time', async () => {
  await withSite(async ({ open, context }) => {
    // Has it expect the requests as responses.
    await context.route('**/live/data.json', async (route) => {
      const response = await route.fetch();
      const data = await response.json();
      for (const one of data.cases) one.responses = one.requests;
      await route.fulfill({ response, json: data });
    });
    const page = await open();
    await isReady(page);
    await choose(page, CASE);
    await button(page, 'Start').click();
    const says = `${CASE} answers otherwise here than natively, so its time is not measured: request 0: `;
    await page.locator('#problem', { hasText: says }).waitFor({ timeout: LONG });
    assert.match(await cell(page, 'outputs').innerText(), /^✗ request 0: /);
    assert.equal(await cell(page, 'yours').innerText(), '–');
    assert.equal(await cell(page, 'ratio').innerText(), '–');
  });
});

test('can be stopped while it fetches and while it measures, and started again', async () => {
  await withSite(async ({ open, heard }) => {
    const page = await open();
    await isReady(page);
    await choose(page, CASE);
    await button(page, 'Start').click();
    await button(page, 'Stop').click();
    await page.locator('#doing', { hasText: 'Stopped: 0 of 1 measured.' }).waitFor();
    await button(page, 'Start').click();
    await page.locator('#doing', { hasText: /warming up|measuring/ }).waitFor({ timeout: LONG });
    assert.equal(page.workers().length, 1);
    await button(page, 'Stop').click();
    await page.locator('#doing', { hasText: 'Stopped: 0 of 1 measured.' }).waitFor();
    for (const worker of page.workers()) await worker.waitForEvent('close', { timeout: 5000 });
    assert.equal(await cell(page, 'yours').innerText(), 'stopped');
    assert.ok(await button(page, 'Start').isEnabled());
    assert.ok(await page.locator('#problem').isHidden());
    assert.deepEqual(heard, []);
  });
});

test('says so where what is needed has not been fetched and nothing answers', async () => {
  await withSite(async ({ open, server }) => {
    const page = await open();
    await isReady(page);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await server.close();
    await page.reload();
    await isReady(page);
    await button(page, 'Start').click();
    await page.locator('#problem', { hasText: /could not be fetched: .* Connect to the network/ }).waitFor();
    assert.ok(await button(page, 'Start').isEnabled());
  });
});

const BROKEN = {
  'a browser without exception handling': {
    script: () => { WebAssembly.validate = () => false; },
    says: /This browser's WebAssembly lacks .*exception handling.* Update the browser/,
  },
  'a browser without WebAssembly': {
    script: () => { delete globalThis.WebAssembly; },
    says: /This browser runs no WebAssembly.* Update the browser/,
  },
};

for (const [what, { script, says }] of Object.entries(BROKEN)) {
  test(`tells ${what} before anything is fetched`, async () => {
    await withSite(async ({ open }) => {
      const page = await open({ script });
      await page.locator('#problem', { hasText: says }).waitFor();
      assert.ok(await button(page, 'Start').isDisabled());
    });
  });
}

const FAILING = {
  'a worker that is blocked': {
    script: () => {
      globalThis.Worker = class { constructor() { throw new Error('refused by an extension'); } };
    },
    says: /could not be started: the browser did not let the page have a worker \(refused by an extension\)\. Allow/,
  },
  'a machine out of memory': {
    script: () => {
      WebAssembly.compileStreaming = async () => { throw new RangeError('Out of memory: wasm code'); };
    },
    says: /out of memory .* Close other tabs/,
  },
};

for (const [what, { script, says }] of Object.entries(FAILING)) {
  test(`tells ${what}, and can be started again`, async () => {
    await withSite(async ({ open }) => {
      const page = await open({ script });
      await isReady(page);
      await choose(page, CASE);
      await button(page, 'Start').click();
      await page.locator('#problem', { hasText: says }).waitFor({ timeout: LONG });
      assert.match(await page.locator('#doing').innerText(), /^Ended: 0 of 1 measured/);
      assert.ok(await button(page, 'Start').isEnabled());
    });
  });
}

for (const [device, width] of Object.entries(WIDTHS)) {
  for (const colorScheme of ['light', 'dark']) {
    test(`fits a ${device}, and axe finds nothing, ${colorScheme}`, async () => {
      const { path } = await installedTools();
      const axe = await readFile(join(path, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
      // The page's own policy would not let it in.
      await withSite(async ({ open }) => {
        const page = await open();
        await isReady(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `the page is ${wide} px wider than the window`);
        await page.addScriptTag({ content: axe });
        const { violations } = await page.evaluate(() => window.axe.run(document));
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.length}, ${nodes[0].html.slice(0, 200)}`);
        assert.deepEqual(told, []);
      }, { viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    });
  }
}

test('integers that no double holds are told apart where the browser tells their digits', async () => {
  await withSite(async ({ open }) => {
    const page = await open();
    const first = await page.evaluate(async () => {
      const { compare } = await import('./outputs.js');
      const [found, native] = ['[9007199254740993]', '[9007199254740992]'].map((it) => [new TextEncoder().encode(it)]);
      return compare(found, native, { format: 'json', absolute: 0.5, relative: 0 }).first;
    });
    assert.equal(first, 'request 0: $[0] is 9007199254740993 instead of 9007199254740992');
  });
});

test('without JavaScript it says what it needs, and shows ours', async () => {
  await withSite(async ({ open }) => {
    const page = await open();
    assert.match(await page.locator('#doing').innerText(), /needs JavaScript/);
    assert.match(await page.locator(`tr[data-case="${CASE}"]`).innerText(), /\d (µs|ms)/);
  }, { javaScriptEnabled: false });
});

/** The site's path; ends with one line that says so where there is none. */
async function sitePath() {
  const path = process.env.WASMFIT_LIVE;
  const found = path && (await access(join(path, 'live', 'index.html')).then(() => true, () => false));
  if (!found) {
    const reason = path ? `names ${path}, which holds no live/index.html` : 'is not set';
    console.error(`WASMFIT_LIVE ${reason}: set it to a site that wasmfit publish --live wrote`);
    process.exit(1);
  }
  return resolve(path);
}

/**
 * Serves the site to a browser that has not been there before. `heard` is what its pages complain of,
 * and whatever they ask of others.
 */
async function withSite(use, options = {}) {
  const server = await serve(site);
  const viewport = { width: WIDTHS.desktop, height: 900 };
  const context = await browser.newContext({ viewport, ...options });
  const heard = [];
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${server.origin}/`) && !url.startsWith('data:')) heard.push(`request ${url}`);
  });
  const open = async ({ path = '/live/', script } = {}) => {
    const page = await context.newPage();
    page.on('console', (message) => heard.push(`console ${message.text()}`));
    page.on('pageerror', (error) => heard.push(`error ${error.message}`));
    if (script) await page.addInitScript(script);
    await page.goto(server.origin + path, { waitUntil: 'load' });
    return page;
  };
  try {
    await use({ open, server, heard, context });
  } finally {
    await context.close();
    await server.close();
  }
}

const button = (page, name) => page.getByRole('button', { name, exact: true });

const cell = (page, column) => page.locator(`tr[data-case="${CASE}"] [data-column="${column}"]`);

async function isReady(page) {
  await page.locator('#doing', { hasText: 'Ready.' }).waitFor();
}

async function isDone(page) {
  await page.locator('#doing', { hasText: 'Done: 1 of 1 measured' }).waitFor({ timeout: LONG });
}

/** Chooses one case alone. */
async function choose(page, name) {
  await page.locator('#all').uncheck();
  await page.locator(`tr[data-case="${name}"] input`).check();
}

/** The case's figures are there, and are sound. */
async function isRight(page) {
  assert.match(await cell(page, 'yours').innerText(), /^[\d.]+ (µs|ms)( ‡)?\s+[\d.]+–[\d.]+ (µs|ms)$/);
  assert.match(await cell(page, 'ratio').innerText(), /^[\d.]+×$/);
  assert.match(await cell(page, 'outputs').innerText(), /^✓ (identical|within tolerance)/);
  const row = page.locator(`tr[data-case="${CASE}"]`);
  const told = JSON.parse(await row.getAttribute('data-result'));
  assert.ok(told.lowest <= told.latency && told.latency <= told.highest);
  assert.ok(told.bursts >= 3 && told.requests >= told.bursts);
}

async function screenshots(context, page, name) {
  if (!process.env.WASMFIT_SCREENSHOTS) return;
  const folder = resolve(process.env.WASMFIT_SCREENSHOTS);
  await mkdir(folder, { recursive: true });
  for (const width of Object.values(WIDTHS)) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(folder, `live-${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
}
