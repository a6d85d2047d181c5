// Our Worker as it is deployed, with the ledger in a Map, and a look inside.

import { instances } from "./instances.mjs"; // before the Worker, which makes them
import worker from "../worker/js/entry.mjs";
import { keepInObjects, ledgerOf, LIMIT } from "../memory.mjs";

export { Ledger } from "../worker/js/entry.mjs";

let ours;

export default {
  async fetch(request, env, ctx) {
    ours ??= { ...env, LEDGER: ledgerOf(env), IMPORTS: LIMIT, READS: LIMIT };
    if (!request.url.includes("/__bench/")) return worker.fetch(request, ours, ctx);
    if (request.url.endsWith("/objects")) {
      keepInObjects();
      ours.LEDGER = ledgerOf(env);
      return new Response();
    }
    const { exports } = instances.at(-1);
    return Response.json({ instances: instances.length, goroutines: exports.goroutines(),
      memory: exports.mem.buffer.byteLength });
  },
};
