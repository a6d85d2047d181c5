// Keeps every Wasm instance that is made, so that a test can look into it and kill it. The variable MODULE_SCOPE
// says what it is like before the first request:
//
//   "production"  the clock stands at 0, as it does at Cloudflare
//   "fails"       no Wasm can be instantiated
//   "draws"       randomness is drawn twice, as it is when an initialiser of Go's draws some after the runtime
//   "refuses"     the rehearsed order is answered with nothing
//   "hangs"       the rehearsed order is never answered
//
// A probe may have it fail later on.
import { env } from "cloudflare:workers";

const { now } = Date;
let early = true;
if (env.MODULE_SCOPE === "production") Date.now = () => (early ? 0 : now());

/** Ends what MODULE_SCOPE does. */
globalThis.firstRequest = () => { early = false; };

let broken = false;

/** Says whether Wasm can be instantiated from now on. */
globalThis.breakStarts = (does) => { broken = does; };

const Instance = WebAssembly.Instance;
globalThis.instances = [];
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    if (early && env.MODULE_SCOPE === "fails") throw new Error("not before the first request");
    if (broken) throw new Error("a test forbids it");
    if (env.MODULE_SCOPE === "draws") {
      const { gojs } = args[1], draw = gojs["runtime.getRandomData"];
      gojs["runtime.getRandomData"] = (sp) => { draw(sp); draw(sp); };
    }
    if (early && env.MODULE_SCOPE === "refuses") {
      const { relay } = args[1], { answered } = relay;
      relay.answered = (...args) => answered(...args.slice(0, -1), early ? 0 : args.at(-1)); // the length of the body
    }
    if (early && env.MODULE_SCOPE === "hangs") args[1].relay.post = () => {};
    super(...args);
    globalThis.instances.push(this);
  }
};
