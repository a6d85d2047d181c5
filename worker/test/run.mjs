// Runs the built Worker in workerd for the tests: bindings and pages as
// wrangler.toml says, with what the test wants different. Ends with its parent.
//
//   node run.mjs '{"bundle": "…", "vars": {…}, …}'
//
// The first line it prints is {"url": …}; after it comes all that the Worker prints.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";

const wanted = JSON.parse(process.argv[2]);
const workerOptions = JSON.parse(await readFile(join(wanted.bundle, "options.json"), "utf8"));
for (const name of wanted.without ?? []) {
  for (const kind of ["analyticsEngineDatasets", "durableObjects", "ratelimits"]) delete workerOptions[kind][name];
}

const modules = [];
for (const file of await readdir(wanted.bundle)) {
  const path = join(wanted.bundle, file);
  if (file.endsWith(".wasm")) modules.push({ type: "CompiledWasm", path, contents: await readFile(path) });
  if (file === "entry.js") {
    modules.unshift({ type: "ESModule", path, contents: withLanders(await readFile(path, "utf8")) });
  }
}
if (wanted.probe) {
  for (const file of ["capture.mjs", "probe.mjs"]) {
    const contents = await readFile(new URL(file, import.meta.url), "utf8");
    modules.unshift({ type: "ESModule", path: join(wanted.bundle, file), contents });
  }
}

/** The Worker's script with the test's landers.toml in place of the one that was built in. */
function withLanders(script) {
  const builtIn = /^var landers_default = (?:"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`);$/m;
  if (!builtIn.test(script)) throw new Error("the bundle has no landers of a file");
  return script.replace(builtIn, () => `var landers_default = ${JSON.stringify(wanted.landers)};`);
}

const ratelimits = workerOptions.ratelimits;
if (wanted.importsPerMinute > 0 && ratelimits.IMPORTS) ratelimits.IMPORTS.simple.limit = wanted.importsPerMinute;
if (wanted.readsPerMinute > 0 && ratelimits.READS) ratelimits.READS.simple.limit = wanted.readsPerMinute;

const miniflare = new Miniflare(convertV4MiniflareOptions({
  host: "127.0.0.1",
  port: 0,
  cf: false,
  telemetry: { enabled: false },
  handleStructuredLogs: ({ level, message }) => process.stdout.write(`${level}: ${message}\n`),
  resourcePersistencePath: wanted.persist,
  workers: [{
    ...workerOptions,
    name: "relay",
    modulesRoot: wanted.bundle,
    modules,
    bindings: { ...workerOptions.bindings, ...wanted.vars },
    ratelimits,
    assets: { ...workerOptions.assets, ...(wanted.pages ? { directory: wanted.pages } : {}) },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  }],
}));
const url = await miniflare.ready;
const direct = await miniflare.unsafeGetDirectURL();
process.stdout.write(`${JSON.stringify({ url: url.origin, direct: direct.origin })}\n`);

let ending = false;
async function end() {
  if (ending) return;
  ending = true;
  await miniflare.dispose();
  process.exit(0);
}
process.on("SIGTERM", end);
process.on("SIGINT", end);
process.stdin.on("close", end).on("end", end).resume();
