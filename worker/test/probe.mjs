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
  /** Go's own end: more memory than there is. */
  exhaust() {
    const { buffer } = globalThis.instances.at(-1).exports;
    for (const size of [0x60000000, 0x70000000, 0x7fffffff]) buffer(size);
  },
  /** A trap: nothing in its memory makes sense any more. */
  scramble() {
    const { mem } = globalThis.instances.at(-1).exports;
    new Uint8Array(mem.buffer).fill(0xff, 4096);
  },
};

export default {
  async fetch(request, env, ctx) {
    const name = /\/__probe\/(\w+)$/.exec(request.url)?.[1];
    if (!name) return worker.fetch(request, env, ctx);
    try {
      return Response.json(probes[name]() ?? {});
    } catch (error) {
      return Response.json({ thrown: String(error) });
    }
  },
};
