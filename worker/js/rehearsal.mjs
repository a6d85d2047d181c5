// One order that nobody has sent goes through instance.mjs and Go before the first request, the way of a shopper's. V8
// compiles a function when it is first called, which makes the first order of an isolate cost several times what the
// next one does. Here that is done while no shopper waits and no request's CPU limit counts. What Go asks for is
// answered from constants: nothing is sent or kept, and nothing is logged but errors.

import { LIMIT, READ, WITH_BODY } from "./host.mjs";

const SHOP = "https://shop.invalid";

const HEADERS = {
  "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
  "Accept": "application/json",
  "Accept-Language": "de-DE,de;q=0.9",
  "Origin": SHOP,
  "Sec-Fetch-Site": "same-origin",
  "User-Agent": "Mozilla/5.0 (rehearsal)",
  "Idempotency-Key": "rehearsal-of-an-order",
  "Cf-Ray": "rehearsal",
  "CF-Connecting-IP": "192.0.2.1",
};

/**
 * A real one, so that V8 sees no other kind of object where requests are read. It has no body, since there are no streams
 * before the first request: what Go reads comes with the answer to LIMIT.
 */
export const REQUEST = new Request(`${SHOP}/api/order/import/`, { method: "POST", headers: HEADERS });

/** What the sample checkout posts. */
const ORDER = new TextEncoder().encode(new URLSearchParams({
  firstName: "Änne", lastName: "O'Neill", emailAddress: "a@shop.invalid", phoneNumber: "+49 30 12345678",
  address1: "Hauptstraße 1", city: "Berlin", postalCode: "10115", country: "DE", billShipSame: "1",
  product1_id: "1", product1_qty: "1", sessionId: "1", affId: "1", sourceValue1: "a", httpReferer: `${SHOP}/`,
}).toString());

/** What Konnektive answers to a lead, and to the import. */
const LEAD = String.raw`{"result":"SUCCESS","message":{"orderId":"REHEARSAL","orderStatus":"PARTIAL","customerId":1,
"firstName":"\u00c4nne"}}`;
const IMPORT = String.raw`{"result":"MERC_REDIRECT","message":{"url":"https:\/\/pay.invalid\/1","script":null}}`;

/** @returns {object} what host.mjs calls world, whose answers wait until they are given */
export function stage() {
  const waiting = [];
  let ids = 0;
  const id = () => String(++ids).padStart(64, "0");
  return {
    settle: (go, id, [status, result]) => waiting.push(() => go.settle(id, status, result)),
    ask: (_env, op, payload) => op === LIMIT ? [WITH_BODY, ORDER]
      : op === READ ? [1, [payload.slice(payload.lastIndexOf(" ") + 1), 0, ""].join("\0")] // nothing is recorded
      : [0, ""],
    post: (url) => [200, url.endsWith("/leads/import/") ? LEAD : IMPORT],
    write: () => [1, ""],
    named: id,
    fresh: id,
    random: (bytes) => bytes.fill(1),
    log: (go, line) => {
      if (line.includes('"level":"error"')) go.print(line);
    },
    count: () => {},
    /** Gives one answer after the other, until nothing is asked any more. An order asks for less than 20 things. */
    play: () => {
      for (let n = 0; n < 100 && waiting.length > 0; n++) waiting.shift()();
    },
  };
}
