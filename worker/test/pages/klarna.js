// @ts-check
/**
 * klarna.js: Klarna orders from a landing page, through the relay's /api. One file without dependencies, to be copied:
 *
 *     <script type="module" src="/klarna.js"></script>
 *     <form data-klarna action="/api/order/import/" method="post">
 *       …Konnektive's own field names… <button>Pay with Klarna</button>
 *     </form>
 *
 * Landers with code of their own call order(), status() and attach(). worker/docs/klarna-js.md has whole pages, all
 * attributes, the event, and what is kept in the browser. klarna.d.ts has the types.
 *
 * The parts of this file, in order: words, codes, small things, storage, the relay, visits, orders, status, prices,
 * the order's check, forms, leads, pages that show a status, start.
 *
 * @typedef {object} Answer
 * @property {string} code      the relay's, or one of this module's: see CODES
 * @property {number} [http]    status
 * @property {number} [after]   seconds of Retry-After
 * @property {string} [ref]
 * @property {any} [message]
 * @property {Record<string, { code: string, detail?: string }>} [problems]  of an order, by field
 *
 * @typedef {object} Options
 * @property {string} [base]    origin of the relay; "" is the page's own
 * @property {string} [path]    default "/api/order/import/"
 * @property {string} [name]    of the purchase, where a site has several checkouts; default "order"
 * @property {string} [lang]    of the texts; default the page's
 * @property {string} [next]    page after a paid order; order() goes there when given
 * @property {string} [thanks]  page that follows what becomes of an order; order() goes there when given
 * @property {boolean} [stay]   true: order() stays on the page
 * @property {number} [limit]   milliseconds after which status() gives up, default 10 minutes; 0: it asks once
 * @property {(answer: Answer) => void} [heard]  is given each answer of the status; order() also says `elsewhere`
 *   when it waits for another tab, and `checking` before it asks for the status
 * @property {() => Promise<string>} [token]  a fresh Turnstile token for every request
 *
 * @typedef {object} Attempt  as remembered across reloads, tabs and Klarna
 * @property {string} [key]       its Idempotency-Key
 * @property {string} [print]     hash of the order
 * @property {string} [cart]      hash of products and e-mail address
 * @property {string} [who]       hash of the e-mail address
 * @property {string} [sent]      the ref that it was sent with
 * @property {string} [ref]       of its purchase
 * @property {string} [url]       at Klarna
 * @property {Way[]} [open]       earlier ways to Klarna of its purchase, which may be open still
 * @property {boolean} [answered] the relay has said what became of it
 * @property {boolean} [over]     the same order needs a new key
 * @property {boolean} [paid]     its purchase is paid
 * @property {string} [lead]      key of the page's lead
 * @property {number} at          when it was last touched, in milliseconds
 */

// ------------------------------------------------------------------ words

// English texts for what only this module says, for when no other text can be loaded. Everything else that a shopper
// reads stands in the page, or is the relay's answer.
const ENGLISH = {
  sending: "Placing your order …",
  slow: "This is taking longer than usual. Please stay on this page while your order is being placed.",
  checking: "We are checking whether your order has reached us. Please do not order or pay again.",
  leaving: "Taking you to Klarna …",
  onward: "Continue to Klarna",
  back: "Your order is waiting at Klarna and is not paid yet. You can go on where you left off.",
  sent: "This order was already being placed when the page was left. Press the button again: it will be placed only once.",
  elsewhere: "This order is being placed in another window. Please wait a moment.",
  invalid: "Please look at the marked fields.",
  declined:
    "Klarna did not accept this payment. You have not been charged. Your details are still here: you can try again.",
  cancelled:
    "The payment at Klarna was not completed. You have not been charged. Your details are still here: you can try again.",
  expired:
    "The time to pay at Klarna has run out. You have not been charged. Your details are still here: you can order again.",
  retry: "Your order did not get through to Klarna. You have not been charged. Please try again.",
  unknown:
    "We could not find out yet whether your order has reached us. Please do not order or pay again: we will send you an e-mail.",
  recheck: "Check again",
  rate_limited: "Too many orders from your connection. You can try again in {n} seconds.",
  again: "You can try again now.",
  offline: "You are offline. Your details are kept: press the button again when you are back.",
  network: "The connection failed. Please press the button again: your order will be placed only once.",
  insecure: "Orders are taken only over a secure connection.",
  secure: "Open the secure page",
  already_paid: "This order is paid already.",
  earlier_paid: "Your earlier order is paid. This one has not been placed: press the button again if you want it too.",
  see: "See the order",
  other: "Something went wrong on our side. Please press the button again: your order will be placed only once.",
};

/** @typedef {Record<string, string>} Words */

// There is a file of texts for each of these, in build/words/ beside this one.
const LANGUAGES = /^(cs|da|de|el|es|et|fi|fr|hu|it|lt|lv|nb|nl|pl|pt|ro|sk|sl|sv)$/;

/**
 * @param {string} lang
 * @returns {Promise<Words>} what this module says in a language; in English when there is no file or it does not load
 */
async function wordsIn(lang) {
  const short = lang
    .slice(0, 2)
    .toLowerCase()
    .replace(/^n[no]$/, "nb");
  if (!LANGUAGES.test(short)) return ENGLISH;
  return { ...ENGLISH, ...(await textsAt(new URL(`build/words/${short}.js`, import.meta.url).href)) };
}

/** @param {string} address of a module whose default export are texts @returns {Promise<Words>} */
async function textsAt(address) {
  try {
    return (await import(address)).default;
  } catch {
    return {};
  }
}

/**
 * The lander's own texts, which count before all others: data-klarna-words has them as JSON, or the address of a
 * module.
 * @param {Element} form @returns {Promise<Words>}
 */
async function ownWords(form) {
  const given = form.closest("[data-klarna-words]")?.getAttribute("data-klarna-words")?.trim();
  if (!given) return {};
  if (!given.startsWith("{")) return textsAt(new URL(given, location.href).href);
  try {
    return JSON.parse(given);
  } catch (error) {
    console.error("klarna.js: data-klarna-words is no JSON", error);
    return {};
  }
}

/**
 * @param {Answer} answer @param {Words} own @returns {Words | null} the problems that it names by field; null: none
 */
const problemsOf = ({ http, message, problems = {} }, own) =>
  http === 422 && message && typeof message === "object" ? inOwnWords(message, problems, own) : null;

/**
 * Problems in the lander's own words, as far as it has some for their codes.
 * @param {Words} texts by field @param {Record<string, { code: string, detail?: string }>} problems by field
 * @param {Words} own @returns {Words}
 */
function inOwnWords(texts, problems, own) {
  const said = (/** @type {string} */ field, /** @type {string} */ text) => {
    const { code, detail = "" } = problems[field] ?? {};
    const name = field.replace(/^ship(.)/, (_, first) => first.toLowerCase());
    const mine = own[`rule.${code}.${field}`] ?? own[`rule.${code}.${name}`] ?? own[`rule.${code}`];
    return mine?.replace(/\{(limit|example)\}/g, detail) ?? text;
  };
  return Object.fromEntries(Object.entries(texts).map(([field, text]) => [field, said(field, text)]));
}

// ------------------------------------------------------------------ codes

/**
 * What an answer's code means for the page. Most are the relay's; `offline` and `network` (no answer came), `late`
 * (nothing final in the time given), `insecure` (the page is on http) and `other` are this module's.
 *
 * @typedef {object} Meaning
 * @property {true} [open]      the relay has not said what became of the attempt: the same key asks again
 * @property {true} [over]      the attempt has ended: the same order needs a new key
 * @property {true} [renew]     a new attempt is made at once, without asking the shopper
 * @property {true} [final]     status() has nothing more to ask
 * @property {number} [tries]   so many requests are sent before the shopper hears of it
 * @property {(tries: number, after?: number) => number} [pause]  seconds until the next of them
 * @property {"klarna" | "next" | "thanks" | "order"} [to]  where it leads
 * @property {true} [locked]    the form stays locked
 * @property {true} [insecure]  the secure page is offered
 */
/** @type {Record<string, Meaning>} */
const CODES = {
  redirect: { to: "klarna" },
  paid: { final: true, to: "next" },
  pending: { to: "thanks" },
  already_taken: { to: "order" },
  order_not_paid: { to: "order" },
  unknown: { locked: true },
  declined: { over: true, final: true },
  retry: { over: true, renew: true, final: true },
  ref_unknown: { over: true, renew: true, final: true },
  key_reused: { over: true, renew: true },
  invalid: { over: true },
  product_refused: { over: true },
  country_refused: { over: true },
  card_data: { over: true },
  misconfigured: { over: true },
  in_progress: { open: true, tries: 60, pause: (_, after = 2) => after },
  internal: { open: true, tries: 4, pause: (tries) => 2 ** (tries - 1) },
  network: { open: true, tries: 4, pause: (tries) => 2 ** (tries - 1) },
  offline: { open: true },
  upstream_unreachable: { tries: 3, pause: (_, after = 2) => Math.min(after, 10) },
  rate_limited: { locked: true },
  https_required: { insecure: true },
  insecure: { insecure: true },
};

/** @param {string} code @returns {Meaning} */
const meaning = (code) => CODES[code] ?? {};

// ------------------------------------------------------------------ small things

const DAY = 864e5; // as long as the relay hands out a url of Klarna's again
// Longer than the relay may take for a lead, an order and a query of 30 seconds each: a page that gives up earlier
// would only ask again.
const PATIENCE = 1e5;
// No order is repeated by itself for longer than this.
const PERSISTENCE = 18e4;

/** @param {number} ms */
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const pageLang = () => document.documentElement.lang.slice(0, 2) || "en";
const query = (/** @type {string} */ name) => new URLSearchParams(location.search).get(name) ?? "";

/** A new Idempotency-Key; browsers before 2022 have no randomUUID. */
const newKey = () =>
  crypto.randomUUID?.() ??
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} page @param {string} [ref] */
function withRef(page, ref) {
  const url = new URL(page, location.href);
  if (ref) url.searchParams.set("ref", ref);
  return url.href;
}

/** @param {unknown} url only https, or a loopback host in development */
function isSafe(url) {
  try {
    const { protocol, hostname } = new URL(String(url));
    return protocol === "https:" || (protocol === "http:" && /^(localhost|127\..*|\[::1\])$/.test(hostname));
  } catch {
    return false;
  }
}

/** @param {unknown} value an amount as the CRM writes it: 1234.5, "1234.50" or "1,234.50" */
const amount = (value) => Number(String(value ?? "").replace(/[,\s](?=\d{3}(?:\D|$))/g, "") || NaN);
const cents = (/** @type {number} */ value) => Math.round(value * 100) / 100;

/** @param {number} value @param {string} [currency] ISO 4217 @returns {string} "" for what is no amount */
function money(value, currency) {
  if (!Number.isFinite(value)) return "";
  try {
    return new Intl.NumberFormat(document.documentElement.lang || "en", { style: "currency", currency }).format(value);
  } catch {
    return `${value.toFixed(2)} ${currency ?? ""}`.trim();
  }
}

/** @param {string} tag @param {string} [textContent] */
const element = (tag, textContent = "") => Object.assign(document.createElement(tag), { textContent });

/** @returns {Promise<unknown>} when the page is there, scripts that listen included; a picture may never come */
const loaded = async () =>
  document.readyState === "complete" ||
  Promise.race([new Promise((done) => addEventListener("load", done, { once: true })), sleep(5000)]);

// ------------------------------------------------------------------ storage

/**
 * A storage that forgets with the page where the browser's is blocked or full.
 * @param {"sessionStorage" | "localStorage"} area
 */
function memory(area) {
  /** @type {Record<string, string>} */
  const spare = {};
  return {
    /** @param {string} name @returns {any} */
    get(name) {
      try {
        return JSON.parse(spare[`klarna:${name}`] ?? globalThis[area].getItem(`klarna:${name}`));
      } catch {
        return null;
      }
    },
    /** @param {string} name @param {unknown} [value] none: forget it */
    set(name, value) {
      const key = `klarna:${name}`;
      delete spare[key];
      try {
        if (value === undefined) globalThis[area].removeItem(key);
        else globalThis[area].setItem(key, JSON.stringify(value));
      } catch {
        spare[key] = JSON.stringify(value ?? null);
      }
    },
    keys() {
      try {
        return Object.keys({ ...globalThis[area], ...spare });
      } catch {
        return Object.keys(spare);
      }
    },
  };
}
const tab = memory("sessionStorage"); // what is personal
const shared = memory("localStorage"); // what all tabs must know

/** @returns {[string, Attempt][]} those remembered, by the name of their purchase */
const attempts = () =>
  shared.keys().flatMap((key) => (key.startsWith("klarna:at:") ? [[key.slice(10), shared.get(key.slice(7))]] : []));

/** @param {string} name @returns {Attempt | null} */
function lastAttempt(name) {
  const last = shared.get(`at:${name}`);
  return last && Date.now() - last.at < DAY ? last : null;
}

/** @param {string} ref @returns {string} of an upsale: its order's, under which it is remembered; else the same */
function orderOf(ref) {
  const [name = ""] = attempts().find(([name, attempt]) => attempt?.ref === ref && name.includes("/")) ?? [];
  return name.split("/")[1] ?? ref;
}

/**
 * What is known of a purchase now, for the attempts that are about it.
 * @param {string} ref @param {string} code @param {Way[]} [open] the ways to Klarna that are left, where that is known
 */
function notePurchase(ref, code, open) {
  for (const [name, attempt] of attempts()) {
    if (attempt?.ref !== ref || attempt.paid) continue;
    if (meaning(code).over) shared.set(`at:${name}`, { ...attempt, ...(open && { open }), over: true });
    if (code !== "paid") continue;
    shared.set(`at:${name}`, { ref, cart: attempt.cart, who: attempt.who, paid: true, at: Date.now() });
    // The shopper's details have served their purpose.
    tab.set(`values:${name.split("/")[0]}`);
    tab.set(`sent:${name}`);
  }
}

/**
 * One tab at a time: what the other tab learns (its ref, its url) is known before this one sends.
 * @template T @param {string} name @param {() => Promise<T>} work @param {() => void} [waiting] another tab is at it
 * @returns {Promise<T>}
 */
async function alone(name, work, waiting) {
  // Where the browser blocks storage it refuses locks, too.
  const usable = await navigator.locks?.request("klarna:", { ifAvailable: true }, () => true).catch(() => false);
  if (!usable) return work();
  const lock = `klarna:${name}`;
  const [done] = await navigator.locks.request(lock, { ifAvailable: true }, async (free) =>
    free ? [await work()] : [],
  );
  if (done !== undefined) return done;
  waiting?.();
  return navigator.locks.request(lock, work);
}

// ------------------------------------------------------------------ the relay

/**
 * One request, one answer; never throws.
 * @param {Options} at @param {string} path @param {Record<string, string> | null} fields null: GET
 * @param {{ key?: string, keepalive?: boolean }} [how] @returns {Promise<Answer>}
 */
async function call(at, path, fields, { key, keepalive } = {}) {
  try {
    const response = await fetch((at.base ?? "") + path, {
      method: fields ? "POST" : "GET",
      body: fields && new URLSearchParams(fields),
      headers: {
        Accept: "application/json",
        "Accept-Language": at.lang ?? pageLang(),
        ...(key && { "Idempotency-Key": key }),
      },
      keepalive,
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout?.(fields ? PATIENCE : 2e4),
    });
    const after = Number(response.headers.get("Retry-After")) || undefined;
    const answer = await response.json();
    return { ...answer, code: String(answer.code ?? "internal"), http: response.status, after };
  } catch {
    return { code: navigator.onLine === false ? "offline" : "network" };
  }
}

/** @param {Element} element */
const baseOf = (element) =>
  element.closest("[data-klarna-base]")?.getAttribute("data-klarna-base")?.replace(/\/$/, "") ?? "";

// ------------------------------------------------------------------ visits

/**
 * Where the shopper came from: affId and c1..c5 of the landing URL, kept for the visit.
 * @returns {Record<string, string>}
 */
function visit() {
  const known = tab.get("visit");
  /** @type {Record<string, string>} */
  const found = {};
  for (const name of ["affId", "c1", "c2", "c3", "c4", "c5"])
    if (query(name)) found[name.replace(/^c/, "sourceValue")] = query(name);
  if (known && Object.keys(found).every((name) => known[name] === found[name])) return known;
  const fresh = { ...found, requestUri: location.href, httpReferer: document.referrer };
  tab.set("visit", fresh);
  return fresh;
}

/** Import Click, once a visit for a type of page. @param {Options} at @param {string} pageType */
async function click(at, pageType) {
  const seen = visit();
  const done = tab.get("clicks") ?? [];
  if (done.includes(pageType)) return;
  tab.set("clicks", [...done, pageType]);
  const here = done.length ? { ...seen, requestUri: location.href, httpReferer: document.referrer } : seen;
  const { message } = await call(at, "/api/landers/clicks/import/", { ...here, pageType }, { keepalive: true });
  if (message?.sessionId) tab.set("visit", { ...visit(), sessionId: message.sessionId });
}

// ------------------------------------------------------------------ orders

// Orders that differ in these alone are the same order. The relay compares without them too.
const TRACKING = /^(sessionId|affId|sourceValue\d|custom\d|httpReferer|requestUri|pageType)$/;
// The relay keeps no longer address than this.
const LONGEST_WAY_BACK = 300;

const CARD = /card|cvv|cvc|securitycode|^(cc|cvn|cvd|csc|pan$|expir|exp(month|year|date))/;

/** @param {{ name: string, autocomplete?: string }} field */
const isCard = ({ name, autocomplete = "" }) =>
  CARD.test(name.toLowerCase().replace(/[^a-z0-9]/g, "")) || /(^|\s)cc-/.test(autocomplete);

/**
 * Where another way to pay is in the same form, card data never leave it.
 * @param {HTMLFormElement | Record<string, string>} source @returns {[string, any][]} its names and values without them
 */
function withoutCards(source) {
  const isForm = source instanceof HTMLFormElement;
  const inputs = /** @type {any[]} */ (isForm ? [...source.elements] : []);
  return [...(isForm ? new FormData(source) : Object.entries(source))].filter(
    ([name]) => !isCard({ name }) && !inputs.some((input) => input.name === name && isCard(input)),
  );
}

/** @param {Options} at */
const isUpsale = ({ path }) => path?.includes("upsale") ?? false;

/**
 * @param {HTMLFormElement | Record<string, string>} source
 * @returns {Record<string, string>} what is meant by it: trimmed, without what is empty
 */
function collect(source) {
  const fields = Object.fromEntries(
    withoutCards(source)
      .map(([name, value]) => [name, String(value ?? "").trim()])
      .filter(([, value]) => value),
  );
  delete fields["cf-turnstile-response"];
  // Ship fields alone are the address.
  if (fields.billShipSame === "1" && fields.address1)
    for (const name in fields) if (/^ship(?!ProfileId)/.test(name)) delete fields[name];
  return fields;
}

/** @param {Record<string, string>} fields @param {RegExp} [only] */
async function fingerprint(fields, only = /./) {
  const what = Object.entries(fields)
    .filter(([name]) => name !== "ref" && !TRACKING.test(name) && only.test(name))
    .sort();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(what)));
  return String(new Uint8Array(hash));
}

/** What is remembered of an order in place of its data. @param {Record<string, string>} fields */
async function printsOf(fields) {
  const emailAddress = (fields.emailAddress ?? "").toLowerCase();
  return {
    print: await fingerprint(fields),
    cart: await fingerprint({ ...fields, emailAddress }, /^(product|variant|orderItems|coupon|email)/),
    who: await fingerprint({ emailAddress }),
  };
}

/**
 * The pages to which the relay is to send the shopper after Klarna.
 * @param {Options} at
 * @returns {Record<string, string>}
 */
function waysBack(at) {
  const { next, thanks } = at;
  const here = new URL(location.href);
  here.hash = "";
  for (const name of ["ref", "klarna"]) here.searchParams.delete(name);
  /** @param {string} url */
  const fitting = (url) => (url.length <= LONGEST_WAY_BACK ? url : url.split("?")[0]);
  const paid = next ?? thanks;
  const failed = isUpsale(at) ? thanks && withRef(thanks, query("ref")) : here.href;
  return {
    ...(paid && { redirectsTo: fitting(withRef(paid)) }),
    ...(failed && { errorRedirectsTo: fitting(failed) }),
  };
}

/**
 * Sends an order and sees it through: the same attempt is repeated, with its key, until there is an answer that
 * counts. A changed order, or one that was declined, gets a new key on the same purchase. A double click, a reload,
 * a second tab and a bad network make one order. After `redirect` it goes to Klarna.
 * @param {HTMLFormElement | Record<string, string>} source a form, or fields by Konnektive's names
 * @param {Options} [options] @returns {Promise<Answer>} the answer that counts; never throws
 */
export async function order(source, options = {}) {
  const at = {
    path: "/api/order/import/",
    name: "order",
    ...(source instanceof HTMLFormElement && optionsOf(source)),
    ...options,
  };
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) return { code: "insecure" };
  const fields = collect(source);
  // An upsale is a purchase of its own: one for each order and product.
  const name = isUpsale(at) ? `${at.name}/${fields.ref}/${fields.product1_id}` : at.name;
  const first = await alone(
    name,
    () => place(at, name, fields),
    () => at.heard?.({ code: "elsewhere" }),
  );
  // After the lock is released, because a hidden tab pauses here for as long as it is hidden.
  const answer = first.code === "unknown" && first.ref ? await askStatus(at, first) : first;
  const to = destination(at, answer, fields.ref);
  if (to && !at.stay) leave(to);
  return answer;
}

/**
 * Asks the status route what became of an import whose answer is not known.
 * @param {Options} at
 * @param {Answer} unknown
 * @returns {Promise<Answer>}
 */
async function askStatus(at, unknown) {
  at.heard?.({ code: "checking" });
  const found = await status(String(unknown.ref), { ...at, limit: at.limit ?? PERSISTENCE });
  return found.code === "late" ? unknown : found;
}

/**
 * @param {Options} at
 * @param {Answer} answer
 * @param {string} [orderRef] where the answer leads
 * @returns {string} "" when nowhere
 */
function destination({ next, thanks }, { code, ref, message }, orderRef) {
  switch (meaning(code).to) {
    case "klarna":
      return isSafe(message?.url) ? message.url : "";
    case "next":
      return next || thanks ? withRef(String(next ?? thanks), ref) : "";
    case "thanks":
      return thanks ? withRef(thanks, ref) : "";
    case "order": // nothing to buy any more: on with the order itself
      return thanks ? withRef(thanks, orderRef) : "";
  }
  return "";
}

/** Out of a frame too: Klarna does not run in one. @param {string} url */
function leave(url) {
  try {
    /** @type {Window} */ (window.top).location.href = url;
  } catch {
    location.href = url;
  }
}

/** @param {Options} at @param {string} name @param {Record<string, string>} fields @returns {Promise<Answer>} */
async function place(at, name, fields) {
  const prints = await printsOf(fields);
  const extra = { ...visit(), ...waysBack(at) };
  let last = lastAttempt(name);
  // A purchase remembered for another e-mail address is another shopper's, or the address was mistyped.
  if (last?.who && last.who !== prints.who) last = null;
  // Paid in another tab while this page was open: not a second order, but a late click on the first.
  if (last?.paid && last.cart === prints.cart && performance.timeOrigin < last.at)
    return { code: "paid", ref: last.ref };
  // The form's ref, which can take no order any more. That of an upsale is its order's.
  if (!isUpsale(at) && [last?.paid && last.ref, ...(tab.get("gone") ?? [])].includes(fields.ref))
    delete fields.ref;
  if (last?.paid) last = null;
  const changed = last?.key && last.print !== prints.print ? last : null;
  if (changed) {
    const answer = await ask(at, name, changed, extra);
    if (answer) return answer;
  }
  const fresh = () => begin(prints, last);
  const attempt = last?.key && !changed && !last.over ? last : fresh();
  const answer = await insist(at, name, attempt, { fields, extra });
  if (answer.code !== "earlier_paid") return answer;
  // What is paid is an order before this one, so that the next press is for another.
  const { ref } = answer;
  shared.set(`at:${name}`, { ref, cart: changed?.cart, who: prints.who, paid: true, at: Date.now() });
  return answer;
}

/**
 * @param {{ print: string, cart: string, who: string }} prints
 * @param {Attempt | null} [before]
 * @returns {Attempt} a new attempt, of the same purchase when there is one
 */
function begin({ print, cart, who }, before) {
  const open = before?.ref ? waysOf(before) : [];
  const ref = before?.ref;
  return { key: newKey(), print, cart, who, sent: ref, ref, ...(open[0] && { open }), at: Date.now() };
}

/**
 * The ways to Klarna that a purchase has been given and that may be open, the newest first.
 * @param {Attempt} attempt @param {string} [left] the one that has just been left unpaid @returns {Way[]}
 * @typedef {{ url: string, at: number }} Way
 */
function waysOf({ url, over, at, open = [] }, left) {
  const ways = url && !over ? [{ url, at }, ...open] : open;
  return ways.filter((way) => way.url !== left && isSafe(way.url) && Date.now() - way.at < DAY).slice(0, 3);
}

/**
 * Of an order that was changed while it is not known whether it has arrived: asks for it again as it was, so that
 * both are one purchase.
 * @param {Options} at @param {string} name @param {Attempt} attempt @param {Record<string, string>} extra
 * @returns {Promise<Answer | undefined>} an answer when it is still not known
 */
async function ask(at, name, attempt, extra) {
  const sent = tab.get(`sent:${name}`);
  if (attempt.answered || attempt.ref || sent?.key !== attempt.key) return;
  const answer = await send(at, name, attempt, { fields: sent.fields, extra });
  if (!attempt.answered) return answer;
}

/**
 * Sends an attempt as often as it takes.
 * @param {Options} at @param {string} name @param {Attempt} attempt @param {Body} body @returns {Promise<Answer>}
 * @typedef {{ fields: Record<string, string>, extra: Record<string, string>, token?: string }} Body
 */
async function insist(at, name, attempt, body) {
  const until = Date.now() + PERSISTENCE;
  let current = attempt;
  let renewed = false;
  body.token = await at.token?.();
  for (let tries = 1; ; tries++) {
    const answer = await send(at, name, current, body);
    const { code, after } = answer;
    const { tries: most = 0, pause, renew, open } = meaning(code);
    if (pause && tries < most && Date.now() < until) {
      await sleep(pause(tries, after) * 1000);
      if (!open) body.token = await at.token?.(); // the first one has been used up
      continue;
    }
    const dropped = dropTracking(answer, body);
    if (!dropped && (renewed || !renew)) return answer;
    renewed ||= !dropped;
    if (code === "ref_unknown" && body.fields.ref && !isUpsale(at)) {
      tab.set("gone", [...(tab.get("gone") ?? []), body.fields.ref]);
      delete body.fields.ref;
    }
    const { print = "", cart = "", who = "" } = current;
    current = begin({ print, cart, who }, code === "ref_unknown" ? null : current);
    body.token = await at.token?.();
  }
}

/**
 * Leaves out values of the landing URL that the relay refused, so that they do not prevent the order.
 * @param {Answer} answer
 * @param {Body} body
 * @returns {boolean} whether they were the only reason
 */
function dropTracking({ code, message }, { fields, extra }) {
  const named = /^(invalid|card_data)$/.test(code) ? Object.keys(Object(message)) : [];
  const ours = named.length > 0 && named.every((field) => field in extra && !(field in fields));
  if (ours) for (const field of named) delete extra[field];
  return ours;
}

/**
 * Remembers the attempt, then sends it, then remembers the answer.
 * @param {Options} at @param {string} name @param {Attempt} attempt @param {Body} body @returns {Promise<Answer>}
 */
async function send(at, name, attempt, { fields, extra, token }) {
  shared.set(`at:${name}`, attempt);
  tab.set(`sent:${name}`, { key: attempt.key, fields });
  const body = {
    ...extra,
    ...(attempt.sent && { ref: attempt.sent }),
    ...fields,
    ...(token && { "cf-turnstile-response": token }),
  };
  const answer = await call(at, String(at.path), body, { key: attempt.key });
  const { code, ref } = answer;
  const { open, over } = meaning(code);
  if (!open) {
    attempt.answered = true;
    tab.set(`sent:${name}`);
  }
  if (ref) attempt.ref = ref;
  if (code === "ref_unknown") attempt.ref = undefined;
  if (code === "redirect") attempt.url = answer.message?.url;
  attempt.over = over ?? false;
  shared.set(`at:${name}`, attempt);
  if (ref) notePurchase(ref, code);
  return answer;
}

// ------------------------------------------------------------------ status

/**
 * Asks what became of a purchase, with growing pauses, until it is final: paid, declined, retry or ref_unknown
 * (`late` when the time is up). Tells the page once when it is paid (`klarna:paid`).
 * @param {string} ref @param {Options} [options] @returns {Promise<Answer>} never throws
 */
export async function status(ref, options = {}) {
  const { limit = 6e5 } = options;
  const end = Date.now() + limit;
  for (let pause = 1500; ; pause = Math.min(pause * 1.6, 3e4)) {
    const answer = await call(options, `/api/order/status/${encodeURIComponent(ref)}`, null);
    options.heard?.(answer);
    if (meaning(answer.code).final) {
      notePurchase(ref, answer.code, []);
      if (answer.code === "paid") announce(ref, answer);
      return answer;
    }
    if (Date.now() + pause > end) return limit ? { ...answer, code: "late" } : answer;
    await sleep(Math.max(pause, (answer.after ?? 0) * 1000));
    // A hidden page does not ask.
    if (document.hidden)
      await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
  }
}

/** @typedef {{ name: string, qty: number, price: number }} Line */
/** @param {any} message of a status @returns {Line[]} */
const linesOf = (message) =>
  (message?.items ?? []).map((/** @type {any} */ { name, qty, price }) => ({
    name: String(name),
    qty: Number(qty) || 1,
    price: amount(price),
  }));

/**
 * What is in one list of lines and not in the other, by name, price and number.
 * @param {Line[]} lines
 * @param {Line[]} known
 * @returns {Line[]}
 */
function withoutKnown(lines, known) {
  const left = known.map((line) => ({ ...line }));
  return lines.flatMap((line) => {
    const same = left.find(({ name, price, qty }) => qty > 0 && name === line.name && price === line.price);
    const qty = line.qty - Math.min(line.qty, same?.qty ?? 0);
    if (same) same.qty -= line.qty - qty;
    return qty > 0 ? [{ ...line, qty }] : [];
  });
}

/**
 * Tells the page of a paid purchase, once for all tabs. The status of an upsale holds its whole order. Lines that
 * were told before are not told again, so that everything that was told adds up to the order's total.
 * @param {string} ref @param {Answer} answer
 */
async function announce(ref, { message }) {
  await loaded();
  const of = message?.orderNumber || orderOf(ref);
  await alone(`told:${of}`, async () => {
    if (shared.get(`paid:${ref}`)) return;
    shared.set(`paid:${ref}`, Date.now());
    const total = amount(message?.total);
    const lines = linesOf(message);
    const told = shared.get(`told:${of}`) ?? { total: 0, lines: [] };
    const detail = {
      ref,
      total: cents(total - told.total),
      currency: message?.currency,
      items: withoutKnown(lines, told.lines),
    };
    // An upsale may be told before its order, whose status is from before the upsale.
    if (detail.total <= 0 && detail.items.length === 0) return;
    shared.set(`told:${of}`, { total, lines });
    document.dispatchEvent(new CustomEvent("klarna:paid", { detail }));
  });
}

// ------------------------------------------------------------------ prices

const FRESH = 3e5; // as long as the relay keeps a campaign's answer

/**
 * @typedef {{ name: string, price: number, shipping: number }} Product
 * @typedef {{ currency?: string, country?: string, countries: string[], products: Record<string, Product>,
 *   shipping: Record<string, number> }} Shop
 *   what the lander sells, by the CRM's names and prices; `shipping` has the prices of shipping profiles
 */

/** @param {any} list an array or an object of objects @returns {any[]} */
const values = (list) => Object.values(Object(list));

/** @param {Options} at @returns {Promise<Shop | null>} null without an answer */
async function shopOf(at) {
  const kept = tab.get("shop");
  if (kept && Date.now() - kept.at < FRESH) return kept.shop;
  const { code, message } = await call(at, "/api/campaign/query/", null);
  if (code !== "accepted" && !message?.products) return null;
  /** @type {Shop} */
  const shop = { currency: message.currency, country: message.country, countries: [], products: {}, shipping: {} };
  for (const { campaignProductId, productName, price, shippingPrice } of values(message.products)) {
    shop.products[String(campaignProductId)] = {
      name: String(productName),
      price: amount(price),
      shipping: amount(shippingPrice ?? 0),
    };
  }
  for (const { shipProfileId, price } of values(message.shipProfiles))
    shop.shipping[String(shipProfileId)] = amount(price);
  shop.countries = values(message.countries).map((country) => String(country.countryCode ?? country));
  tab.set("shop", { shop, at: Date.now() });
  return shop;
}

/**
 * @param {HTMLFormElement} form
 * @param {Shop} shop
 * @returns {{ lines: Line[], shipping: number, total: number }} what is NaN is not known
 */
function sumOf(form, shop) {
  const fields = collect(form);
  const ids = Object.keys(fields).filter((name) => /^product\d+_id$/.test(name));
  const chosen = ids.map((name) => ({
    product: shop.products[fields[name]],
    qty: Number(fields[name.replace("_id", "_qty")] ?? 1),
  }));
  const lines = chosen.map(({ product, qty }) => ({ name: product?.name ?? "", qty, price: product?.price ?? NaN }));
  const profile = fields.shipProfileId;
  const shipping = profile
    ? (shop.shipping[profile] ?? NaN)
    : chosen.reduce((sum, { product }) => sum + (product?.shipping ?? NaN), 0);
  return { lines, shipping, total: lines.reduce((sum, { qty, price }) => sum + qty * price, shipping) };
}

/** @param {Element} list @param {Line[]} lines @param {string} [currency] */
function showLines(list, lines, currency) {
  list.replaceChildren();
  for (const { name, qty, price } of lines) {
    const what = element("span", qty > 1 ? `${qty} × ` : "");
    what.append(element("bdi", name)); // it may run from right to left
    list.appendChild(element("li")).append(what, " ", element("span", money(qty * price, currency)));
  }
}

/** @param {Element} place @param {string} name of the data attribute @param {string} text */
function put(place, name, text) {
  for (const spot of place.querySelectorAll(`[data-klarna-${name}]`)) spot.textContent = text;
}

/** @param {HTMLFormElement} form @param {Shop} shop */
function showSum(form, shop) {
  const { lines, shipping, total } = sumOf(form, shop);
  const known = Number.isFinite(total) && lines.length > 0;
  for (const list of form.querySelectorAll("[data-klarna-lines]")) showLines(list, known ? lines : [], shop.currency);
  put(form, "shipping", known ? money(shipping, shop.currency) : "");
  put(form, "total", known ? money(total, shop.currency) : "");
}

/**
 * Keeps what the lander delivers to, and chooses where the shopper is.
 * @param {HTMLSelectElement} select @param {Shop} shop
 */
function offerCountries(select, { countries, country }) {
  const offered = [...select.options];
  if (countries.length)
    for (const option of offered)
      if (option.value && !countries.includes(option.value) && !option.selected) option.remove();
  if (country && !select.value && offered.some(({ value }) => value === country)) select.value = country;
}

/** Names, prices and totals come from the CRM. Without its answer they stay empty, and the page's root says so. */
async function showPrices() {
  const wanted =
    "[data-klarna-price], [data-klarna-name], form [data-klarna-total], [data-klarna-lines], " +
    "select[data-klarna-country]";
  const first = document.querySelector(wanted);
  if (!first) return;
  const shop = await shopOf({ base: baseOf(first) });
  document.documentElement.dataset.klarnaPrices = shop ? "known" : "unknown";
  if (!shop) return;
  for (const spot of document.querySelectorAll("[data-klarna-price], [data-klarna-name]")) {
    const { klarnaPrice, klarnaName } = /** @type {HTMLElement} */ (spot).dataset;
    const product = shop.products[klarnaPrice ?? klarnaName ?? ""];
    spot.textContent = klarnaPrice === undefined ? (product?.name ?? "") : money(product?.price ?? NaN, shop.currency);
  }
  for (const select of document.querySelectorAll("select[data-klarna-country]"))
    offerCountries(/** @type {HTMLSelectElement} */ (select), shop);
  for (const form of document.querySelectorAll("form")) {
    const show = () => showSum(form, shop);
    form.addEventListener("change", show);
    form.addEventListener("reset", () => setTimeout(show));
    addEventListener("pageshow", show); // values that the browser brings back
    show();
  }
}

// ------------------------------------------------------------------ the order's check

/**
 * Whether the shopper asks for little data, or has a slow network: then nothing is loaded that the page can do
 * without.
 */
function isSparing() {
  const { saveData = false, effectiveType = "" } = /** @type {any} */ (navigator).connection ?? {};
  return saveData || /^(slow-2g|2g|3g)$/.test(effectiveType) || matchMedia("(prefers-reduced-data: reduce)").matches;
}

/** The relay's rules before the order is sent: as WebAssembly in the page, or asked of the relay. */
class Check {
  /** @type {any} once loaded */
  #rules;
  #edge = false;
  #resting = 0; // until then the relay is not asked
  #asked = 0;
  /** @type {Words} the lander's */
  own = {};

  /** @param {HTMLFormElement} form @param {Options} at @param {string} lang */
  constructor(form, at, lang) {
    this.form = form;
    this.at = at;
    this.lang = lang;
  }

  /** Loaded at the first input, so that a visitor who only reads the page loads nothing. */
  async load() {
    const from = this.form.dataset.klarnaCheck;
    if (!from) return;
    this.#edge = from === "edge" || isSparing();
    if (this.#edge) return;
    try {
      this.#rules = await (await import(new URL(from, location.href).href)).load();
    } catch {} // blocked, too old, too slow: the relay checks by the same rules
  }

  /** @returns {Words | null} problems by field, at once; null when the page cannot tell */
  now() {
    const order = collect(this.form);
    // What has been told before, by a lead or the order of an upsale, is not in the page.
    if (!this.#rules || isUpsale(this.at) || (order.ref && !this.form.querySelector("[name=firstName]")))
      return null;
    try {
      const shop = JSON.parse(this.form.dataset.klarnaShop ?? "{}");
      return inOwnWords(this.#rules.check(order, shop, this.lang), this.#rules.problems(order, shop), this.own);
    } catch {
      return null;
    }
  }

  /**
   * @returns {Promise<Words | null>} problems by field; null when nobody can tell, or when it has been asked again
   *   meanwhile
   */
  async soon() {
    if (this.#rules) return this.now();
    if (!this.#edge || Date.now() < this.#resting) return null;
    const mine = ++this.#asked;
    const path = String(this.at.path).replace(/[^/]+\/import/, "order/check");
    const answer = await call(this.at, path, collect(this.form));
    const { code, after = 60 } = answer;
    if (code === "rate_limited") this.#resting = Date.now() + after * 1000;
    if (mine !== this.#asked) return null;
    if (code === "accepted") return {};
    return problemsOf(answer, this.own);
  }

  /** A postal code or a phone number in its own form. @param {HTMLInputElement} field @param {string} country */
  tidy(field, country) {
    const { name, value } = field;
    if (name === "postalCode") field.value = this.#rules?.postalCode(value, country) || value;
    if (name === "phoneNumber") field.value = this.#rules?.phone(value, country) || value;
  }
}

// ------------------------------------------------------------------ forms

/** @param {HTMLFormElement} form what its attributes say @returns {Options & { path: string, name: string }} */
function optionsOf(form) {
  const { origin, pathname } = new URL(form.getAttribute("action") || "/api/order/import/", location.href);
  return {
    base: baseOf(form) || (origin === location.origin ? "" : origin),
    path: pathname,
    name: form.dataset.klarna || "order",
    next: form.dataset.klarnaNext,
    thanks: form.dataset.klarnaThanks,
  };
}

// What an address of the page may choose in the form.
const CHOICE = /^(product\d+_(id|qty)|variant\d+_id|couponCode|shipProfileId)$/;

/**
 * Makes a form order: locks it while an order is under way, shows problems at their fields, keeps what was typed
 * until it is paid, and checks in the page when the relay's check is given. `<form data-klarna>` is attached by itself.
 * @param {HTMLFormElement} form @param {Options} [options]
 */
export function attach(form, options = {}) {
  new Checkout(form, options).start();
}

/**
 * Scrolls to a place, and again when the browser scrolls away from it within the first second: WebKit may still be
 * about to go where the page was left. Not when the shopper has begun to do something.
 * @param {HTMLElement} place
 */
function keepInSight(place) {
  place.scrollIntoView({ block: "center" });
  const begun = new AbortController();
  for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"])
    addEventListener(kind, () => begun.abort(), { passive: true, signal: begun.signal });
  for (const ms of [100, 400, 1000])
    setTimeout(() => {
      const { top, bottom } = place.getBoundingClientRect();
      if (!begun.signal.aborted && (top < 0 || bottom > innerHeight)) place.scrollIntoView({ block: "center" });
    }, ms);
}

/** @type {Record<string, number>} how many forms of a name the page has had */
const formsOf = {};

class Checkout {
  busy = false;
  /** @type {Words} by field, as shown */
  problems = {};
  /** @type {Words} */
  words = ENGLISH;
  /** @type {Words} */
  own = {};

  /** @param {HTMLFormElement} form @param {Options} options */
  constructor(form, options) {
    this.form = form;
    this.at = { ...optionsOf(form), ...options };
    this.name = this.at.name;
    const before = formsOf[this.name] ?? 0;
    formsOf[this.name] = before + 1;
    this.prefix = `klarna-${this.name}${before || ""}`;
    this.action = form.getAttribute("action");
    this.unpaidBefore = query("klarna") === "declined"; // so the relay's failed/ route says
    this.upsale = isUpsale(this.at);
    this.button = /** @type {HTMLElement | null} */ (form.querySelector("[type=submit], button:not([type])"));
    this.check = new Check(form, this.at, this.at.lang ?? pageLang());
    this.lead = new Lead(form, this.at);
    this.progress = this.region("status");
    this.alarm = this.region("alert");
  }

  start() {
    const { form } = this;
    form.noValidate = true;
    const ref = form.querySelector("input[name=ref]");
    if (ref instanceof HTMLInputElement) ref.value ||= query("ref");
    this.proveHuman();
    if (!this.upsale) this.restore();
    this.listen();
    this.spoken = this.learn();
    const [arrival] = performance.getEntriesByType("navigation");
    this.resume(/** @type {PerformanceNavigationTiming} */ (arrival)?.type !== "navigate");
  }

  /** The words of the page's language and the lander's own; it works before they are there. */
  async learn() {
    const [words, own] = await Promise.all([
      wordsIn(this.at.lang ?? document.documentElement.lang),
      ownWords(this.form),
    ]);
    this.words = { ...words, ...own };
    this.own = this.check.own = own;
  }

  listen() {
    const { form } = this;
    // Around the form, so that the page's own listeners come first and may stop it.
    const around = form.isConnected ? form.getRootNode() : form;
    around.addEventListener("submit", (event) => {
      const { target, submitter } = /** @type {SubmitEvent} */ (event);
      if (target !== form || event.defaultPrevented) return;
      // A button with an address of its own, or a script, sends the form to another way to pay.
      if (submitter?.hasAttribute("formaction") || form.getAttribute("action") !== this.action) return;
      event.preventDefault();
      if (!this.busy) this.press();
    });
    form.addEventListener("focusin", () => this.check.load(), { once: true });
    form.addEventListener("input", ({ target }) => {
      const { name } = /** @type {HTMLInputElement} */ (target);
      if (!this.busy) this.tell("");
      if (this.problems[name]) this.inspect([name], this.check.now() ?? {});
      this.save();
    });
    form.addEventListener("change", ({ target }) => this.left(/** @type {HTMLInputElement} */ (target)));
    addEventListener("pageshow", ({ persisted }) => {
      if (!persisted) return;
      this.lock(false);
      this.tell("");
      this.resume();
    });
  }

  /** A field has been left with another value. @param {HTMLInputElement} field */
  async left(field) {
    this.check.tidy(field, collect(this.form).country ?? "");
    this.save();
    if (this.upsale) return;
    if (!this.busy) this.lead.send();
    if (!field.value) return;
    // The country decides about the postal code and the phone number too.
    const fields = field.name === "country" ? [field.name, ...Object.keys(this.problems)] : [field.name];
    const { value } = field;
    const wrong = this.check.now() ?? (await this.check.soon());
    if (wrong && !this.busy && field.value === value) this.inspect(fields, wrong);
  }

  async press() {
    // The page's own, such as one for its terms.
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (this.form.querySelectorAll("[type=checkbox]:invalid"));
    const unticked = [...boxes].find((box) => box.getClientRects().length > 0);
    if (unticked) return unticked.reportValidity();
    this.lock(true);
    this.save();
    this.show({});
    const wrong = this.check.now() ?? {};
    if (Object.keys(wrong).length) {
      this.lock(false);
      return this.refuse({ code: "invalid", http: 422, message: wrong });
    }
    this.tell("sending");
    await this.lead.settled();
    const slow = setTimeout(() => this.tell("slow"), 8000);
    const heard = (/** @type {Answer} */ { code }) => {
      if (code !== "checking" && code !== "elsewhere") return;
      clearTimeout(slow);
      this.tell(code);
    };
    const answer = await order(this.form, { ...this.at, stay: true, heard }).catch(() => ({ code: "other" }));
    clearTimeout(slow);
    this.react(answer);
  }

  /** @param {Answer} answer */
  react(answer) {
    const { code, ref, after = 60 } = answer;
    const to = destination({ ...this.at, thanks: this.thanks }, answer, query("ref"));
    const { locked, insecure } = meaning(code);
    if (to) {
      // Locked until the page is left; only coming back unlocks.
      this.tell("leaving", code === "redirect" ? { offer: [this.words.onward, to] } : { text: this.words.sending });
      if (code === "redirect") tab.set(`left:${this.name}`, to);
      return leave(to);
    }
    if (code === "rate_limited") return this.wait(after);
    // Stays locked: the shopper must not press again.
    if (locked) return this.tell(code, { alert: true, offer: [this.words.recheck, () => this.press()] });
    this.lock(false);
    if (insecure) return this.offerSecurePage();
    if (code === "earlier_paid")
      return this.tell(code, { alert: true, offer: [this.words.see, withRef(this.thanks, ref)] });
    this.refuse(answer);
  }

  /** The page that follows what becomes of the order. */
  get thanks() {
    return this.at.thanks ?? "/thank-you";
  }

  /** @param {number} seconds */
  wait(seconds) {
    this.tell("rate_limited", { alert: true, text: this.words.rate_limited.replace("{n}", String(seconds)) });
    setTimeout(() => {
      this.lock(false);
      this.tell("again");
    }, seconds * 1000);
  }

  /** @param {Answer} answer */
  refuse(answer) {
    const fields = problemsOf(answer, this.own) ?? {};
    const first = this.show(fields);
    const rest = Object.keys(fields)
      .filter((field) => !this.elementOf(field))
      .map((field) => fields[field]);
    const text = first ? [this.words.invalid, ...rest].join(" ") : rest.join(" ") || this.sentence(answer);
    this.tell(answer.code, { alert: true, text });
    (first ?? this.button)?.focus();
  }

  /**
   * What an answer means. The relay gives a reason where the code says too little, such as for an extra to an order
   * that is paid.
   * @param {Answer} answer @returns {string}
   */
  sentence({ code, message }) {
    const { words, own } = this;
    const { reason = "", text = "" } = typeof message === "string" ? { text: message } : Object(message);
    if (reason) return words[reason] ?? text;
    return own[code] ?? ((this.upsale && text) || words[code] || text || words.other);
  }

  offerSecurePage() {
    this.tell("insecure", { alert: true, offer: [this.words.secure, location.href.replace(/^http:/, "https:")] });
  }

  // What the shopper finds when coming back: from Klarna, by the back button, by a reload, in another tab.
  async resume(found = true) {
    await Promise.race([this.spoken, sleep(2000)]);
    if (this.busy) return;
    if (!globalThis.isSecureContext) return this.offerSecurePage();
    if (this.upsale) return;
    const last = lastAttempt(this.name);
    if (this.unpaidBefore) return this.cameBackUnpaid(last);
    if (last?.paid && performance.timeOrigin < last.at) {
      return this.tell("already_paid", { found: true, offer: [this.words.see, withRef(this.thanks, last.ref)] });
    }
    if (!last?.key || last.paid) return;
    const [way] = waysOf(last);
    if (way) {
      this.tell("back", { found, offer: [this.words.onward, way.url] });
      const answer = last.ref ? await status(last.ref, { ...this.at, limit: 0 }) : { code: "" };
      const { code } = answer;
      if (this.busy) return;
      if (code === "paid") location.replace(withRef(this.at.next ?? this.thanks, last.ref));
      else if (meaning(code).over && code !== "ref_unknown")
        this.tell(code, { alert: true, found, text: this.sentence(answer) });
    } else if (!last.over && !last.answered && tab.get(`sent:${this.name}`)?.key === last.key)
      this.tell("sent", { found });
  }

  /** By the failed/ return. @param {Attempt | null} last */
  async cameBackUnpaid(last) {
    this.unpaidBefore = false;
    const here = new URL(location.href);
    here.searchParams.delete("klarna");
    history.replaceState(null, "", here);
    const ref = last?.key && !last.paid && last.ref;
    const asked = ref ? status(ref, { ...this.at, limit: 0 }) : undefined;
    // The address says no more than that it was not paid. The relay knows why, and the shopper hardly notices the wait.
    const soon = await Promise.race([asked, sleep(1500)]);
    if (this.busy) return;
    if (soon?.code !== "paid") this.unpaid(soon);
    if (!last?.key || last.paid) return;
    // Another session of the purchase may be open still: then that one is offered, and not the one that was just left.
    const left = tab.get(`left:${this.name}`) ?? last.url;
    const [open] = waysOf(last, left);
    const answer = await asked;
    const code = answer?.code ?? "";
    if (this.busy) return;
    if (code === "paid") location.replace(withRef(this.at.next ?? this.thanks, last.ref));
    else {
      if (answer && !soon) this.unpaid(answer);
      if (!meaning(code).over && (last.url === left || code !== "pending"))
        shared.set(`at:${this.name}`, { ...last, over: true });
      if (code === "pending" && open) this.tell("back", { found: true, offer: [this.words.onward, open.url] });
    }
  }

  /**
   * Says that nothing was paid, and why, as far as the relay knows. Otherwise it may have been Klarna or the shopper.
   * @param {Answer | undefined | void} answer of the status
   */
  unpaid(answer) {
    const known = answer && (answer.code === "declined" || answer.message?.reason);
    const text = known ? this.sentence(answer) : (this.own.declined ?? this.words.cancelled);
    this.tell("declined", { alert: true, found: true, text });
  }

  /** @param {boolean} on */
  lock(on) {
    this.busy = on;
    this.form.setAttribute("aria-busy", String(on));
    this.button?.setAttribute("aria-disabled", String(on));
  }

  /**
   * @param {string} state "" clears
   * @param {{ text?: string, alert?: boolean, found?: boolean, offer?: [string, string | (() => void)] }} [how]
   *   alert: read out at once; found: the shopper has just come (back) to the page, and has to see it; offer: a
   *   link or a button
   */
  tell(state, { text = this.words[state], alert = false, found = false, offer } = {}) {
    this.form.dataset.klarnaState = state;
    this.progress.textContent = this.alarm.textContent = "";
    if (!state) return;
    const place = alert ? this.alarm : this.progress;
    place.textContent = text;
    if (offer) {
      const [label, to] = offer;
      const way = element(typeof to === "string" ? "a" : "button", label);
      const follow = () => label === this.words.onward && tab.set(`left:${this.name}`, to);
      const link = { href: to, target: "_top", onclick: follow };
      Object.assign(way, typeof to === "string" ? link : { type: "button", onclick: to });
      place.append(" ", way);
    }
    if (found) {
      // The browser would scroll to where the page was left, and this out of sight.
      history.scrollRestoration = "manual";
      addEventListener("pagehide", () => (history.scrollRestoration = "auto"), { once: true });
      place.tabIndex = -1;
      place.focus({ preventScroll: true });
      keepInSight(place);
    } else place.scrollIntoView({ block: "nearest" });
  }

  /** @param {"status" | "alert"} role @returns {HTMLElement} */
  region(role) {
    const made = /** @type {HTMLElement} */ (this.form.querySelector(`[role=${role}]`) ?? element("div"));
    made.setAttribute("role", role);
    if (!made.isConnected) this.button ? this.button.before(made) : this.form.append(made);
    return made;
  }

  /**
   * Cloudflare's bot check, where the form has a site key. Its place is as high as the widget from the start, so that
   * nothing moves when it comes.
   */
  proveHuman() {
    const sitekey = this.form.dataset.turnstileSitekey;
    if (!sitekey || this.at.token) return;
    const place = /** @type {HTMLElement} */ (this.form.querySelector("[data-klarna-turnstile]") ?? element("div"));
    if (!place.isConnected) this.progress.before(place);
    place.style.minHeight = "65px";
    const widget = import(new URL("turnstile.js", import.meta.url).href).then((module) =>
      module.turnstile(sitekey, place),
    );
    this.at.token = async () => (await widget.catch(() => null))?.() ?? "";
  }

  /** @param {string} field @returns {HTMLElement | undefined} what is seen of a field, or can be unfolded */
  elementOf(field) {
    const all = this.form.querySelectorAll(`[name="${CSS.escape(field)}"]:not([type=hidden])`);
    const seen = (/** @type {Element} */ e) => e.getClientRects().length > 0 || e.closest("details:not([open])");
    return /** @type {HTMLElement[]} */ ([...all]).find(seen);
  }

  /**
   * Shows these problems and no others.
   * @param {Words} found
   * @returns {HTMLElement | undefined} the first field with one
   */
  show(found) {
    this.problems = found;
    let first;
    for (const field of /** @type {any} */ (this.form.elements)) {
      if (!field.name || field.type === "hidden") continue;
      const seen = this.elementOf(field.name);
      if (seen && field !== seen) continue;
      const text = (seen && found[field.name]) ?? "";
      const note = this.noteOf(field, text);
      if (note) note.textContent = text;
      if (text) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      if (!text) continue;
      first ??= field;
      unfold(field);
    }
    return first;
  }

  /** Where a field's problem stands; made when there is one. @param {HTMLInputElement} field @param {string} text */
  noteOf(field, text) {
    const id = `${this.prefix}-${field.name}`;
    const known = /** @type {HTMLElement | null} */ (this.form.querySelector(`#${CSS.escape(id)}`));
    if (known || !text) return known;
    const note = Object.assign(element("p"), { id, className: "klarna-problem" });
    const place = field.closest("[data-klarna-field]");
    if (place) place.append(note);
    else (field.closest("label") ?? field).after(note);
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
    return note;
  }

  /**
   * Looks at some fields again; what the shopper has not come to yet is left alone.
   * @param {string[]} fields
   * @param {Words} wrong
   */
  inspect(fields, wrong) {
    this.show({ ...this.problems, ...Object.fromEntries(fields.map((field) => [field, wrong[field] ?? ""])) });
  }

  /**
   * What was typed survives a decline, a reload and the way to Klarna and back; this tab only, and only until it is
   * paid.
   */
  save() {
    if (!this.upsale) tab.set(`values:${this.name}`, Object.fromEntries(withoutCards(this.form)));
  }

  /**
   * What was typed before, and what the page's address chooses: ?product1_id=35. That counts once, what is changed
   * afterwards survives a reload.
   */
  restore() {
    const typed = tab.get(`values:${this.name}`);
    const here = new URL(location.href);
    const chosen = Object.fromEntries([...here.searchParams].filter(([name]) => CHOICE.test(name)));
    for (const field of /** @type {any} */ (this.form.elements)) {
      if (typed) setValue(field, typed);
      if (field.name in chosen && field.type !== "hidden") {
        setValue(field, chosen);
        here.searchParams.delete(field.name);
      }
      if (field.value && field.value !== field.defaultValue && !field.matches("select, [type=radio]")) unfold(field);
    }
    if (here.href !== location.href) history.replaceState(history.state, "", here);
  }
}

/** @param {any} field of a form @param {Words} given values by name */
function setValue(field, given) {
  const value = given[field.name];
  if (field.type === "checkbox") field.checked = value === field.value;
  else if (value === undefined || field.type === "hidden") return;
  else if (field.type === "radio") field.checked = value === field.value || (field.checked && !radioHas(field, value));
  else if (!field.options || [...field.options].some((option) => option.value === value)) field.value = value;
}

/** @param {HTMLInputElement} radio @param {string} value @returns {boolean} whether one of its group has the value */
const radioHas = ({ form, name }, value) =>
  [.../** @type {any} */ (form?.elements ?? [])].some((other) => other.name === name && other.value === value);

/** @param {HTMLElement} field that must be seen: what is folded around it opens */
function unfold(field) {
  const folded = field.closest("details");
  if (folded) folded.open = true;
}

/**
 * Import Lead, as soon as there is an e-mail address to write to, where the form has data-klarna-lead: by one key
 * for all tabs, so that they make one lead. The attribute may name a checkbox (`data-klarna-lead="#newsletter"`) that
 * has to be ticked. The order goes on whatever the lead is answered.
 */
class Lead {
  /** @type {Promise<unknown> | undefined} while it is on its way */
  #sending;
  #of = "";

  /** @param {HTMLFormElement} form @param {Options & { name: string, path: string }} at */
  constructor(form, at) {
    this.form = form;
    this.at = at;
  }

  /** The lead's ref makes lead and order one; without it they are still only one order. */
  settled() {
    return this.#sending && Promise.race([this.#sending, sleep(1500)]);
  }

  get #wanted() {
    const box = this.form.dataset.klarnaLead;
    if (box === undefined || !globalThis.isSecureContext || this.#sending) return false;
    return !box || /** @type {HTMLInputElement | null} */ (document.querySelector(box))?.checked === true;
  }

  async send() {
    const { at, form } = this;
    const fields = collect(form);
    const { firstName, lastName, emailAddress } = fields;
    const of = JSON.stringify([firstName, lastName, emailAddress]);
    if (!this.#wanted || this.#of === of || !firstName || !lastName || !emailAddress) return;
    if (form.querySelector("[name=emailAddress]:invalid")) return;
    this.#of = of;
    const { who } = await printsOf(fields);
    const last = lastAttempt(at.name);
    if (last?.paid ? performance.timeOrigin < last.at : last?.key && last.who === who) return;
    const open = last && !last.paid && (last.who ?? who) === who ? last : null;
    const key = open?.lead ?? newKey();
    shared.set(`at:${at.name}`, { ...open, lead: key, who, at: Date.now() });
    const body = { ...visit(), ...fields, ...(open?.ref && { ref: open.ref }) };
    this.#sending = call(at, at.path.replace("order/import", "leads/import"), body, { key, keepalive: true }).then(
      ({ ref }) => {
        this.#sending = undefined;
        const now = lastAttempt(at.name);
        // An order that went ahead without it has a purchase of its own.
        if (ref && now?.lead === key) shared.set(`at:${at.name}`, { ...now, ref });
      },
    );
  }
}

// ------------------------------------------------------------------ pages that show a status

/** An element with data-klarna-status: it shows what has become of ?ref=. */
class StatusPage {
  ref = query("ref");
  /** @type {Words} the lander's */
  own = {};

  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.at = { base: baseOf(place), heard: (/** @type {Answer} */ answer) => this.hear(answer) };
  }

  async start() {
    const { place, ref } = this;
    if (!ref) return this.reveal("none");
    for (const link of place.querySelectorAll("[data-klarna-again]")) link.addEventListener("click", () => this.ask());
    this.own = (await Promise.race([ownWords(place), sleep(2000)])) ?? {};
    for (const part of place.querySelectorAll("[data-klarna-declined]"))
      part.toggleAttribute("hidden", query("klarna") !== "declined");
    const [open] = attempts().flatMap(([, attempt]) => (attempt?.ref === ref ? waysOf(attempt) : []));
    for (const link of place.querySelectorAll("a[data-klarna-resume]"))
      if (open) Object.assign(link, { href: open.url, hidden: false });
    await this.ask();
  }

  async ask() {
    const { at, place, ref } = this;
    const { code, message } = await status(ref, at);
    if (code === "late") this.reveal(code, message?.reason);
    if (code !== "paid" || !place.hasAttribute("data-klarna-confirm") || shared.get(`confirmed:${ref}`)) return;
    // The end of the funnel; the relay sends it on once, whichever of the order's refs it is asked with.
    shared.set(`confirmed:${ref}`, Date.now());
    call(at, "/api/order/confirm/", { ref }, { keepalive: true });
  }

  /** @param {Answer} answer */
  hear({ code, message }) {
    const elsewhere = this.place.dataset.klarnaElse;
    if (elsewhere && /^(pending|unknown|declined|retry)$/.test(code))
      return location.replace(withRef(elsewhere, this.ref));
    if (code === "paid") this.receipt(message ?? {});
    // The relay knows more than the code says: whether Klarna or the shop is waited for.
    const { reason = "", text = "" } = Object(message);
    if (text)
      for (const spot of this.place.querySelectorAll("[data-klarna-text]"))
        spot.textContent = this.own[reason || code] ?? text;
    this.reveal(code, reason);
  }

  /** @param {any} message of a paid status */
  receipt(message) {
    const { place } = this;
    const { currency, orderNumber = "" } = message;
    const total = amount(message.total);
    const lines = linesOf(message);
    for (const list of place.querySelectorAll("[data-klarna-items]")) showLines(list, lines, currency);
    put(place, "total", money(total, currency));
    this.row("number", String(orderNumber));
    const sum = lines.reduce((all, { qty, price }) => all + qty * price, 0);
    let rest = cents(total - sum);
    for (const [name, sign] of /** @type {[string, number][]} */ ([
      ["shipping", 1],
      ["tax", 1],
      ["discount", -1],
    ])) {
      const part = sign * Math.abs(amount(message[name] ?? 0) || 0);
      rest = cents(rest - part);
      this.row(name, part ? money(part, currency) : "");
    }
    // The part of the total that the CRM names no reason for, so that the rows add up.
    this.row("rest", rest ? money(rest, currency) : "");
  }

  /**
   * Fills a part of the receipt, and shows it when there is something to show.
   * @param {string} name
   * @param {string} text
   */
  row(name, text) {
    put(this.place, name, text);
    for (const spot of this.place.querySelectorAll(`[data-klarna-${name}]`))
      (spot.closest("[data-klarna-row]") ?? spot).toggleAttribute("hidden", !text);
  }

  /**
   * Shows what the page has to say to a reason, else to the code; what it has no words for leaves it as it is.
   * @param {string} code @param {string} [reason]
   */
  reveal(code, reason = "") {
    const parts = [...this.place.querySelectorAll("[data-klarna-when]")];
    const about = (/** @type {string} */ what) =>
      parts.filter((part) => String(part.getAttribute("data-klarna-when")).split(" ").includes(what));
    const meant = [about(reason || code), about(code)].find((some) => some.length > 0);
    this.place.dataset.klarnaState = code;
    if (meant) for (const part of parts) part.toggleAttribute("hidden", !meant.includes(part));
  }
}

// ------------------------------------------------------------------ start

async function start() {
  // A script that is async or put in later may run before the page is there.
  if (document.readyState === "loading")
    await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
  visit();
  for (const form of document.querySelectorAll("form[data-klarna]")) attach(/** @type {HTMLFormElement} */ (form));
  for (const place of document.querySelectorAll("[data-klarna-status]"))
    new StatusPage(/** @type {HTMLElement} */ (place)).start();
  for (const link of document.querySelectorAll("a[data-klarna-ref]")) {
    // Beside what became of an upsale, the way on is that of its order.
    const ref = link.closest("[data-klarna-status]") ? orderOf(query("ref")) : query("ref");
    link.setAttribute("href", withRef(String(link.getAttribute("href")), ref));
  }
  showPrices();
  const page = document.querySelector("[data-klarna-click]");
  if (!page) return;
  await loaded();
  (globalThis.requestIdleCallback ?? setTimeout)(() =>
    click({ base: baseOf(page) }, String(page.getAttribute("data-klarna-click"))),
  );
}

if (window.top !== window && (query("ref") || query("klarna"))) {
  // Klarna was shown in a frame, and the way back ended in it: out. Where that is refused, the page works in the
  // frame.
  try {
    /** @type {Window} */ (window.top).location.href = location.href;
  } catch {}
  setTimeout(start, 3000);
} else start();
