// Whether a Chromium starts, draws text and takes screenshots; prints its version, or one line that
// says why not.
//   node browser_check.mjs LAUNCH_MJS TOOLS_JSON
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';

async function version() {
  const { launch } = await import(pathToFileURL(argv[2]));
  const browser = await launch(JSON.parse(argv[3]));
  try {
    const page = await browser.newPage({ viewport: { width: 200, height: 60 } });
    const picture = async (text) => {
      await page.setContent(`<body style="font: 24px sans-serif">${text}`);
      return (await page.screenshot()).toString('base64');
    };
    // Without fonts every text is blank, or the same row of boxes.
    const pictures = new Set([await picture(''), await picture('wasm'), await picture('ltrs')]);
    if (pictures.size !== 3) throw new Error('it draws no text, since it finds no fonts');
    return browser.version();
  } finally {
    await browser.close();
  }
}

try {
  console.log(await version());
} catch (error) {
  console.error(`${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}
