// The life of the Go instance: one for as long as the isolate lives, started
// with it, replaced after it died. This is the only file that knows how Go and
// JavaScript hand things to each other.

import "./process.mjs";
import "../build/wasm_exec.js"; // defines globalThis.Go
import { env as isolate } from "cloudflare:workers";
import program from "../build/edge.wasm";
import { host, world } from "./host.mjs";
import { note } from "./outcomes.mjs";
import { REQUEST, stage } from "./rehearsal.mjs";
import { seeded } from "./seed.mjs";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the worker library looks at of a request. This one only carries others: see bridge in edge/serve.go. */
const CARRIER = { url: "/", method: "POST", headers: { entries: () => [] }, body: null };

/** The headers that the relay looks at; nothing else of a request reaches Go. */
const HEADERS = [
  "Content-Type", "Accept", "Accept-Language", "Origin", "Sec-Fetch-Site", "User-Agent", "Idempotency-Key", "Cf-Ray",
  "Sec-Fetch-Dest", "X-Requested-With",
];

/** Further ones that it looks at when the browser comes by itself, asks for permission or is an operator's tool. */
const RARE = ["Authorization", "Access-Control-Request-Method"];

/** Before the first request there is neither randomness nor a clock, and what is printed belongs to nobody. */
let early = true;
const lines = []; // to be printed with the first request
let late = false; // Go could not be started before it
let current;

/** For a request: the living instance, or a new one. Throws when Go cannot be started. */
export function instance(env) {
  if (early) {
    early = false;
    for (const [level, line] of lines.splice(0)) console[level](line);
  }
  if (!current || current.dead) current = new Instance(env, late);
  current.env = env;
  return current;
}

/** What fails here is tried again in the first request. */
function startWithTheIsolate() {
  try {
    current = new Instance(isolate, false);
    current.rehearse();
  } catch (error) {
    late = true;
    current = undefined;
    print("error", JSON.stringify({ level: "error", event: "start_failed", what: String(error) }));
  }
}

function notRehearsed(what) {
  print("error", JSON.stringify({ level: "error", event: "rehearsal_failed", what }));
}

/** @param {"log"|"error"} level */
function print(level, line) {
  if (early) lines.push([level, line]);
  else console[level](line);
}

export class Instance {
  /** Why the instance is dead, once it is. */
  dead;

  /** Bindings, as the latest request has them. They may be kept from one request to the next; ctx may not. */
  env;

  /** What does the things that Go asks for. */
  world = world;

  #binding = {};
  #go;
  #last = 0;
  #waiting = new Map(); // id of a call → { resolve, reject, request }
  #answers = new Map(); // packed decision → what describe() says
  #buffer = 0; // where Go's shared buffer lies …
  #capacity = 0; // … and how long it is
  #view = new Uint8Array(0);
  // Go ends itself when its clock is 0, as Date.now() is before the first request.
  #now = 1; // ms since 1970, and as Go has it:
  #nanoseconds = 1000000n;
  #seconds = 0n;

  /** @param {boolean} late Go could not be started with the isolate */
  constructor(env, late) {
    this.env = env;
    globalThis.context = { binding: this.#binding }; // the library looks for it while the program starts

    const go = new globalThis.Go();
    this.#go = go;
    go.exit = (code) => this.#die(new Error(`the Go program ended with code ${code}`));
    const { gojs } = go.importObject;
    // A timer would belong to whichever request is being served now and end
    // with it. Go looks at its timers whenever it is entered, which is enough
    // for those of its own housekeeping; the relay uses none.
    gojs["runtime.scheduleTimeoutEvent"] = (sp) => go.mem.setInt32((sp >>> 0) + 16, 1, true);
    gojs["runtime.clearTimeoutEvent"] = () => {};
    // A Worker's clock stands still while it computes, so it is read once for
    // each time that Go is entered; Go asks for it fifty times an order.
    gojs["runtime.nanotime1"] = (sp) => go.mem.setBigInt64((sp >>> 0) + 8, this.#nanoseconds, true);
    gojs["runtime.walltime"] = (sp) => {
      go.mem.setBigInt64((sp >>> 0) + 8, this.#seconds, true);
      go.mem.setInt32((sp >>> 0) + 16, (this.#now % 1000) * 1e6, true);
    };
    this.#readClock();
    let ready = false;
    // Go's runtime draws the seed of its maps, once. Whatever else is drawn, by an initialiser too, must be random, and
    // there is no randomness before the first request.
    const random = gojs["runtime.getRandomData"];
    let seed = early && seeded(Object.values(variables(env)).join());
    gojs["runtime.getRandomData"] = (sp) => {
      if (!early) return random(sp);
      if (!seed) {
        this.#die(new Error("random data is needed before the first request"));
        throw this.dead;
      }
      const at = (sp >>> 0) + 8;
      seed(new Uint8Array(go.mem.buffer, Number(go.mem.getBigInt64(at, true)),
        Number(go.mem.getBigInt64(at + 8, true))));
      seed = undefined;
    };

    const wasm = new WebAssembly.Instance(program, {
      ...go.importObject,
      workers: { ready: () => { ready = true; } },
      relay: host(this),
    });
    this.exports = wasm.exports;
    go.run(wasm).catch((error) => this.#die(error)); // runs until main blocks
    if (!ready || this.dead) {
      this.#die(new Error("the Go program did not start"));
      throw this.dead;
    }
    const vars = Object.entries(variables(env)).flat().join("\0");
    this.#enter(() => {
      if (!this.exports.configure(this.#write(vars), late ? 1 : 0)) {
        throw new Error("the Go program could not be configured");
      }
    });
  }

  /** Has Go do once what a page and an order need: see rehearsal.mjs. */
  rehearse() {
    this.decide("GET", "https://rehearsal.invalid/");
    if (!this.#enter(() => this.exports.rehearse(1))) return notRehearsed("there is no relay for it");
    this.world = stage();
    this.serve(REQUEST).then(({ body }) => {
      if (!body.includes('"code":"redirect"')) notRehearsed("another answer");
    }, (error) => {
      if (!this.dead) notRehearsed(String(error)); // a death is a start that failed
    });
    this.world.play();
    if (this.#waiting.size > 0) throw new Error("the rehearsal did not end"); // it must not go on in a request
    this.world = world;
    this.#enter(() => this.exports.rehearse(0));
  }

  print(line) {
    print("log", line);
  }

  /**
   * The gate's decision on a request. @returns {{verdict: number, origin: string, usual: Record<string, string>,
   * headers: string[][]}}
   */
  decide(method, url) {
    return this.#enter(() => {
      const packed = this.exports.decide(this.#write(`${method} ${url}`));
      let answer = this.#answers.get(packed);
      if (!answer) {
        if (packed < 0) throw new Error("the gate failed");
        const [origin, ...pairs] = this.#read(this.exports.describe(packed)).split("\0");
        const usual = record(pairs);
        answer = { verdict: packed & 0xf, origin, usual, headers: Object.entries(usual) };
        this.#answers.set(packed, answer);
      }
      return answer;
    });
  }

  /** The same address on https. */
  secure(url) {
    return this.#enter(() => this.#read(this.exports.secure(this.#write(url))));
  }

  /** What a shopper reads of a page that cannot be shown. @returns {string[]} language, heading, advice */
  unavailable(request) {
    return this.#enter(() => this.#read(this.exports.unavailable(
      this.#write(request.headers.get("Accept-Language") ?? ""))).split("\0"));
  }

  /** Has Go write the log line of a request that the gate has answered, if it was meant for the relay. */
  turnedBack(request, response) {
    this.#enter(() => this.exports.turnedBack(this.#write(`${request.url}\0${response.headers.get("X-Request-Id")}`),
      response.status));
  }

  /**
   * Has Go answer a request of the relay's. @returns {Promise<{status: number, headers: Record<string, string>,
   * body: string}>}
   */
  serve(request) {
    const head = [request.method, request.url, request.headers.get("CF-Connecting-IP") ?? ""];
    for (const names of request.method === "POST" && !request.url.includes("/api/klarna/") ? [HEADERS]
      : [HEADERS, RARE]) {
      for (const name of names) {
        const value = request.headers.get(name);
        if (value !== null) head.push(name, value);
      }
    }
    // Where the shopper is, as Cloudflare says it: no header that a client could send.
    if (request.url.includes("/api/campaign/")) head.push("CF-IPCountry", request.cf?.country ?? "");
    return this.#call((id) => {
      const carried = this.exports.accept(id, this.#write(head.join("\0")));
      if (carried < 0) throw new Error("the call was not taken");
      if (carried) this.#go._resume();
      else this.#binding.handleRequest(CARRIER);
    }, request);
  }

  /** The request that Go is serving under this id. */
  request(id) {
    return this.#waiting.get(id)?.request;
  }

  /** Has Go look after a record whose time has come. @param {string} record "ref NUL allowed NUL version NUL data" */
  alarm(record) {
    return this.#task("alarm", record);
  }

  /** Has Go look at what happened since the last time. */
  look() {
    return this.#task("look", "");
  }

  /** Runs an export of Go's that is not for a request, and waits for its end. */
  #task(name, text) {
    return this.#call((id) => {
      this.exports[name](id, this.#write(text));
      this.#go._resume();
    });
  }

  taskDone(id, ok) {
    this.#done(id, undefined, ok ? undefined : new Error("the task failed"));
  }

  panicked(id) {
    this.#done(id, undefined, new Error("the handler panicked"));
  }

  /**
   * The request ended long ago. Its promise must not be settled here, in the context of another request.
   */
  forget(id) {
    this.#waiting.delete(id);
  }

  /** What Go's handler has answered. */
  answered(id, status, head, body) {
    this.#done(id, { status, headers: record(head.split("\0")), body });
  }

  /** Gives a waiting goroutine its result, text or bytes, and lets Go run until all are idle. */
  settle(id, status, result) {
    if (this.dead) return;
    try {
      this.#enter(() => {
        this.exports.settle(id, status, typeof result === "string" ? this.#write(result) : this.#put(result));
        this.#go._resume();
      });
    } catch {
      // #die has told everybody who waits.
    }
  }

  #call(start, request) {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject, request });
      this.#enter(() => start(id));
    });
  }

  /** Only the first result of a call counts. */
  #done(id, value, error) {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) call?.reject(error);
    else call?.resolve(value);
  }

  /** Every call into Go goes through here. An exception ends the instance. */
  #enter(f) {
    if (this.dead) throw this.dead;
    this.#readClock();
    let result;
    try {
      result = f();
    } catch (error) {
      this.#die(error);
    }
    if (this.dead) throw this.dead;
    return result;
  }

  #readClock() {
    const now = Date.now();
    if (now <= this.#now) return; // also: Go's clock never goes back
    this.#now = now;
    this.#nanoseconds = BigInt(now) * 1000000n;
    this.#seconds = BigInt(Math.floor(now / 1000));
  }

  #die(error) {
    if (this.dead) return;
    this.dead = error;
    if (!early) {
      note("event instance_died");
      console.error(JSON.stringify({ level: "error", event: "instance_died", what: String(error) }));
    }
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Writes text into the shared buffer. @returns {number} its length in bytes */
  #write(text) {
    this.#room(text.length * 3 + 8);
    return encoder.encodeInto(text, this.#memory()).written;
  }

  /** Puts bytes into the shared buffer. @returns {number} how many */
  #put(bytes) {
    this.#room(bytes.length);
    this.#memory().set(bytes);
    return bytes.length;
  }

  #room(need) {
    if (need > this.#capacity || (this.#capacity > SMALL && need <= SMALL)) {
      this.#capacity = Math.max(need, SMALL);
      this.#buffer = this.exports.buffer(this.#capacity) >>> 0;
      this.#view = new Uint8Array(0);
    }
  }

  #read(length) {
    return decoder.decode(this.#memory().subarray(0, length));
  }

  /** The shared buffer. A memory that grew has detached every earlier view of it. */
  #memory() {
    const memory = this.exports.mem.buffer;
    if (this.#view.buffer !== memory) this.#view = new Uint8Array(memory, this.#buffer, this.#capacity);
    return this.#view;
  }
}

const SMALL = 32 << 10; // as in edge/edge.go

/** [name, value, name, value …] as an object. */
function record(pairs) {
  const all = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) all[pairs[i]] = pairs[i + 1];
  return all;
}

/** Variables and secrets as text; the table LANDERS as JSON. Bindings are left out. */
function variables(env) {
  const texts = {};
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === "string") texts[name] = value;
    else if (Object.getPrototypeOf(value) === Object.prototype || typeof value !== "object") {
      texts[name] = JSON.stringify(value);
    }
  }
  return texts;
}

startWithTheIsolate();
