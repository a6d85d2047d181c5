// What Go may ask of JavaScript. The other half of the table is in edge/host.go.
//
// Nothing here may throw into Go: an exception that crosses the Wasm module leaves it in an undefined state. So
// every failure becomes a status.

import { atMost } from "./body.mjs";
import { any, entriesOf } from "./landers.mjs";
import { note, noteLine, read } from "./outcomes.mjs";

export const READ = 1, LIMIT = 2, BODY = 3, TELL = 4, OUTCOMES = 5;
const FAILED = -1, NOT_SENT = -2, UNKNOWN_REF = -3;
export const WITH_BODY = 2;

/** What the relay reads of a body, and one byte by which it knows that there was more. */
const BODY_LIMIT = (64 << 10) + 1;

/** An answer of Konnektive's is some kilobytes; more is not an answer. */
const ANSWER_LIMIT = 1 << 20;

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * The import object for one Go instance. It reads what Go has written, and has go.world do what Go asks for.
 * @param {import("./instance.mjs").Instance} go
 */
export function host(go) {
  const bytes = (pointer, length) => new Uint8Array(go.exports.mem.buffer, pointer >>> 0, length);
  const text = (pointer, length) => decoder.decode(bytes(pointer, length));
  const settle = (id, work) => go.world.settle(go, id, work);
  const putId = (makeId, out) => {
    try {
      encoder.encodeInto(makeId().toString(), bytes(out, 64));
      return 1;
    } catch (error) {
      console.error(`ledger: ${error.name}: ${error.message}`);
      return 0;
    }
  };
  let found;
  return {
    findLanders: (pointer, length) => {
      if (!any) return -1;
      found = encoder.encode(entriesOf(text(pointer, length)));
      return found.length;
    },
    takeLanders: (to) => bytes(to, found.length).set(found),
    ask: (id, op, pointer, length) => settle(id, go.world.ask(go.env, op, text(pointer, length), go.request(id))),
    // The form is copied and not decoded: it goes out as the bytes that it is.
    post: (id, timeout, url, urlLength, form, formLength) =>
      settle(id, go.world.post(text(url, urlLength), bytes(form, formLength).slice(), timeout)),
    write: (id, ref, refLength, data, dataLength, version, alarm, expires) =>
      settle(id, go.world.write(go.env, text(ref, refLength), text(data, dataLength), version, alarm, expires)),
    answered: (id, status, head, headLength, body, bodyLength) =>
      go.answered(id, status, text(head, headLength), text(body, bodyLength)),
    panicked: (id) => go.panicked(id),
    forget: (id) => go.forget(id),
    taskDone: (id, ok) => go.taskDone(id, ok === 1),
    named: (pointer, length, out) => putId(() => go.world.named(go.env, text(pointer, length)), out),
    fresh: (out) => putId(() => go.world.fresh(go.env), out),
    random: (out, length) => go.world.random(bytes(out, length)), // throws before the first request: nothing draws then
    log: (pointer, length) => go.world.log(go, text(pointer, length)),
    count: (pointer, length) => go.world.count(go.env, text(pointer, length)),
  };
}

/** What Go asks for is done by these; in the rehearsal, by those of rehearsal.mjs. */
export const world = {
  settle: (go, id, work) => {
    work.then(
      ([status, result]) => go.settle(id, status, result),
      (error) => go.settle(id, FAILED, describe(error)),
    );
  },
  ask: (env, op, payload, request) => op === BODY ? bodyOf(request)
    : op === LIMIT ? limit(env, payload, request)
    : perform(env, op, payload),
  post: once,
  write,
  named: (env, name) => env.LEDGER.idFromName(name),
  fresh: (env) => env.LEDGER.newUniqueId(),
  random: (bytes) => crypto.getRandomValues(bytes),
  log: (go, line) => {
    noteLine(line);
    go.print(line);
  },
  count,
};

/** @returns {Promise<[number, string|Uint8Array]>} status and text for Go */
async function perform(env, op, payload) {
  switch (op) {
    case READ: {
      const at = payload.lastIndexOf(" ");
      const stub = object(env, payload.slice(0, at));
      if (!stub) return [UNKNOWN_REF, ""];
      return [1, await stub.read(Number(payload.slice(at + 1)))];
    }
    case TELL: {
      const at = payload.indexOf("\0");
      const answer = await fetch(payload.slice(0, at), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: payload.slice(at + 1),
        redirect: "manual",
        signal: AbortSignal.timeout(10_000),
      });
      await answer.body?.cancel();
      return [answer.status, ""];
    }
    case OUTCOMES: return [1, await read(env)];
  }
  return [FAILED, `no such operation: ${op}`];
}

/**
 * Counts a request against a rate limiting binding, "binding key". What Go reads next of one that is within the limit
 * comes along: its body. @returns {Promise<[number, string|Uint8Array]>}
 */
async function limit(env, payload, request) {
  const at = payload.indexOf(" ");
  const { success } = await env[payload.slice(0, at)].limit({ key: payload.slice(at + 1) });
  if (!success) return [0, ""];
  if (request?.method !== "POST") return [1, ""];
  try {
    return [WITH_BODY, (await bodyOf(request))[1]];
  } catch {
    return [1, ""]; // Go asks for the body, and is told why there is none
  }
}

/** Fails when the shopper hangs up while sending. @returns {Promise<[number, Uint8Array]>} */
async function bodyOf(request) {
  return [1, await atMost(request, BODY_LIMIT)];
}

/** @returns {Promise<[number, string]>} 1 when it is written, else 0 and what is there instead */
async function write(env, ref, data, version, alarm, expires) {
  const stub = object(env, ref);
  if (!stub) return [UNKNOWN_REF, ""];
  const { won, current } = await stub.write(version, data, alarm, expires);
  return won ? [1, ""] : [0, current];
}

/** A stub must not outlive the request that made it, so each call makes its own. */
function object(env, ref) {
  let id;
  try {
    id = env.LEDGER.idFromString(ref);
  } catch {
    return undefined; // not an id, or one of another namespace
  }
  // idFromString takes capitals too. A ref with two spellings would have two names: the ledger names an upsale by
  // its order's ref.
  return id.toString() === ref ? env.LEDGER.get(id) : undefined;
}

/** Campaign Queries under way: the answer, and until when it is worth waiting for. */
const asked = new Map();

/**
 * Campaign Query reads alone and says the same to everybody, so shoppers who come at the same moment share one
 * question. They wait for a promise of another request, which may end without ever settling it; each therefore
 * waits no longer than it would for its own.
 */
async function once(url, form, timeout) {
  if (!url.endsWith("/campaign/query/")) return post(url, form, timeout);
  const key = `${url}\n${decoder.decode(form)}`;
  const shared = asked.get(key);
  if (shared && Date.now() < shared.until) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, timeout, [FAILED, "another request's question was not answered"]);
    });
    return Promise.race([shared.answer, late]).finally(() => clearTimeout(timer));
  }
  const answer = post(url, form, timeout);
  const entry = { answer, until: Date.now() + timeout };
  asked.set(key, entry);
  answer.then(
    () => (entry.until = Date.now() + 1000), // until Go has kept it
    () => asked.delete(key),
  );
  return answer;
}

/**
 * One POST, never repeated, never redirected.
 *
 * What fetch throws does not tell whether the request left: workerd says
 * "Network connection lost" of a refused connection and of a reset after the
 * last byte alike, and "internal error" of a name that does not resolve and of
 * much else. So only what fails before fetch is surely not sent. (In
 * production an unreachable host is no exception but a status from 520 on, and
 * the konnektive package knows what each of them proves.)
 */
async function post(url, form, timeout) {
  if (!URL.canParse(url)) return [NOT_SENT, "the address is not a URL"];
  const answer = await fetch(url, {
    method: "POST",
    headers: FORM,
    body: form, // bytes, and so with a Content-Length
    redirect: "manual",
    signal: AbortSignal.timeout(timeout), // holds for the reading of the answer too
  });
  const body = await atMost(answer, ANSWER_LIMIT + 1);
  return body.length > ANSWER_LIMIT ? [FAILED, "the answer is too long"] : [answer.status, body];
}

/** Analytics Engine, when the binding is there: index, number of blobs, blobs, doubles. */
function count(env, packed) {
  try {
    const [index, blobs, ...rest] = packed.split("\0");
    const [, route, code] = rest;
    if (route === "order" || route === "upsale") note(`${route} ${code}`);
    env.METRICS?.writeDataPoint({
      indexes: [index],
      blobs: rest.slice(0, Number(blobs)),
      doubles: rest.slice(Number(blobs)).map(Number),
    });
  } catch (error) {
    console.error(`metrics: ${describe(error)}`);
  }
}

/** The name of a fetch error with its message, since the message alone often says too little. */
function describe(error) {
  return `${error?.name}: ${error?.message}`;
}
