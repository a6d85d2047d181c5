// @ts-check
/**
 * klarna.js: Klarna orders from a landing page, through the relay's /api.
 *
 * One file, no dependencies. Copy it to your lander and load it with
 * <script type="module" src="/klarna.js"></script>.
 *
 * 1. A lander behind the Worker (served by it, or its `origin`): the API is on the same host. No code needed:
 *
 *     <form data-klarna action="/api/order/import/" method="post"
 *           data-klarna-next="/upsell" data-klarna-thanks="/thank-you">
 *       <input name="firstName" autocomplete="given-name" required> …Konnektive's own field names…
 *       <input type="hidden" name="product1_id" value="34"><input type="hidden" name="product1_qty" value="1">
 *       <button>Order and pay with Klarna</button>
 *     </form>
 *
 * 2. A lander on another origin (put that origin into the lander's `allowedOrigins`, and your pages' URLs into `pages`):
 *    the same form with the relay's address. It alone tells the module where the API is.
 *
 *     <html lang="en" data-klarna-base="https://orders.example.com">
 *     <form data-klarna action="https://orders.example.com/api/order/import/" method="post" …>
 *
 * The thank-you page and the upsell page need no code either:
 *
 *     <main data-klarna-status data-klarna-confirm>
 *       <div data-klarna-when="wait pending unknown">We are checking your payment…</div>
 *       <div data-klarna-when="paid" hidden>Thank you! <ul data-klarna-items></ul> <b data-klarna-total></b></div>
 *       <div data-klarna-when="declined retry" hidden>Not paid. <a href="/checkout">Back to the checkout</a></div>
 *     </main>
 *
 *     <form data-klarna action="/api/upsale/import/" method="post" data-klarna-thanks="/thank-you">
 *       <input type="hidden" name="ref"> <input type="hidden" name="product1_id" value="40"> …
 *     </form> <a href="/thank-you" data-klarna-ref>No, thank you</a>
 *
 * By code:
 *
 *     import { order, status, attach } from "/klarna.js";
 *     attach(document.querySelector("form"), { next: "/upsell" });          // a form of your own making
 *     const answer = await order({ firstName: "Ada", … }, { base: "…" });   // goes to Klarna by itself
 *     const truth = await status(ref, { heard: (answer) => … });            // asks until it is final
 *
 * Attributes of the form
 *   data-klarna="name"          name of the purchase, when one site has several checkouts (default "order")
 *   data-klarna-base            origin of the relay, on the form or any element around it (default: the form's action)
 *   data-klarna-next            page after a paid order (default: as thanks); gets ?ref=
 *   data-klarna-thanks          page that follows the order's fate (default "/thank-you"); gets ?ref=
 *   data-klarna-check           address of the relay's browser check (/build/check.js), loaded at the first touch
 *   data-klarna-shop            what it checks against, JSON: {"products":[34],"maxQuantity":10,"countries":["DE"]}
 *   data-turnstile-sitekey      shows Cloudflare's Turnstile before the button
 * Elsewhere
 *   data-klarna-click="checkoutPage"   Import Click with this pageType, once a visit
 *   data-klarna-status                 follows ?ref=; inside: data-klarna-when="codes", -items, -total, -resume, -again
 *     data-klarna-confirm              Confirm Order once it is paid (end of the funnel)
 *     data-klarna-else="/thank-you"    leave for this page when the order is not paid (upsell page)
 *   <a data-klarna-ref>                gets the page's ?ref=
 * The form shows its state as data-klarna-state: sending slow checking leaving back sent, or the code of an answer.
 *
 * Analytics: once per order, and only when the relay has proven the payment, `document` gets
 *   addEventListener("klarna:paid", (event) => event.detail)   // { ref, total, currency, items: [{ name, qty, price }] }
 */

/**
 * An answer of the relay. `code` is the contract's word (redirect, paid, pending, unknown, retry, declined, invalid, …), or one of
 * this module's own: `offline`, `network` (no answer came), `late` (no final answer in the time given), `insecure` (the page is on http).
 * @typedef {{ code: string, http?: number, after?: number, ref?: string, result?: string, message?: any }} Answer
 *
 * @typedef {object} Options
 * @property {string} [base]    origin of the relay; "" is the page's own
 * @property {string} [path]    API path, default "/api/order/import/"
 * @property {string} [name]    name of the purchase, default "order"
 * @property {string} [lang]    language of texts, default that of the page
 * @property {string} [next]    page after a paid order; order() goes there when given
 * @property {string} [thanks]  page for a pending order; order() goes there when given
 * @property {boolean} [stay]   true: order() does not navigate, the caller does
 * @property {number} [limit]   milliseconds after which status() gives up asking, default 10 minutes
 * @property {(answer: Answer) => void} [heard]  told `checking` while it is not known what became of an order, and each answer of the status
 * @property {() => Promise<string>} [token]  gives a fresh Turnstile token for every request
 *
 * One attempt at a purchase, as it is remembered across reloads, tabs and Klarna: no personal data in it.
 * @typedef {{ key?: string, print?: string, cart?: string, sent?: string, ref?: string, url?: string, answered?: boolean, over?: boolean,
 *   paid?: boolean, lead?: string, at: number }} Attempt
 */

// What only this module can say. Everything else the shopper reads stands in the page, or is the relay's own answer in the page's language.
const WORDS = {
  en: {
    sending: "Sending your order …",
    slow: "This takes longer than usual. Please stay on this page, your order is on its way.",
    checking: "We are checking whether your order has arrived. Please do not order or pay again.",
    leaving: "Taking you to Klarna …",
    onward: "Continue to Klarna",
    back: "Your order is waiting at Klarna, and is not paid yet. You can go on where you left off.",
    sent: "This order was already on its way when the page was left. Press the button again: it will be placed only once.",
    invalid: "Please look at the marked fields.",
    declined: "Klarna did not accept this payment. Nothing was charged. Your details are still here: you can try again.",
    retry: "Your order did not get through to Klarna. Nothing was charged. Please try again.",
    unknown: "We could not find out yet whether your order has arrived. Please do not order or pay again: we will send you an e-mail.",
    recheck: "Check again",
    rate_limited: "Too many orders from your connection. You can try again in {n} seconds.",
    again: "You can try again now.",
    offline: "You are offline. Your details are kept: press the button again when you are back.",
    network: "The connection failed. Please press the button again: your order will be placed only once.",
    insecure: "Orders are taken only over a secure connection.",
    secure: "Open the secure page",
    already_paid: "This order is paid already.",
    see: "See the order",
    other: "Something went wrong on our side. Please press the button again: your order will be placed only once.",
  },
  de: {
    sending: "Ihre Bestellung wird gesendet …",
    slow: "Das dauert länger als sonst. Bitte bleiben Sie auf dieser Seite, Ihre Bestellung ist unterwegs.",
    checking: "Wir prüfen, ob Ihre Bestellung angekommen ist. Bitte bestellen oder bezahlen Sie nicht noch einmal.",
    leaving: "Weiter zu Klarna …",
    onward: "Weiter zu Klarna",
    back: "Ihre Bestellung wartet bei Klarna und ist noch nicht bezahlt. Sie können dort weitermachen.",
    sent: "Diese Bestellung war schon unterwegs, als die Seite verlassen wurde. Drücken Sie den Knopf noch einmal: Sie wird nur einmal aufgegeben.",
    invalid: "Bitte sehen Sie sich die markierten Felder an.",
    declined: "Klarna hat diese Zahlung nicht angenommen. Es wurde nichts berechnet. Ihre Angaben sind noch da: Sie können es erneut versuchen.",
    retry: "Ihre Bestellung kam nicht bis zu Klarna durch. Es wurde nichts berechnet. Bitte versuchen Sie es noch einmal.",
    unknown: "Wir konnten noch nicht klären, ob Ihre Bestellung angekommen ist. Bitte bestellen oder bezahlen Sie nicht noch einmal: Sie bekommen eine E-Mail.",
    recheck: "Erneut prüfen",
    rate_limited: "Zu viele Bestellungen von Ihrem Anschluss. In {n} Sekunden können Sie es erneut versuchen.",
    again: "Sie können es jetzt erneut versuchen.",
    offline: "Sie sind offline. Ihre Angaben bleiben erhalten: Drücken Sie den Knopf noch einmal, sobald Sie wieder online sind.",
    network: "Die Verbindung ist abgebrochen. Bitte drücken Sie den Knopf noch einmal: Ihre Bestellung wird nur einmal aufgegeben.",
    insecure: "Bestellungen werden nur über eine sichere Verbindung angenommen.",
    secure: "Sichere Seite öffnen",
    already_paid: "Diese Bestellung ist schon bezahlt.",
    see: "Zur Bestellung",
    other: "Bei uns ist etwas schiefgegangen. Bitte drücken Sie den Knopf noch einmal: Ihre Bestellung wird nur einmal aufgegeben.",
  },
};

const DAY = 864e5; // as long as the relay hands out a url of Klarna's again
// Longer than the relay may take for a lead, an order and a query of 30 seconds each: who gives up earlier only asks again.
const PATIENCE = 1e5;
// What does not make an order another one; the relay compares without these too.
const TRACKING = /^(sessionId|affId|sourceValue\d|custom\d|httpReferer|requestUri|pageType)$/;
// After these the same order needs a new key.
const OVER = "declined retry invalid product_refused country_refused card_data key_reused ref_unknown".split(" ");

/** @param {number} ms */
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const pageLang = () => document.documentElement.lang.slice(0, 2) || "en";
const query = (/** @type {string} */ name) => new URLSearchParams(location.search).get(name) ?? "";
/** @type {(lang?: string) => Record<string, string>} */
const words = (lang = pageLang()) => WORDS[/** @type {"en"} */ (lang)] ?? WORDS.en;

/** @param {string} page @param {string} [ref] */
function withRef(page, ref) {
  const url = new URL(page, location.href);
  if (ref) url.searchParams.set("ref", ref);
  return url.href;
}

// --- memory: sessionStorage for what is personal and this tab's, localStorage for what tabs must share ---------------------

/** @type {Map<string, string>} stands in where storage is blocked or full */
const spare = new Map();

/** @param {"sessionStorage" | "localStorage"} area @param {string} name */
function recall(area, name) {
  let text = spare.get(area + name);
  try {
    text ??= globalThis[area].getItem(`klarna:${name}`) ?? undefined;
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** @param {"sessionStorage" | "localStorage"} area @param {string} name @param {unknown} [value] none: forget it */
function remember(area, name, value) {
  const text = value === undefined ? "" : JSON.stringify(value);
  spare.delete(area + name);
  try {
    if (text) globalThis[area].setItem(`klarna:${name}`, text);
    else globalThis[area].removeItem(`klarna:${name}`);
  } catch {
    spare.set(area + name, text);
  }
}

/** @returns {[string, Attempt][]} the remembered attempts, by name */
function attempts() {
  const names = [...spare.keys()].map((key) => key.replace(/^localStorage/, "klarna:"));
  try {
    names.push(...Object.keys(localStorage));
  } catch {}
  return names
    .filter((name) => name.startsWith("klarna:at:"))
    .map((name) => [name.slice(7), recall("localStorage", name.slice(7))]);
}

/** @param {string} name @returns {Attempt | null} */
function lastAttempt(name) {
  const last = recall("localStorage", `at:${name}`);
  return last && Date.now() - last.at < DAY ? last : null;
}

// --- talking to the relay ---------------------------------------------------------------------------------------------------

/**
 * One request, one answer; never throws.
 * @param {Options} at @param {string} path @param {Record<string, string> | null} fields null: GET
 * @param {{ key?: string, keepalive?: boolean }} [how] @returns {Promise<Answer>}
 */
async function call(at, path, fields, { key, keepalive } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", "Accept-Language": at.lang ?? pageLang() };
  if (key) headers["Idempotency-Key"] = key;
  try {
    const response = await fetch((at.base ?? "") + path, {
      method: fields ? "POST" : "GET",
      body: fields && new URLSearchParams(fields),
      headers,
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

/** @param {unknown} url @returns {url is string} only https, or a loopback host in development */
function isSafe(url) {
  try {
    const { protocol, hostname } = new URL(String(url));
    return protocol === "https:" || (protocol === "http:" && /^(localhost|127\..*|\[::1\])$/.test(hostname));
  } catch {
    return false;
  }
}

// --- where the shopper came from --------------------------------------------------------------------------------------------

/** affId and c1..c5 of the landing URL, kept for the visit. @returns {Record<string, string>} */
function visit() {
  const known = recall("sessionStorage", "visit");
  const params = new URLSearchParams(location.search);
  /** @type {Record<string, string>} */
  const found = {};
  for (const name of ["affId", "c1", "c2", "c3", "c4", "c5"]) {
    const value = params.get(name);
    if (value) found[name.replace(/^c/, "sourceValue")] = value;
  }
  if (known && Object.keys(found).every((name) => known[name] === found[name])) return known;
  const fresh = { ...found, requestUri: location.href, httpReferer: document.referrer };
  remember("sessionStorage", "visit", fresh);
  return fresh;
}

/** The visit as fields of an import, in Konnektive's lengths: a longer ad id must not cost the sale. */
function tracking(seen = visit()) {
  const lengths = { affId: 20, sessionId: 32, httpReferer: 300, requestUri: 500 };
  return clean(
    Object.fromEntries(
      Object.entries(seen).map(([name, value]) => [name, value.replace(/\p{Cc}/gu, "").slice(0, lengths[/** @type {"affId"} */ (name)] ?? 30)]),
    ),
  );
}

/** @param {Record<string, unknown>} fields @returns {Record<string, string>} trimmed, without empty ones */
function clean(fields) {
  /** @type {Record<string, string>} */
  const out = {};
  for (const [name, value] of Object.entries(fields)) {
    const text = String(value ?? "").trim();
    if (text) out[name] = text;
  }
  return out;
}

/** Import Click, once a visit for a type of page. @param {Options} at @param {string} pageType */
async function click(at, pageType) {
  const seen = visit();
  const done = recall("sessionStorage", "clicks") ?? [];
  if (done.includes(pageType)) return;
  remember("sessionStorage", "clicks", [...done, pageType]);
  const here = done.length ? { ...seen, requestUri: location.href, httpReferer: document.referrer } : seen;
  const answer = await call(at, "/api/landers/clicks/import/", { ...tracking(here), pageType }, { keepalive: true });
  const sessionId = answer.message?.sessionId ?? /** @type {any} */ (answer).sessionId;
  if (sessionId) remember("sessionStorage", "visit", { ...visit(), sessionId });
}

// --- ordering ---------------------------------------------------------------------------------------------------------------

/** @param {HTMLFormElement} form @returns {Record<string, string>} what the form says, without what it does not mean */
function collect(form) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields[name] = value;
  delete fields["cf-turnstile-response"];
  if (fields.billShipSame === "1") for (const name in fields) if (/^ship(?!ProfileId)/.test(name)) delete fields[name];
  return clean(fields);
}

/** A fingerprint of an order, so that no personal data is kept. @param {Record<string, string>} fields @param {RegExp} [only] */
async function fingerprint(fields, only = /./) {
  const what = Object.entries(fields).filter(([name]) => name !== "ref" && !TRACKING.test(name) && only.test(name)).sort();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(what)));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One tab at a time: what the other tab learns (its ref, its url) is known before this one sends. @template T
 * @param {string} name @param {() => Promise<T>} work @returns {Promise<T>} */
function alone(name, work) {
  return navigator.locks ? navigator.locks.request(`klarna:${name}`, work) : work();
}

/**
 * Sends an order and sees it through: the same attempt is repeated, with its key, until there is an answer that counts; a changed
 * order, or one that was declined, gets a new key on the same purchase. A double click, a reload, a second tab and a bad
 * network make one order. After `redirect` it goes to Klarna.
 * @param {HTMLFormElement | Record<string, string>} source a form, or fields by Konnektive's names
 * @param {Options} [options]
 * @returns {Promise<Answer>} the answer that counts; never throws
 */
export async function order(source, options = {}) {
  const form = source instanceof HTMLFormElement ? source : null;
  const at = { ...(form ? optionsOf(form) : { path: "/api/order/import/", name: "order" }), ...options };
  if (!globalThis.isSecureContext || !crypto.randomUUID) return { code: "insecure" };
  const fields = form ? collect(form) : clean(/** @type {Record<string, string>} */ (source));
  // An upsale is a purchase of its own: one for each order and product.
  const name = /upsale/.test(String(at.path)) ? `${at.name}/${fields.ref}/${fields.product1_id}` : String(at.name);
  const answer = await alone(name, () => seeThrough(at, name, fields));
  const to = destination(at, answer, fields.ref);
  if (to && !at.stay) leave(to);
  return answer;
}

/** @param {Options} at @param {Answer} answer @param {string} [orderRef] where the answer leads @returns {string} "" when nowhere */
function destination(at, answer, orderRef) {
  if (answer.code === "redirect") return isSafe(answer.message?.url) ? answer.message.url : "";
  if (answer.code === "paid" && (at.next ?? at.thanks)) return withRef(String(at.next ?? at.thanks), answer.ref);
  if (answer.code === "pending" && at.thanks) return withRef(at.thanks, answer.ref);
  // Nothing to buy any more: on with the order itself.
  if (/^(already_taken|order_not_paid)$/.test(answer.code) && at.thanks) return withRef(at.thanks, orderRef);
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
async function seeThrough(at, name, fields) {
  const print = await fingerprint(fields);
  const cart = await fingerprint(fields, /^(product|variant|coupon|email)/);
  let extra = tracking();
  let last = lastAttempt(name);

  // Paid in another tab while this page was open: not a second order, but a late click on the first.
  if (last?.paid && last.cart === cart && performance.timeOrigin < last.at) return { code: "paid", ref: last.ref };
  if (last?.paid) last = null;

  // A changed order while it is not known whether the first one arrived: ask for that one again, so that both are one purchase.
  if (last?.key && last.print !== print && !last.answered && !last.ref) {
    const sent = recall("sessionStorage", `sent:${name}`);
    if (sent?.key === last.key) {
      const answer = await send(at, name, last, sent.fields, extra);
      if (!last.answered) return answer;
    }
  }

  let attempt = last?.key && last.print === print && !last.over ? last : begin(last);
  const until = Date.now() + 18e4;
  let token = await at.token?.();
  let renewed = false;
  for (let tries = 1; ; tries++) {
    const answer = await send(at, name, attempt, fields, extra, token);
    const { code } = answer;
    if (Date.now() < until) {
      if (code === "in_progress") {
        await sleep((answer.after ?? 2) * 1000);
        continue;
      }
      if ((code === "network" || code === "internal") && tries < 4) {
        await sleep(1000 * 2 ** (tries - 1));
        continue;
      }
      if (code === "upstream_unreachable" && tries < 3) {
        await sleep(Math.min(answer.after ?? 2, 10) * 1000);
        // The first one has been used up.
        token = await at.token?.();
        continue;
      }
    }
    if (!renewed && (code === "retry" || code === "key_reused" || code === "ref_unknown")) {
      renewed = true;
      attempt = begin(code === "ref_unknown" ? null : attempt);
      token = await at.token?.();
      continue;
    }
    // A value of the landing URL must not cost the sale.
    const named = code === "invalid" || code === "card_data" ? Object.keys(Object(answer.message)) : [];
    if (named.length && named.every((field) => field in extra && !(field in fields))) {
      extra = Object.fromEntries(Object.entries(extra).filter(([field]) => !named.includes(field)));
      attempt = begin(attempt);
      continue;
    }
    if (code === "unknown" && answer.ref) {
      at.heard?.({ code: "checking" });
      const truth = await status(answer.ref, { ...at, limit: at.limit ?? 18e4 });
      settle(answer.ref, truth.code);
      return truth.code === "late" ? { ...answer, code: "unknown" } : truth;
    }
    return answer;
  }

  /** @param {Attempt | null} [before] @returns {Attempt} a new attempt, of the same purchase when there is one */
  function begin(before) {
    return { key: crypto.randomUUID(), print, cart, sent: before?.ref, ref: before?.ref, at: Date.now() };
  }
}

/**
 * Remembers the attempt, then sends it, then remembers the answer.
 * @param {Options} at @param {string} name @param {Attempt} attempt
 * @param {Record<string, string>} fields @param {Record<string, string>} extra @param {string} [token] @returns {Promise<Answer>}
 */
async function send(at, name, attempt, fields, extra, token) {
  remember("localStorage", `at:${name}`, attempt);
  remember("sessionStorage", `sent:${name}`, { key: attempt.key, fields });
  const body = { ...extra, ...fields };
  if (attempt.sent && !body.ref) body.ref = attempt.sent;
  if (token) body["cf-turnstile-response"] = token;

  const answer = await call(at, String(at.path), body, { key: attempt.key });
  if (!/^(network|offline|internal|in_progress)$/.test(answer.code)) {
    attempt.answered = true;
    remember("sessionStorage", `sent:${name}`);
  }
  if (answer.ref) attempt.ref = answer.ref;
  if (answer.code === "ref_unknown") attempt.ref = undefined;
  if (answer.code === "redirect") attempt.url = answer.message?.url;
  attempt.over = OVER.includes(answer.code);
  remember("localStorage", `at:${name}`, attempt);
  if (answer.code === "paid" && answer.ref) settle(answer.ref, "paid");
  return answer;
}

/** What is known of a purchase now, for the attempts that are about it. @param {string} ref @param {string} code */
function settle(ref, code) {
  for (const [name, attempt] of attempts()) {
    if (attempt?.ref !== ref || attempt.paid) continue;
    if (code === "paid") {
      remember("localStorage", name, { ref, cart: attempt.cart, paid: true, at: Date.now() });
      // The shopper's details have served their purpose.
      const form = name.slice(3).split("/")[0];
      remember("sessionStorage", `values:${form}`);
      remember("sessionStorage", `sent:${name.slice(3)}`);
    } else if (OVER.includes(code)) {
      remember("localStorage", name, { ...attempt, over: true });
    }
  }
}

/**
 * Asks what became of a purchase, with growing pauses, until it is final: paid, declined, retry or ref_unknown (`late` when the
 * time is up). Tells the page once when it is paid (`klarna:paid`).
 * @param {string} ref
 * @param {Options} [options] `heard` is told every answer, `limit: 0` asks once
 * @returns {Promise<Answer>} never throws
 */
export async function status(ref, options = {}) {
  const end = Date.now() + (options.limit ?? 6e5);
  for (let pause = 1500; ; pause = Math.min(pause * 1.6, 3e4)) {
    const answer = await call(options, `/api/order/status/${encodeURIComponent(ref)}`, null);
    options.heard?.(answer);
    if (/^(paid|declined|retry|ref_unknown)$/.test(answer.code)) {
      settle(ref, answer.code);
      if (answer.code === "paid") announce(ref, answer);
      return answer;
    }
    if (Date.now() + pause > end) return options.limit === 0 ? answer : { ...answer, code: "late" };
    await sleep(Math.max(pause, (answer.after ?? 0) * 1000));
    // A page that nobody looks at does not ask.
    if (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
  }
}

/** Tells the page, once for all tabs. @param {string} ref @param {Answer} answer */
async function announce(ref, answer) {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done, { once: true }));
  await alone(`paid:${ref}`, async () => {
    if (recall("localStorage", `paid:${ref}`)) return;
    const { total, currency, items } = Object(answer.message);
    // An upsale's answer holds its whole order: what was told of that before is not told again.
    const [upsale = ""] = attempts().find(([name, attempt]) => attempt?.ref === ref && name.includes("/")) ?? [];
    const told = recall("localStorage", `paid:${upsale.split("/")[1]}`) ?? { total: 0, items: [] };
    const detail = {
      ref,
      total: Math.round((Number(total) - told.total) * 100) / 100,
      currency,
      items: Array.from(items ?? []).filter((item) => !told.items.includes(item.name)),
    };
    remember("localStorage", `paid:${ref}`, { total: Number(total), items: Array.from(items ?? [], (item) => item.name) });
    document.dispatchEvent(new CustomEvent("klarna:paid", { detail }));
  });
}

// --- the form ---------------------------------------------------------------------------------------------------------------

/** @param {Element} element @returns {string} */
const baseOf = (element) => element.closest("[data-klarna-base]")?.getAttribute("data-klarna-base")?.replace(/\/$/, "") ?? "";

/** @param {HTMLFormElement} form @returns {Options} what the form's attributes say */
function optionsOf(form) {
  const action = new URL(form.getAttribute("action") || "/api/order/import/", location.href);
  return {
    base: baseOf(form) || (action.origin === location.origin ? "" : action.origin),
    path: action.pathname,
    name: form.dataset.klarna || "order",
    next: form.dataset.klarnaNext,
    thanks: form.dataset.klarnaThanks ?? "/thank-you",
  };
}

/**
 * Makes a form order: locks it while an order is under way, shows problems at their fields, keeps what was typed until it is paid,
 * checks in the page when the relay's check is given, sends the lead. `<form data-klarna>` is attached by itself.
 * @param {HTMLFormElement} form @param {Options} [options]
 */
export function attach(form, options = {}) {
  const at = { ...optionsOf(form), ...options };
  const say = words(at.lang);
  const name = String(at.name);
  const upsale = /upsale/.test(String(at.path));
  const button = /** @type {HTMLElement | null} */ (form.querySelector("[type=submit], button:not([type])"));
  let busy = false;
  /** @type {string[]} fields with a problem that is shown */
  let shown = [];
  /** @type {null | { check: (fields: object, shop: object, lang: string) => Record<string, string>,
   *   phone: (text: string, country: string) => string, postalCode: (text: string, country: string) => string }} */
  let rules = null;
  /** @type {Promise<unknown> | undefined} */
  let lead;
  let leadOf = "";

  form.noValidate = true;
  remember("sessionStorage", "lang", pageLang());
  const refField = form.querySelector("input[name=ref]");
  if (refField instanceof HTMLInputElement) refField.value ||= query("ref");

  const progress = region("status");
  const problem = region("alert");
  if (form.dataset.turnstileSitekey) at.token ??= turnstile(form.dataset.turnstileSitekey, progress);
  restore();

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) press();
  });
  form.addEventListener("focusin", loadRules, { once: true });
  form.addEventListener("input", (event) => {
    if (!busy) tell("");
    const field = nameOf(event.target);
    if (shown.includes(field)) inspect([field]);
    save();
  });
  form.addEventListener("change", (event) => {
    const field = nameOf(event.target);
    if (event.target instanceof HTMLInputElement) tidy(event.target);
    if (field && event.target instanceof HTMLElement && "value" in event.target && event.target.value) {
      // The country decides about the postal code and the phone number too.
      inspect(field === "country" ? [field, ...shown] : [field]);
    }
    save();
    if (!upsale) sendLead();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    lock(false);
    tell("");
    resume();
  });
  const [arrival] = performance.getEntriesByType("navigation");
  resume(/** @type {PerformanceNavigationTiming} */ (arrival)?.type !== "navigate");

  async function press() {
    lock(true);
    save();
    show({});
    const wrong = verdict();
    if (Object.keys(wrong).length) {
      lock(false);
      return refuse("invalid", wrong);
    }
    tell("sending");
    // The lead's ref makes lead and order one; without it they are still only one order.
    if (lead) await Promise.race([lead, sleep(1500)]);
    const slow = setTimeout(() => tell("slow"), 8000);
    /** @type {Answer} */
    let answer = { code: "other" };
    try {
      answer = await order(form, {
        ...at,
        stay: true,
        heard: ({ code }) => {
          if (code !== "checking") return;
          clearTimeout(slow);
          tell(code);
        },
      });
    } catch {}
    clearTimeout(slow);
    react(answer);
  }

  /** @param {Answer} answer */
  function react(answer) {
    const { code, message } = answer;
    const to = destination(at, answer, query("ref"));
    if (to) {
      // Locked until the page is left; only coming back unlocks.
      tell("leaving", code === "redirect" ? { offer: { text: say.onward, href: to } } : { text: say.sending });
      leave(to);
      return;
    }
    if (code === "unknown") {
      // Stays locked: pressing again is exactly what must not happen.
      tell("unknown", { alert: true, offer: { text: say.recheck, press } });
      return;
    }
    if (code === "rate_limited") {
      const seconds = answer.after ?? 60;
      tell(code, { alert: true, text: say.rate_limited.replace("{n}", String(seconds)) });
      setTimeout(() => {
        lock(false);
        tell("again");
      }, seconds * 1000);
      return;
    }
    lock(false);
    if (code === "insecure" || code === "https_required") return insecure();
    refuse(code, /^(declined|retry|redirect)$/.test(code) ? "" : message);
  }

  /** @param {string} code @param {unknown} message a text, or texts by field */
  function refuse(code, message) {
    const fields = typeof message === "object" && message ? /** @type {Record<string, string>} */ (message) : {};
    const rest = show(fields);
    const text = say[shown.length || rest.length ? "invalid" : code] ?? (typeof message === "string" && message ? message : say.other);
    tell(code, { alert: true, text: shown.length ? [text, ...rest].join(" ") : rest.join(" ") || text });
    const first = shown.map(elementOf).find(Boolean);
    (first ?? button)?.focus();
  }

  function insecure() {
    const secure = new URL(location.href);
    secure.protocol = "https:";
    tell("insecure", { alert: true, offer: { text: say.secure, href: secure.href } });
  }

  // What the shopper finds when coming back: from Klarna, by the back button, by a reload, in another tab.
  async function resume(found = true) {
    if (!globalThis.isSecureContext) return insecure();
    if (upsale) return;
    const last = lastAttempt(name);
    if (query("klarna") === "declined") {
      const here = new URL(location.href);
      here.searchParams.delete("klarna");
      history.replaceState(null, "", here);
      if (last?.key && !last.paid) remember("localStorage", `at:${name}`, { ...last, over: true });
      tell("declined", { alert: true, found: true });
      return;
    }
    if (last?.paid && performance.timeOrigin < last.at) {
      tell("already_paid", { found: true, offer: { text: say.see, href: withRef(String(at.thanks), last.ref) } });
      return;
    }
    if (!last?.key || last.paid || last.over) return;
    if (last.url && isSafe(last.url)) {
      tell("back", { found, offer: { text: say.onward, href: last.url } });
      const truth = last.ref ? await status(last.ref, { ...at, limit: 0 }) : { code: "" };
      if (busy) return;
      if (truth.code === "paid") location.replace(withRef(String(at.next ?? at.thanks), last.ref));
      else if (say[truth.code] && OVER.includes(truth.code)) tell(truth.code, { alert: true, found });
    } else if (!last.answered && recall("sessionStorage", `sent:${name}`)?.key === last.key) {
      tell("sent", { found });
    }
  }

  /** @param {boolean} on */
  function lock(on) {
    busy = on;
    form.setAttribute("aria-busy", String(on));
    button?.setAttribute("aria-disabled", String(on));
  }

  /**
   * @param {string} state "" clears
   * @param {{ text?: string, alert?: boolean, found?: boolean, offer?: { text: string, href?: string, press?: () => void } }} [how]
   *   alert: read out at once; found: the shopper has just come (back) to the page, and has to see it
   */
  function tell(state, { text = say[state], alert = false, found = false, offer } = {}) {
    form.dataset.klarnaState = state;
    for (const place of [progress, problem]) {
      const mine = state !== "" && (place === problem) === alert;
      place.textContent = mine ? text : "";
      if (!mine) continue;
      if (offer) {
        const way = document.createElement(offer.href ? "a" : "button");
        way.textContent = offer.text;
        if (way instanceof HTMLAnchorElement) {
          way.href = String(offer.href);
          way.target = "_top";
        } else {
          way.type = "button";
          way.onclick = () => offer.press?.();
        }
        place.append(" ", way);
      }
      if (found) {
        place.tabIndex = -1;
        place.focus({ preventScroll: true });
      }
      place.scrollIntoView({ block: found ? "center" : "nearest" });
    }
  }

  /** @param {"status" | "alert"} role */
  function region(role) {
    const made = form.querySelector(`[role=${role}]`) ?? document.createElement("div");
    made.setAttribute("role", role);
    if (!made.isConnected) button ? button.before(made) : form.append(made);
    return /** @type {HTMLElement} */ (made);
  }

  /** @param {EventTarget | null} target */
  function nameOf(target) {
    return target instanceof Element ? target.getAttribute("name") ?? "" : "";
  }

  /** @param {string} field @returns {HTMLElement | null} what is seen of a field */
  function elementOf(field) {
    return form.querySelector(`[name="${CSS.escape(field)}"]:not([type=hidden])`);
  }

  /** Shows these problems and no others. @param {Record<string, string>} problems @returns {string[]} those without a field */
  function show(problems) {
    for (const field of shown) mark(field, "");
    const names = [...form.elements].map(nameOf);
    const visible = Object.keys(problems).filter(elementOf);
    shown = visible.sort((a, b) => names.indexOf(a) - names.indexOf(b));
    for (const field of shown) mark(field, problems[field]);
    return Object.keys(problems).filter((field) => !shown.includes(field)).map((field) => problems[field]);
  }

  /** @param {string} field @param {string} text */
  function mark(field, text) {
    const element = elementOf(field);
    if (!element) return;
    const id = `klarna-${name}-${field}`;
    let note = document.getElementById(id);
    if (!note) {
      note = document.createElement("p");
      note.id = id;
      note.className = "klarna-problem";
      const field = element.closest("[data-klarna-field]");
      if (field) field.append(note);
      else (element.closest("label") ?? element).after(note);
    }
    note.textContent = text;
    const others = (element.getAttribute("aria-describedby") ?? "").split(" ").filter((other) => other && other !== id);
    if (text) others.push(id);
    if (others.length) element.setAttribute("aria-describedby", others.join(" "));
    else element.removeAttribute("aria-describedby");
    if (text) element.setAttribute("aria-invalid", "true");
    else element.removeAttribute("aria-invalid");
  }

  async function loadRules() {
    const from = form.dataset.klarnaCheck;
    if (!from) return;
    try {
      rules = await (await import(new URL(from, location.href).href)).load();
    } catch {
      // Blocked, too old, too slow: the relay checks the same rules.
    }
  }

  /** @returns {Record<string, string>} what the page itself finds wrong; nothing when it cannot tell */
  function verdict() {
    try {
      return rules?.check(collect(form), JSON.parse(form.dataset.klarnaShop ?? "{}"), pageLang()) ?? {};
    } catch {
      return {};
    }
  }

  /** Looks at some fields again; what the shopper has not come to yet is left alone. @param {string[]} fields */
  function inspect(fields) {
    const wrong = verdict();
    for (const field of fields) {
      const text = wrong[field] ?? "";
      mark(field, text);
      shown = shown.filter((other) => other !== field);
      if (text) shown.push(field);
    }
  }

  /** @param {HTMLInputElement} input */
  function tidy(input) {
    const country = collect(form).country ?? "";
    if (input.name === "postalCode") input.value = rules?.postalCode(input.value, country) || input.value;
    if (input.name === "phoneNumber") input.value = rules?.phone(input.value, country) || input.value;
  }

  // What was typed survives a decline, a reload and the way to Klarna and back; this tab only, and only until it is paid.
  function save() {
    if (!upsale) remember("sessionStorage", `values:${name}`, Object.fromEntries(/** @type {any} */ (new FormData(form))));
  }

  function restore() {
    const values = upsale ? null : recall("sessionStorage", `values:${name}`);
    if (!values) return;
    for (const element of form.elements) {
      const field = nameOf(element);
      if (element instanceof HTMLInputElement && /^(checkbox|radio)$/.test(element.type)) element.checked = values[field] === element.value;
      else if (element instanceof HTMLInputElement && element.type === "hidden") continue;
      else if (field in values && "value" in element) element.value = values[field];
    }
  }

  /**
   * Import Lead, as soon as somebody can be written to: by one key for all tabs, so that they make one. Never in the way: whatever
   * it answers, the order goes on.
   */
  function sendLead() {
    const fields = collect(form);
    const { firstName, lastName, emailAddress } = fields;
    const who = JSON.stringify([firstName, lastName, emailAddress]);
    const email = form.elements.namedItem("emailAddress");
    const written = email instanceof HTMLInputElement ? email.validity.valid : true;
    if (!globalThis.isSecureContext || busy || lead || leadOf === who || !firstName || !lastName || !emailAddress || !written) return;
    const last = lastAttempt(name);
    if (last?.paid ? performance.timeOrigin < last.at : last?.key) return;
    leadOf = who;
    const open = last?.paid ? null : last;
    const key = open?.lead ?? crypto.randomUUID();
    remember("localStorage", `at:${name}`, { ...open, lead: key, at: Date.now() });
    const path = String(at.path).replace(/order\/import/, "leads/import");
    const body = { ...tracking(), ...fields, ...(open?.ref && { ref: open.ref }) };
    lead = call(at, path, body, { key, keepalive: true }).then(({ ref }) => {
      lead = undefined;
      const now = lastAttempt(name);
      // An order that went ahead without it has a purchase of its own.
      if (ref && now?.lead === key) remember("localStorage", `at:${name}`, { ...now, ref });
    });
  }
}

/**
 * Turnstile before the button; its script is loaded only here.
 * @param {string} sitekey @param {HTMLElement} before
 * @returns {() => Promise<string>} a fresh token, or "" when none came in time
 */
function turnstile(sitekey, before) {
  const place = document.createElement("div");
  before.before(place);
  /** @type {any} */
  let api;
  let id = "";
  let used = false;
  /** @type {(token: string) => void} */
  let give;
  let token = new Promise((done) => (give = done));
  const script = document.createElement("script");
  script.src = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";
  script.onload = () => {
    api = /** @type {any} */ (window).turnstile;
    id = api.render(place, {
      sitekey,
      action: "order",
      language: pageLang(),
      callback: (/** @type {string} */ fresh) => give(fresh),
      "expired-callback": () => {
        token = new Promise((done) => (give = done));
      },
    });
  };
  document.head.append(script);
  return async () => {
    if (used) {
      token = new Promise((done) => (give = done));
      api?.reset(id);
    }
    const fresh = await Promise.race([token, sleep(3e4)]);
    used = Boolean(fresh);
    return String(fresh ?? "");
  };
}

// --- pages that need no code ------------------------------------------------------------------------------------------------

/** @param {HTMLElement} place an element with data-klarna-status */
async function watch(place) {
  const at = { base: baseOf(place) };
  const ref = query("ref");
  const elsewhere = place.dataset.klarnaElse;
  if (!ref) return reveal("none");
  for (const link of place.querySelectorAll("[data-klarna-again]")) link.addEventListener("click", ask);
  for (const link of place.querySelectorAll("a[data-klarna-resume]")) {
    const open = attempts().find(([, attempt]) => attempt?.ref === ref && attempt.url && !attempt.over && Date.now() - attempt.at < DAY);
    if (link instanceof HTMLAnchorElement && open && isSafe(open[1].url)) {
      link.href = String(open[1].url);
      link.hidden = false;
    }
  }
  await ask();

  async function ask() {
    const answer = await status(ref, { ...at, heard });
    if (answer.code === "late") reveal("late");
    if (answer.code === "paid" && place.hasAttribute("data-klarna-confirm")) confirm();
  }

  /** @param {Answer} answer */
  function heard(answer) {
    if (elsewhere && /^(pending|unknown|declined|retry)$/.test(answer.code)) return location.replace(withRef(elsewhere, ref));
    const { items, total, currency } = Object(answer.message);
    if (answer.code === "paid") {
      const money = (/** @type {unknown} */ amount) => {
        try {
          return new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency }).format(Number(amount));
        } catch {
          return `${amount} ${currency ?? ""}`;
        }
      };
      for (const spot of place.querySelectorAll("[data-klarna-total]")) spot.textContent = money(total);
      for (const list of place.querySelectorAll("[data-klarna-items]")) {
        list.replaceChildren(
          ...Array.from(items ?? [], (item) => {
            const line = document.createElement("li");
            const price = document.createElement("span");
            price.textContent = money(item.price);
            line.append(`${item.qty} × ${item.name} `, price);
            return line;
          }),
        );
      }
    }
    reveal(answer.code);
  }

  /** Shows what the page has to say to a code; what it has no words for leaves it as it is. @param {string} code */
  function reveal(code) {
    const parts = [...place.querySelectorAll("[data-klarna-when]")];
    const meant = (/** @type {Element} */ part) => String(part.getAttribute("data-klarna-when")).split(" ").includes(code);
    place.dataset.klarnaState = code;
    if (parts.some(meant)) for (const part of parts) part.toggleAttribute("hidden", !meant(part));
  }

  // At the end of the funnel; the relay sends it on once, whichever of the order's refs it is asked with.
  function confirm() {
    if (recall("localStorage", `confirmed:${ref}`)) return;
    remember("localStorage", `confirmed:${ref}`, Date.now());
    call(at, "/api/order/confirm/", { ref }, { keepalive: true });
  }
}

function start() {
  visit();
  for (const form of document.querySelectorAll("form[data-klarna]")) attach(/** @type {HTMLFormElement} */ (form));
  for (const place of document.querySelectorAll("[data-klarna-status]")) watch(/** @type {HTMLElement} */ (place));
  if (query("ref")) for (const link of document.querySelectorAll("a[data-klarna-ref]")) link.setAttribute("href", withRef(String(link.getAttribute("href")), query("ref")));
  const page = document.querySelector("[data-klarna-click]");
  if (page) whenIdle(() => click({ base: baseOf(page) }, String(page.getAttribute("data-klarna-click"))));
}

/** @param {() => void} work */
function whenIdle(work) {
  const later = () => (globalThis.requestIdleCallback ?? setTimeout)(work);
  if (document.readyState === "complete") later();
  else addEventListener("load", later, { once: true });
}

/** The shopper comes back to the page that the relay knows, and goes on in the language of the checkout. @returns {boolean} gone */
function switchedLanguage() {
  for (const link of document.querySelectorAll("a[hreflang]")) {
    if (!(link instanceof HTMLAnchorElement)) continue;
    link.search = location.search;
    link.addEventListener("click", () => remember("sessionStorage", "lang", link.hreflang));
    if (link.hreflang !== recall("sessionStorage", "lang") || !(query("ref") || query("klarna"))) continue;
    if (link.hreflang === pageLang()) continue;
    location.replace(link.href);
    return true;
  }
  return false;
}

if (window.top !== window && (query("ref") || query("klarna"))) {
  // Klarna was shown in a frame, and the way back ended in it: out. Where that is refused, the page works in the frame.
  try {
    /** @type {Window} */ (window.top).location.href = location.href;
  } catch {}
  setTimeout(start, 3000);
} else if (!switchedLanguage()) start();
