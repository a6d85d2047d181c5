// The ledger of the comparison is a Map, and its rate limit always says yes: what a Durable Object and the limiter
// cost is the same for all Workers. Where the comparison is one with Durable Objects, the Workers are warmed up with the
// Map too, since each order of theirs would raise an alarm a minute later.

/** How many records are kept: enough for every order on its way. */
const KEPT = 4096;

const records = new Map();
let last = 0;

const id = (text) => ({ toString: () => text });
const fresh = () => (++last).toString(16).padStart(64, "0");
const names = new Map();

let inObjects = false;

/** From now on orders are kept in Durable Objects, where there is a binding for them. */
export function keepInObjects() {
  inObjects = true;
}

export const ledgerOf = (env) => (inObjects && env.LEDGER) || LEDGER;

/** As the Ledger class in worker/js/ledger.mjs behind its binding. */
const LEDGER = {
  idFromName(name) {
    let ref = names.get(name);
    if (ref === undefined) {
      ref = fresh();
      names.set(name, ref);
      if (names.size > KEPT) names.delete(names.keys().next().value);
    }
    return id(ref);
  },
  newUniqueId: () => id(fresh()),
  idFromString: id,
  get: (ref) => new Stub(ref.toString()),
};

class Stub {
  #ref;

  constructor(ref) {
    this.#ref = ref;
  }

  async read(questions) {
    return `${questions}\0${this.#current()}`;
  }

  #current() {
    const { version, data } = records.get(this.#ref) ?? { version: 0, data: "" };
    return `${version}\0${data}`;
  }

  async write(version, data, alarm, expires) {
    const current = records.get(this.#ref)?.version ?? 0;
    const won = current === version;
    if (won) {
      records.set(this.#ref, { version: version + 1, data, alarm, expires });
      if (records.size > KEPT) records.delete(records.keys().next().value);
    }
    return { won, current: this.#current() };
  }
}

/** As Cloudflare's rate limiting binding. */
export const LIMIT = { limit: async () => ({ success: true }) };
