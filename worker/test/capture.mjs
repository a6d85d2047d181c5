// Keeps every Wasm instance that is made, so that a test can look into it and kill it. And makes the time before
// the first request what a test wants, by the variable MODULE_SCOPE:
//
//   "production"  the clock stands at 0, as it does at Cloudflare
//   "fails"       no Wasm can be instantiated
import { env } from "cloudflare:workers";

const { now } = Date;
let early = true;
if (env.MODULE_SCOPE === "production") Date.now = () => (early ? 0 : now());

/** The first request is here. */
globalThis.firstRequest = () => { early = false; };

const Instance = WebAssembly.Instance;
globalThis.instances = [];
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    if (early && env.MODULE_SCOPE === "fails") throw new Error("not before the first request");
    super(...args);
    globalThis.instances.push(this);
  }
};
