// The Worker with a few extra paths under /__probe/, for tests alone.
import "./capture.mjs";
import worker from "./entry.js";

export * from "./entry.js";

const probes = {
  /** How many instances there have been, and how the last one is. */
  state() {
    const last = globalThis.instances.at(-1);
    return {
      instances: globalThis.instances.length,
      goroutines: last?.exports.goroutines() ?? 0,
      memory: last?.exports.mem.buffer.byteLength ?? 0,
    };
  },
  /** Go runs out of memory and exits. */
  exhaust() {
    const { buffer } = globalThis.instances.at(-1).exports;
    for (const size of [0x60000000, 0x70000000, 0x7fffffff]) buffer(size);
  },
  /** A panic within Go, in a function that JavaScript called: no decision has this number. */
  panic() {
    globalThis.instances.at(-1).exports.describe(0x7fffffe0);
  },
  /** From now on Go cannot be started. ?over=1: it can again. */
  unstartable(_env, query) {
    globalThis.breakStarts(!query.has("over"));
  },
  /** A Wasm trap, by overwriting Go's memory. */
  scramble() {
    const { mem } = globalThis.instances.at(-1).exports;
    new Uint8Array(mem.buffer).fill(0xff, 4096);
  },
  /**
   * The ledger object itself: ?call=read|ask|write&ref=…&questions=…&version=…&data=…&alarm=…&expires=… (ms from
   * now).
   */
  async ledger(env, query) {
    const stub = env.LEDGER.get(env.LEDGER.idFromString(query.get("ref")));
    const at = (name) => (query.has(name) ? Date.now() + Number(query.get(name)) : 0);
    const read = async (questions) => (await stub.read(questions)).split(/\0(.*)/s);
    if (query.get("call") === "read") return { record: (await read(0))[1] };
    if (query.get("call") === "ask") return { allowed: (await read(Number(query.get("questions"))))[0] };
    const { won, current } = await stub.write(Number(query.get("version")), query.get("data"), at("alarm"),
      at("expires"));
    return { won, record: current };
  },
  /** The data points so far. ?break=1: from now on Analytics Engine fails. */
  metrics(_env, query) {
    metricsFail = query.has("break");
    return { points };
  },
  /**
   * The coverage counters of the last instance, when it was built with them: ?what=0 their names, ?what=1 the
   * numbers.
   */
  counters(_env, query) {
    const { exports } = globalThis.instances.at(-1);
    const length = exports.counters(Number(query.get("what")));
    return new Response(new Uint8Array(exports.mem.buffer, exports.countersAt() >>> 0, length).slice());
  },
  /** The cron trigger. */
  async look(env) {
    await worker.scheduled({}, env, {});
    return {};
  },
  /** What isolates have written of their counts. */
  async counted(env) {
    return { counted: await env.LEDGER.get(env.LEDGER.idFromName("outcomes")).counted() };
  },
  fresh: (env) => ({ ref: env.LEDGER.newUniqueId().toString() }),
};

/** The binding METRICS, which keeps every data point that passes. */
class Metrics {
  #binding;

  constructor(binding) {
    this.#binding = binding;
  }

  writeDataPoint(point) {
    if (metricsFail) throw new Error("Analytics Engine is down");
    points.push(point);
    this.#binding.writeDataPoint(point);
  }
}
const points = [];
let metricsFail = false;
let overheard;

export default {
  async fetch(request, real, ctx) {
    globalThis.firstRequest();
    overheard ??= real.METRICS ? { ...real, METRICS: new Metrics(real.METRICS) } : real;
    const env = overheard;
    const name = /\/__probe\/(\w+)/.exec(request.url)?.[1];
    if (!name) return worker.fetch(request, env, ctx);
    try {
      const found = await probes[name](env, new URL(request.url).searchParams);
      return found instanceof Response ? found : Response.json(found ?? {});
    } catch (error) {
      return Response.json({ thrown: String(error) });
    }
  },
};
