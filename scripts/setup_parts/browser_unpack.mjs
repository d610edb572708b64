// Unpacks the Chromium of the npm package @sparticuz/chromium with the package's own code, which
// writes to the temporary folder: setup points that to where the files belong.
//   node browser_unpack.mjs NODE_MODULES
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';

const home = join(argv[2], '@sparticuz', 'chromium');
const { inflate } = await import(pathToFileURL(join(home, 'build', 'index.js')));
for (const name of await readdir(join(home, 'bin'))) {
  if (name.endsWith('.br')) await inflate(join(home, 'bin', name));
}
