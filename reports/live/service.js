// Keeps the page, so that it opens without a network. Guests and workloads are kept by the page when
// it has fetched them.
const PREFIX = `wasmfit-live ${registration.scope} `;
const SHELL = `${PREFIX}{{version}}`;
const PATHS = {{shell}};

// What a page has to be told with so that its clock is as fine as the browser has it, and so that
// its workers may not reach beyond the site either.
const HEADERS = {
  "Content-Security-Policy": "{{policy}}",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const fresh = (path) => new Request(path, { cache: "reload" });

async function install() {
  const shell = await caches.open(SHELL);
  await shell.addAll(PATHS.map(fresh));
}

async function activate() {
  const names = await caches.keys();
  const isOld = (name) => name.startsWith(PREFIX) && name !== SHELL && name !== `${PREFIX}files`;
  await Promise.all(names.filter(isOld).map((name) => caches.delete(name)));
}

async function answer(request) {
  const shell = await caches.open(SHELL);
  const address = request.url.replace(/index\.html(?=$|[?#])/, "");
  const kept = await shell.match(address, { ignoreSearch: true });
  if (!kept) return fetch(request);
  const headers = new Headers(kept.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(kept.body, { status: kept.status, headers });
}

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("fetch", (event) => {
  const isOwn = event.request.url.startsWith(registration.scope);
  if (isOwn && event.request.method === "GET") event.respondWith(answer(event.request));
});
