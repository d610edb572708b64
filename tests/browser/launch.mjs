// Starts the Chromium that `scripts/setup --browser` found or installed.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Without the background and update flags Chromium looks up hosts of its maker's at every start.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts a headless browser; the caller closes it.
 *
 * @param tools the `browser` component of setup.json; read from the cache folder when left out
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launch(tools) {
  tools ??= await installedTools();
  const playwright = join(tools.path, 'node_modules', 'playwright-core', 'index.mjs');
  const { chromium } = await import(pathToFileURL(playwright));
  const own = process.env.WASMFIT_CHROMIUM;
  return chromium.launch({
    executablePath: own || tools.chromium.executable,
    args: FLAGS,
    env: own ? process.env : { ...process.env, ...tools.chromium.environment },
  });
}

/** The `browser` component of setup.json in the cache folder. */
export async function installedTools() {
  const cache =
    process.env.WASMFIT_CACHE ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'wasmfit');
  const path = join(cache, 'setup.json');
  let browser;
  try {
    browser = JSON.parse(await readFile(path, 'utf8')).components.browser;
  } catch (error) {
    throw new Error(`${path} cannot be read (${error.message}); run scripts/setup --browser`);
  }
  if (!browser) throw new Error(`${path} lists no browser; run scripts/setup --browser`);
  return browser;
}
