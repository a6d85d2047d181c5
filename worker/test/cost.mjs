// Counts what an order costs the border between JavaScript and Go, without a clock: how often each side calls the
// other. Prints {"order": …, "page": …, "ledger": …, "grown": …, "parked": …, "left": …}: calls per order and per
// page, calls to the ledger per order, by how many bytes Go's memory grew in the second half of the orders, and how
// many goroutines wait for requests that the runtime has ended without telling, at once and some minutes later.
//
//   node cost.mjs <orders>
//
// The Worker's own modules run here in node, with a Konnektive and a ledger
// that answer at once.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import process from "node:process"; // the global one goes when the Worker is loaded

const wasm = new URL("../build/edge.wasm", import.meta.url);
registerHooks({
  resolve(specifier, context, next) {
    return specifier === "cloudflare:workers" ? { url: specifier, shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    const module = (source) => ({ format: "module", shortCircuit: true, source });
    if (url.endsWith("/build/landers.mjs")) return module('export default "";');
    if (url === "cloudflare:workers") return module("export const env = globalThis.isolate;");
    if (!url.endsWith(".wasm")) return next(url, context);
    return module("export default globalThis.program;");
  },
});
globalThis.program = new WebAssembly.Module(readFileSync(wasm));

let calls = 0;
const counted = (functions) => Object.fromEntries(Object.entries(functions).map(([name, f]) => [
  name, typeof f !== "function" ? f : (...args) => {
    calls++;
    return f(...args);
  },
]));
const Instance = WebAssembly.Instance;
let made;
WebAssembly.Instance = class {
  constructor(module, imports) {
    made = new Instance(module, Object.fromEntries(
      Object.entries(imports).map(([name, functions]) => [name, counted(functions)])));
    this.exports = { ...counted(made.exports), mem: made.exports.mem };
  }
};

const records = new Map();
let ledger = 0;
const env = {
  LEDGER: {
    idFromName: (name) => Buffer.from(name.slice(-32).padStart(32, "0")).toString("hex"),
    newUniqueId: () => "0".repeat(64),
    idFromString: (ref) => ref,
    get: (ref) => new Proxy({
      read: async () => `3\0${records.get(ref) ?? "0\0"}`,
      write: async (version, data) => {
        records.set(ref, `${version + 1}\0${data}`);
        return { won: true, current: "" };
      },
    }, { get: (methods, name) => { ledger++; return methods[name]; } }),
  },
  IMPORTS: { limit: async () => ({ success: true }) },
  READS: { limit: async () => ({ success: true }) },
  KONNEKTIVE_URL: "http://127.0.0.1:9", KONNEKTIVE_LOGIN_ID: "a", KONNEKTIVE_PASSWORD: "b",
  LANDERS: { "*": { campaignId: 12, forceMerchantId: 7, products: [34, 35] } },
};
globalThis.isolate = env;
globalThis.fetch = async (url) => {
  const text = url.endsWith("/leads/import/")
    ? '{"result":"SUCCESS","message":{"orderId":"ABC123","orderStatus":"PARTIAL"}}'
    : '{"result":"MERC_REDIRECT","message":{"url":"https://pay.klarna.example/1"}}';
  return new Response(text, { headers: { "Content-Length": String(text.length) } });
};
const { log } = console;
console.log = () => {};

const { instance } = await import("../js/instance.mjs");
const body = new URLSearchParams({
  firstName: "Änne", lastName: "O'Neill", emailAddress: "anne@example.com", phoneNumber: "+49 30 12345678",
  address1: "Hauptstraße 1", city: "Berlin", postalCode: "10115", country: "DE",
  product1_id: "34", product1_qty: "2", sourceValue1: "summer",
}).toString();

async function order(n) {
  const request = new Request("https://shop.example/api/order/import/", {
    method: "POST", body,
    headers: { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": String(body.length),
      "Idempotency-Key": `checkout-${String(n).padStart(20, "0")}` },
  });
  const go = instance(env);
  go.decide(request.method, request.url);
  const answer = await go.serve(request);
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body}`);
}

const orders = Number(process.argv[2]);
for (let n = 0; n < orders; n++) await order(n);
const before = calls, written = ledger, bytes = made.exports.mem.buffer.byteLength;
for (let n = 0; n < orders; n++) await order(orders + n);
const perOrder = (calls - before) / orders, toLedger = (ledger - written) / orders;
const atPages = calls;
for (let n = 0; n < orders; n++) instance(env).decide("GET", `https://shop.example/checkout?affId=${n}`);
const perPage = (calls - atPages) / orders, grown = made.exports.mem.buffer.byteLength - bytes;

// Konnektive does not answer, until the longest time is over that a request may have waited for it.
const idle = made.exports.goroutines(), konnektive = globalThis.fetch, late = [];
globalThis.fetch = () => new Promise((_, reject) => late.push(reject));
const leavers = 50;
for (let n = 0; n < leavers; n++) order(2 * orders + n).catch(() => {});
while (late.length < leavers) await new Promise(setImmediate);
const parked = made.exports.goroutines() - idle;
globalThis.fetch = konnektive;
const { now } = Date;
for (let minute = 1; minute <= 8; minute++) {
  Date.now = () => now() + minute * 61_000;
  await order(3 * orders + minute);
}
const left = made.exports.goroutines() - idle;
for (const reject of late) reject(new Error("much too late")); // must change nothing
await new Promise(setImmediate);
await order(4 * orders);
log(JSON.stringify({ order: perOrder, page: perPage, ledger: toLedger, grown, parked, left }));
process.exit(0);
