// Our Worker as it is deployed, with the ledger in a Map, and a look inside.

import { instances } from "./instances.mjs"; // before the Worker, which makes them
import worker from "../worker/js/entry.mjs";
import { LEDGER, LIMIT } from "../memory.mjs";

export { Ledger } from "../worker/js/entry.mjs";

let ours;

export default {
  async fetch(request, env, ctx) {
    ours ??= { ...env, LEDGER: env.LEDGER ?? LEDGER, IMPORTS: LIMIT, READS: LIMIT };
    if (!request.url.endsWith("/__bench/state")) return worker.fetch(request, ours, ctx);
    const { exports } = instances.at(-1);
    return Response.json({ instances: instances.length, goroutines: exports.goroutines(),
      memory: exports.mem.buffer.byteLength });
  },
};
