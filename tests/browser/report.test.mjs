// A report as a reader's browser shows it. WASMFIT_REPORT names a report.html in its run directory;
// screenshots are left in the folder WASMFIT_SCREENSHOTS, if that is set.
import assert from 'node:assert/strict';
import { access, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { installedTools, launch } from './launch.mjs';

// Stands behind a target that was disturbed.
const MARK = /\s‡$/;

const WIDTHS = { phone: 390, tablet: 768, desktop: 1280 };

const report = await reportPath();
const address = pathToFileURL(report).href;
let run;
let measured;
let browser;

before(async () => {
  run = JSON.parse(await readFile(join(dirname(report), 'run.json'), 'utf8'));
  measured = run.cells.filter((cell) => cell.outcome.outcome === 'measured');
  browser = await launch();
});

after(() => browser?.close());

test('opens by itself, without a message, an error or a request', async () => {
  const heard = [];
  await withPage({}, async (page) => {
    assert.match(await page.title(), /wasmfit/);
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
    assert.ok(await page.getByRole('heading', { level: 1 }).isVisible());
  }, heard);
  assert.deepEqual(heard, [`request ${address}`]);
});

test('reads the same with JavaScript disabled', async () => {
  const texts = [];
  for (const javaScriptEnabled of [true, false]) {
    await withPage({ javaScriptEnabled }, async (page) => {
      texts.push(await page.locator('body').innerText());
    });
  }
  assert.ok(texts[0].includes('Results'));
  assert.equal(texts[1], texts[0]);
});

test('the result table has every measured cell and what became of its outputs', async () => {
  assert.ok(measured.length > 0, 'the run has no measured cell');
  await withPage({}, async (page) => {
    const rows = await resultRows(page);
    const found = rows.filter((row) => row.median !== '–');
    assert.equal(found.length, measured.length, 'rows with a median');
    for (const cell of measured) {
      const name = `${caseName(cell.case)} on ${cell.target}`;
      const rowsOfCell = found.filter(
        (row) => row.case === caseName(cell.case) && isLabel(row.target, cell.target),
      );
      assert.equal(rowsOfCell.length, 1, `rows of ${name}`);
      const isNative = cell.target.startsWith('native@');
      const expected = isNative ? /^baseline$/ : /^✓\s(identical|within tolerance)$/;
      assert.match(rowsOfCell[0].outputs, expected, name);
      assert.equal(rowsOfCell[0].isMarked, isDisturbed(cell), `mark of ${name}`);
    }
  });
});

test('the result table tells the outputs and the ratio without scrolling on a desktop', async () => {
  await withPage({ width: WIDTHS.desktop }, async (page) => {
    await unfold(page);
    const frame = await resultTable(page).locator('..').boundingBox();
    for (const name of ['case', 'target', 'outputs', 'median', '× native']) {
      const column = resultTable(page).getByRole('columnheader', { name, exact: true });
      const { x, width } = await column.boundingBox();
      assert.ok(x >= frame.x && x + width <= frame.x + frame.width, `${name} is cut off`);
    }
  });
});

test('every profile is drawn as nested boxes that add up', async () => {
  const profiled = new Set((await readFile(join(dirname(report), 'profile.csv'), 'utf8'))
    .split('\n').slice(1).map((row) => row.split(',')[0]).filter(Boolean));
  assert.ok(profiled.size > 0, 'the run has no profile');
  await withPage({}, async (page) => {
    assert.ok(await page.getByRole('heading', { name: 'What survives the move' }).isVisible());
    await unfold(page);
    const profiles = await page.locator('.icicle').evaluateAll((all) => all.map((profile) => {
      const whole = profile.getBoundingClientRect().width;
      return [...profile.children].map((row) => {
        const widths = [...row.children].map((box) => box.getBoundingClientRect().width);
        return widths.reduce((sum, width) => sum + width, 0) / whole;
      });
    }));
    assert.ok(profiles.length > 0, 'no profile is drawn');
    for (const rows of profiles) {
      assert.equal(rows.length, 3);
      for (const sum of rows) assert.ok(Math.abs(sum - 1) < 0.01, `boxes take ${sum} of the width`);
    }
    const titles = await page.locator('.icicle span').evaluateAll((all) => all.map((it) => it.title));
    assert.ok(titles.every((title) => /: [\d.]+%, [\d,]+ samples?$/.test(title)));
  });
});

test('every chart has a text alternative and a size', async () => {
  await withPage({}, async (page) => {
    await unfold(page);
    const charts = await page.locator('svg').evaluateAll((all) => all.map((svg) => {
      const { width, height } = svg.getBoundingClientRect();
      return { role: svg.getAttribute('role'), text: svg.getAttribute('aria-label'), width, height };
    }));
    assert.ok(charts.length > 0, 'there is no chart');
    for (const { role, text, width, height } of charts) {
      assert.equal(role, 'img');
      assert.ok(text?.trim(), 'a chart without a text alternative');
      assert.ok(width > 100 && height > 20, `${width} x ${height}: ${text}`);
    }
  });
});

for (const [device, width] of Object.entries(WIDTHS)) {
  test(`fits a ${device}, ${width} px wide`, async () => {
    await withPage({ width }, async (page) => {
      for (const screen of ['as it opens', 'unfolded']) {
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${screen}, the page is ${wide} px wider than the window`);
        await unfold(page);
      }
    });
  });
}

test('every link leads to a place on the page', async () => {
  await withPage({}, async (page) => {
    const links = await page.locator('a:not([download])').evaluateAll(
      (all) => all.map((link) => link.getAttribute('href')),
    );
    assert.ok(links.length > 0, 'there is no link');
    for (const link of links) {
      assert.match(link, /^#./);
      const places = await page.locator(`[id="${link.slice(1)}"]`).count();
      assert.equal(places, 1, `${link} leads to ${places} places`);
    }
  });
});

test('figures can be downloaded and are those of the page', async () => {
  await withPage({}, async (page) => {
    const read = async (name) => {
      const href = await page.locator(`a[download="${name}"]`).getAttribute('href');
      return Buffer.from(href.split(',')[1], 'base64').toString();
    };
    const rows = (await read('figures.csv')).trim().split('\n');
    assert.match(rows[0], /^case,target,/);
    assert.equal(rows.length - 1, measured.length);
    const { cells, verdicts } = JSON.parse(await read('figures.json'));
    assert.equal(cells.length, measured.length);
    assert.ok(verdicts.length > 0, 'the run has no verdict');
  });
});

test('a table sorts by a column, and back', async () => {
  await withPage({}, async (page) => {
    await unfold(page);
    const title = resultTable(page).getByRole('columnheader', { name: 'median', exact: true });
    const medians = async () => (await resultRows(page)).map((row) => row.median);
    const figures = (all) => all.filter((text) => text !== '–').map(nanoseconds);
    await title.getByRole('button').click();
    assert.equal(await title.getAttribute('aria-sort'), 'ascending');
    const ascending = figures(await medians());
    assert.deepEqual(ascending, ascending.toSorted((a, b) => a - b));
    await title.getByRole('button').press('Enter');
    assert.equal(await title.getAttribute('aria-sort'), 'descending');
    assert.deepEqual(figures(await medians()), ascending.toReversed());
  });
});

test('a filter leaves the rows that hold its words', async () => {
  await withPage({}, async (page) => {
    const names = [...new Set(measured.map((cell) => cell.case.workload))];
    const filter = page.locator('section', { has: page.locator('#verdicts') }).getByRole('searchbox');
    if (names.length <= 8) return assert.equal(await filter.count(), 0);
    await filter.fill(names[0]);
    const shown = await page.locator('.matrix tbody tr:visible th').allTextContents();
    assert.deepEqual(shown, names.filter((name) => name.includes(names[0])));
  });
});

test('a verdict leads to its card, also within what is folded', async () => {
  await withPage({}, async (page) => {
    const link = page.locator('.matrix td a').last();
    const id = (await link.getAttribute('href')).slice(1);
    await link.click();
    assert.ok(await page.locator(`[id="${id}"]`).isVisible());
  });
  await withPage({}, async (page) => {
    const id = await page.locator('details [id]').first().getAttribute('id').catch(() => null);
    if (!id) return;
    await page.goto(`${address}#${id}`);
    await page.reload();
    assert.ok(await page.locator(`[id="${id}"]`).isVisible());
  });
});

test('has a light and a dark scheme', async () => {
  const backgrounds = [];
  for (const colorScheme of ['light', 'dark']) {
    await withPage({ colorScheme }, async (page) => {
      backgrounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    });
  }
  assert.notEqual(backgrounds[0], backgrounds[1]);
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing, ${colorScheme}`, async () => {
    const { path } = await installedTools();
    const axe = await readFile(join(path, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
    // The page's own policy would not let it in.
    await withPage({ colorScheme, bypassCSP: true }, async (page) => {
      await page.addScriptTag({ content: axe });
      const { violations } = await page.evaluate(() => window.axe.run(document));
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.length}, ${nodes[0].html.slice(0, 200)}`);
      assert.deepEqual(told, []);
    });
  });
}

test('prints', async () => {
  await withPage({ width: 794 }, async (page) => {
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.getByRole('heading', { level: 1 }).isVisible());
    assert.ok(await page.locator('svg').first().isVisible());
    const pdf = await page.pdf({ format: 'A4' });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    assert.ok(pdf.length > 10_000, `${pdf.length} bytes`);
  });
});

if (process.env.WASMFIT_SCREENSHOTS) {
  test('leaves screenshots', async () => {
    const folder = resolve(process.env.WASMFIT_SCREENSHOTS);
    await mkdir(folder, { recursive: true });
    for (const width of [WIDTHS.phone, WIDTHS.desktop]) {
      for (const colorScheme of ['light', 'dark']) {
        const path = join(folder, `report-${width}-${colorScheme}.png`);
        await withPage({ width, colorScheme }, (page) => page.screenshot({ path, fullPage: true }));
      }
    }
  });
}

/** The report's path; ends with one line that says so where there is none. */
async function reportPath() {
  const path = process.env.WASMFIT_REPORT;
  const found = path && (await access(path).then(() => true, () => false));
  if (!found) {
    const reason = path ? `names ${path}, which cannot be read` : 'is not set';
    console.error(`WASMFIT_REPORT ${reason}: set it to the report.html of a run directory`);
    process.exit(1);
  }
  return resolve(path);
}

/** Opens the report, and notes in `heard` what the page says and asks for. */
async function withPage({ width = WIDTHS.desktop, ...options }, use, heard = []) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...options });
  try {
    const page = await context.newPage();
    page.on('console', (message) => heard.push(`console ${message.text()}`));
    page.on('pageerror', (error) => heard.push(`error ${error.message}`));
    page.on('request', (request) => heard.push(`request ${request.url()}`));
    await page.goto(address, { waitUntil: 'load' });
    await use(page);
  } finally {
    await context.close();
  }
}

/** Opens everything that is folded. */
function unfold(page) {
  return page.locator('details').evaluateAll((all) => {
    for (const folded of all) folded.open = true;
  });
}

function resultTable(page) {
  const heading = page.getByRole('heading', { name: 'Results', exact: true });
  return page.locator('section', { has: heading }).locator('table');
}

/** The result table's rows, by column title. */
async function resultRows(page) {
  const table = resultTable(page);
  const texts = (locator) => locator.evaluateAll((all) => all.map((it) => it.textContent.trim()));
  const titles = await texts(table.locator('th'));
  const rows = await table.locator('tbody tr').all();
  const cells = await Promise.all(rows.map((row) => texts(row.locator('td'))));
  return cells.map((texts) => {
    const row = Object.fromEntries(texts.map((text, column) => [titles[column], text]));
    return { ...row, target: row.target.replace(MARK, ''), isMarked: MARK.test(row.target) };
  });
}

/** Whether a warning says that something else took processor time while a cell was measured. */
function isDisturbed(cell) {
  const position = run.cells.indexOf(cell);
  return run.launches.filter((launch) => launch.cell === position).some(
    ({ steal, others, throttled }) => steal > 0.02 || others > 0.1 || throttled > 0,
  );
}

/** `84.1 µs` as nanoseconds. */
const nanoseconds = (text) => {
  const [, value, unit] = /^([\d.]+)\s(ns|µs|ms|s)/.exec(text);
  return Number(value) * { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 }[unit];
};

const caseName = ({ workload, batch }) => (batch === null ? workload : `${workload}/batch-${batch}`);

/** Whether a target goes by `label`: the guest is left out where all targets run the same. */
const isLabel = (label, target) => label === target || label === target.split('@')[0];
