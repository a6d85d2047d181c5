// @ts-check
/**
 * klarna.js: Klarna orders from a landing page, through the relay's /api. One file without dependencies, to be copied:
 *
 *     <script type="module" src="/klarna.js"></script>
 *     <form data-klarna action="/api/order/import/" method="post">…Konnektive's own field names… <button>Pay with Klarna</button></form>
 *
 * Landers with code of their own call order(), status() and attach(). worker/docs/klarna-js.md has whole pages, all attributes and the event.
 *
 * @typedef {{ code: string, http?: number, after?: number, ref?: string, message?: any }} Answer  `code` is the relay's word, or one of
 *   this module's: offline, network (no answer came), late (nothing final in the time given), insecure (the page is on http)
 *
 * @typedef {object} Options
 * @property {string} [base]    origin of the relay; "" is the page's own
 * @property {string} [path]    default "/api/order/import/"
 * @property {string} [name]    of the purchase, where a site has several checkouts; default "order"
 * @property {string} [lang]    of the texts; default the page's
 * @property {string} [next]    page after a paid order; order() goes there when given
 * @property {string} [thanks]  page that follows an order's fate; order() goes there when given
 * @property {boolean} [stay]   true: order() leaves the page to nobody
 * @property {number} [limit]   milliseconds after which status() gives up, default 10 minutes; 0: it asks once
 * @property {(answer: Answer) => void} [heard]  told each answer of the status, and `checking` before order() asks for it
 * @property {() => Promise<string>} [token]  a fresh Turnstile token for every request
 *
 * @typedef {{ key?: string, print?: string, cart?: string, sent?: string, ref?: string, url?: string, answered?: boolean, over?: boolean,
 *   paid?: boolean, lead?: string, at: number }} Attempt  as remembered across reloads, tabs and Klarna: nothing personal in it
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
const OVER = /^(declined|retry|invalid|product_refused|country_refused|card_data|key_reused|ref_unknown)$/;

/** @param {number} ms */
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const pageLang = () => document.documentElement.lang.slice(0, 2) || "en";
const query = (/** @type {string} */ name) => new URLSearchParams(location.search).get(name) ?? "";

/** @param {string} page @param {string} [ref] */
function withRef(page, ref) {
  const url = new URL(page, location.href);
  if (ref) url.searchParams.set("ref", ref);
  return url.href;
}

/** A storage that forgets with the page where the browser's is blocked or full. @param {"sessionStorage" | "localStorage"} area */
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
const attempts = () => shared.keys().flatMap((key) => (key.startsWith("klarna:at:") ? [[key.slice(10), shared.get(key.slice(7))]] : []));

/** @param {string} name @returns {Attempt | null} */
function lastAttempt(name) {
  const last = shared.get(`at:${name}`);
  return last && Date.now() - last.at < DAY ? last : null;
}

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
      headers: { Accept: "application/json", "Accept-Language": at.lang ?? pageLang(), ...(key && { "Idempotency-Key": key }) },
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

/** @param {unknown} url only https, or a loopback host in development */
function isSafe(url) {
  try {
    const { protocol, hostname } = new URL(String(url));
    return protocol === "https:" || (protocol === "http:" && /^(localhost|127\..*|\[::1\])$/.test(hostname));
  } catch {
    return false;
  }
}

/** Where the shopper came from: affId and c1..c5 of the landing URL, kept for the visit. @returns {Record<string, string>} */
function visit() {
  const known = tab.get("visit");
  /** @type {Record<string, string>} */
  const found = {};
  for (const name of ["affId", "c1", "c2", "c3", "c4", "c5"]) if (query(name)) found[name.replace(/^c/, "sourceValue")] = query(name);
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

/** @param {HTMLFormElement | Record<string, string>} source @returns {Record<string, string>} what is meant by it: trimmed, without what is empty */
function collect(source) {
  const given = source instanceof HTMLFormElement ? new FormData(source) : Object.entries(source);
  const fields = Object.fromEntries([...given].map(([name, value]) => [name, String(value ?? "").trim()]).filter(([, value]) => value));
  delete fields["cf-turnstile-response"];
  if (fields.billShipSame === "1") for (const name in fields) if (/^ship(?!ProfileId)/.test(name)) delete fields[name];
  return fields;
}

/** What is remembered of an order in place of its data. @param {Record<string, string>} fields @param {RegExp} [only] */
async function fingerprint(fields, only = /./) {
  const what = Object.entries(fields).filter(([name]) => name !== "ref" && !TRACKING.test(name) && only.test(name)).sort();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(what)));
  return String(new Uint8Array(hash));
}

/** One tab at a time: what the other tab learns (its ref, its url) is known before this one sends. @template T
 * @param {string} name @param {() => Promise<T>} work @returns {Promise<T>} */
const alone = (name, work) => (navigator.locks ? navigator.locks.request(`klarna:${name}`, work) : work());

/**
 * Sends an order and sees it through: the same attempt is repeated, with its key, until there is an answer that counts; a changed
 * order, or one that was declined, gets a new key on the same purchase. A double click, a reload, a second tab and a bad network make
 * one order. After `redirect` it goes to Klarna.
 * @param {HTMLFormElement | Record<string, string>} source a form, or fields by Konnektive's names
 * @param {Options} [options] @returns {Promise<Answer>} the answer that counts; never throws
 */
export async function order(source, options = {}) {
  const at = { path: "/api/order/import/", name: "order", ...(source instanceof HTMLFormElement && optionsOf(source)), ...options };
  if (!globalThis.isSecureContext || !crypto.randomUUID) return { code: "insecure" };
  const fields = collect(source);
  // An upsale is a purchase of its own: one for each order and product.
  const name = at.path.includes("upsale") ? `${at.name}/${fields.ref}/${fields.product1_id}` : at.name;
  const answer = await alone(name, () => seeThrough(at, name, fields));
  const to = destination(at, answer, fields.ref);
  if (to && !at.stay) leave(to);
  return answer;
}

/** @param {Options} at @param {Answer} answer @param {string} [orderRef] where the answer leads @returns {string} "" when nowhere */
function destination({ next, thanks }, { code, ref, message }, orderRef) {
  if (code === "redirect") return isSafe(message?.url) ? message.url : "";
  if (code === "paid" && next) return withRef(next, ref);
  if (/^(paid|pending)$/.test(code) && thanks) return withRef(thanks, ref);
  // Nothing to buy any more: on with the order itself.
  return /^(already_taken|order_not_paid)$/.test(code) && thanks ? withRef(thanks, orderRef) : "";
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
  const extra = { ...visit() };
  let last = lastAttempt(name);

  // Paid in another tab while this page was open: not a second order, but a late click on the first.
  if (last?.paid && last.cart === cart && performance.timeOrigin < last.at) return { code: "paid", ref: last.ref };
  if (last?.paid) last = null;

  // A changed order while it is not known whether the first one arrived: ask for that one again, so that both are one purchase.
  if (last?.key && last.print !== print && !last.answered && !last.ref) {
    const sent = tab.get(`sent:${name}`);
    if (sent?.key === last.key) {
      const answer = await send(at, name, last, sent.fields, extra);
      if (!last.answered) return answer;
    }
  }

  /** @param {Attempt | null} [before] @returns {Attempt} a new attempt, of the same purchase when there is one */
  const begin = (before) => ({ key: crypto.randomUUID(), print, cart, sent: before?.ref, ref: before?.ref, at: Date.now() });
  let attempt = last?.key && last.print === print && !last.over ? last : begin(last);
  const until = Date.now() + 18e4;
  let token = await at.token?.();
  let renewed = false;
  for (let tries = 1; ; tries++) {
    const answer = await send(at, name, attempt, fields, extra, token);
    const { code, message, after = 2 } = answer;
    let pause = 0;
    if (code === "in_progress") pause = after;
    if (/^(network|internal)$/.test(code) && tries < 4) pause = 2 ** (tries - 1);
    if (code === "upstream_unreachable" && tries < 3) pause = Math.min(after, 10);
    if (pause && Date.now() < until) {
      await sleep(pause * 1000);
      if (code === "upstream_unreachable") token = await at.token?.(); // the first one has been used up
      continue;
    }
    // A value of the landing URL must not cost the sale.
    const named = /^(invalid|card_data)$/.test(code) ? Object.keys(Object(message)) : [];
    const ours = named.length > 0 && named.every((field) => field in extra && !(field in fields));
    for (const field of named) if (ours) delete extra[field];
    if (ours || (!renewed && /^(retry|key_reused|ref_unknown)$/.test(code))) {
      renewed ||= !ours;
      attempt = begin(code === "ref_unknown" ? null : attempt);
      token = await at.token?.();
      continue;
    }
    if (code !== "unknown" || !answer.ref) return answer;
    at.heard?.({ code: "checking" });
    const truth = await status(answer.ref, { ...at, limit: at.limit ?? 18e4 });
    return truth.code === "late" ? answer : truth;
  }
}

/**
 * Remembers the attempt, then sends it, then remembers the answer.
 * @param {Options} at @param {string} name @param {Attempt} attempt
 * @param {Record<string, string>} fields @param {Record<string, string>} extra @param {string} [token] @returns {Promise<Answer>}
 */
async function send(at, name, attempt, fields, extra, token) {
  shared.set(`at:${name}`, attempt);
  tab.set(`sent:${name}`, { key: attempt.key, fields });
  const body = { ...extra, ...(attempt.sent && { ref: attempt.sent }), ...fields, ...(token && { "cf-turnstile-response": token }) };
  const answer = await call(at, String(at.path), body, { key: attempt.key });
  const { code, ref } = answer;
  if (!/^(network|offline|internal|in_progress)$/.test(code)) {
    attempt.answered = true;
    tab.set(`sent:${name}`);
  }
  if (ref) attempt.ref = ref;
  if (code === "ref_unknown") attempt.ref = undefined;
  if (code === "redirect") attempt.url = answer.message?.url;
  attempt.over = OVER.test(code);
  shared.set(`at:${name}`, attempt);
  if (ref) settle(ref, code);
  return answer;
}

/** What is known of a purchase now, for the attempts that are about it. @param {string} ref @param {string} code */
function settle(ref, code) {
  for (const [name, attempt] of attempts()) {
    if (attempt?.ref !== ref || attempt.paid) continue;
    if (OVER.test(code)) shared.set(`at:${name}`, { ...attempt, over: true });
    if (code !== "paid") continue;
    shared.set(`at:${name}`, { ref, cart: attempt.cart, paid: true, at: Date.now() });
    // The shopper's details have served their purpose.
    tab.set(`values:${name.split("/")[0]}`);
    tab.set(`sent:${name}`);
  }
}

/**
 * Asks what became of a purchase, with growing pauses, until it is final: paid, declined, retry or ref_unknown (`late` when the time is
 * up). Tells the page once when it is paid (`klarna:paid`).
 * @param {string} ref @param {Options} [options] @returns {Promise<Answer>} never throws
 */
export async function status(ref, options = {}) {
  const { limit = 6e5 } = options;
  const end = Date.now() + limit;
  for (let pause = 1500; ; pause = Math.min(pause * 1.6, 3e4)) {
    const answer = await call(options, `/api/order/status/${encodeURIComponent(ref)}`, null);
    options.heard?.(answer);
    if (/^(paid|declined|retry|ref_unknown)$/.test(answer.code)) {
      settle(ref, answer.code);
      if (answer.code === "paid") announce(ref, answer);
      return answer;
    }
    if (Date.now() + pause > end) return limit ? { ...answer, code: "late" } : answer;
    await sleep(Math.max(pause, (answer.after ?? 0) * 1000));
    // A page that nobody looks at does not ask.
    if (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
  }
}

/** @returns {Promise<unknown>} when the page is there, scripts that listen included */
const loaded = async () => document.readyState === "complete" || new Promise((done) => addEventListener("load", done, { once: true }));

/** Tells the page, once for all tabs. @param {string} ref @param {Answer} answer */
async function announce(ref, answer) {
  await loaded();
  await alone(`paid:${ref}`, async () => {
    if (shared.get(`paid:${ref}`)) return;
    const { total, currency, items = [] } = Object(answer.message);
    // An upsale's answer holds its whole order: what was told of that before is not told again.
    const [upsale = ""] = attempts().find(([name, attempt]) => attempt?.ref === ref && name.includes("/")) ?? [];
    const told = shared.get(`paid:${upsale.split("/")[1]}`) ?? { total: 0, items: [] };
    shared.set(`paid:${ref}`, { total: Number(total), items: items.map((/** @type {any} */ item) => item.name) });
    const detail = {
      ref,
      total: Math.round((total - told.total) * 100) / 100,
      currency,
      items: items.filter((/** @type {any} */ item) => !told.items.includes(item.name)),
    };
    document.dispatchEvent(new CustomEvent("klarna:paid", { detail }));
  });
}

/** @param {Element} element */
const baseOf = (element) => element.closest("[data-klarna-base]")?.getAttribute("data-klarna-base")?.replace(/\/$/, "") ?? "";

/** @param {HTMLFormElement} form what its attributes say */
function optionsOf(form) {
  const { origin, pathname } = new URL(form.getAttribute("action") || "/api/order/import/", location.href);
  return {
    base: baseOf(form) || (origin === location.origin ? "" : origin),
    path: pathname,
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
  /** @type {Record<string, string>} */
  const say = WORDS[/** @type {"en"} */ (at.lang ?? pageLang())] ?? WORDS.en;
  const { name, thanks } = at;
  const upsale = at.path.includes("upsale");
  const button = /** @type {HTMLElement | null} */ (form.querySelector("[type=submit], button:not([type])"));
  let busy = false;
  /** @type {Record<string, string>} by field, as shown */
  let problems = {};
  /** @type {any} see data-klarna-check */
  let rules;
  /** @type {Promise<unknown> | undefined} */
  let lead;
  let leadOf = "";

  form.noValidate = true;
  const refField = form.querySelector("input[name=ref]");
  if (refField instanceof HTMLInputElement) refField.value ||= query("ref");

  const progress = region("status");
  const alarm = region("alert");
  if (form.dataset.turnstileSitekey && !at.token) {
    const widget = import(new URL("turnstile.js", import.meta.url).href).then((module) => module.turnstile(form.dataset.turnstileSitekey, progress));
    at.token = async () => (await widget.catch(() => null))?.() ?? "";
  }
  const typed = upsale ? null : tab.get(`values:${name}`);
  if (typed) {
    for (const element of /** @type {any} */ (form.elements)) {
      if (/^(checkbox|radio)$/.test(element.type)) element.checked = typed[element.name] === element.value;
      else if (element.type !== "hidden" && element.name in typed) element.value = typed[element.name];
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) press();
  });
  form.addEventListener(
    "focusin",
    async () => {
      try {
        const from = form.dataset.klarnaCheck;
        if (from) rules = await (await import(new URL(from, location.href).href)).load();
      } catch {} // blocked, too old, too slow: the relay checks by the same rules
    },
    { once: true },
  );
  form.addEventListener("input", ({ target }) => {
    const { name } = /** @type {HTMLInputElement} */ (target);
    if (!busy) tell("");
    if (problems[name]) inspect([name]);
    save();
  });
  form.addEventListener("change", ({ target }) => {
    const field = /** @type {HTMLInputElement} */ (target);
    const country = collect(form).country ?? "";
    if (field.name === "postalCode") field.value = rules?.postalCode(field.value, country) || field.value;
    if (field.name === "phoneNumber") field.value = rules?.phone(field.value, country) || field.value;
    // The country decides about the postal code and the phone number too.
    if (field.value) inspect(field.name === "country" ? [field.name, ...Object.keys(problems)] : [field.name]);
    save();
    if (!upsale) sendLead();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
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
    const heard = (/** @type {Answer} */ { code }) => {
      if (code !== "checking") return;
      clearTimeout(slow);
      tell(code);
    };
    const answer = await order(form, { ...at, stay: true, heard }).catch(() => ({ code: "other" }));
    clearTimeout(slow);
    react(answer);
  }

  /** @param {Answer} answer */
  function react(answer) {
    const { code, message, after = 60 } = answer;
    const to = destination(at, answer, query("ref"));
    if (to) {
      // Locked until the page is left; only coming back unlocks.
      tell("leaving", code === "redirect" ? { offer: [say.onward, to] } : { text: say.sending });
      leave(to);
    } else if (code === "unknown") {
      // Stays locked: pressing again is exactly what must not happen.
      tell(code, { alert: true, offer: [say.recheck, press] });
    } else if (code === "rate_limited") {
      tell(code, { alert: true, text: say[code].replace("{n}", String(after)) });
      setTimeout(() => {
        lock(false);
        tell("again");
      }, after * 1000);
    } else {
      lock(false);
      if (/^(insecure|https_required)$/.test(code)) insecure();
      else refuse(code, /^(declined|retry|redirect)$/.test(code) ? "" : message);
    }
  }

  /** @param {string} code @param {unknown} message a text, or texts by field */
  function refuse(code, message) {
    const fields = message && typeof message === "object" ? /** @type {Record<string, string>} */ (message) : {};
    const first = show(fields);
    const rest = Object.keys(fields).filter((field) => !elementOf(field)).map((field) => fields[field]);
    const text = say[code] ?? (typeof message === "string" && message ? message : say.other);
    tell(code, { alert: true, text: first ? [say.invalid, ...rest].join(" ") : rest.join(" ") || text });
    (first ?? button)?.focus();
  }

  function insecure() {
    tell("insecure", { alert: true, offer: [say.secure, location.href.replace(/^http:/, "https:")] });
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
      if (last?.key && !last.paid) shared.set(`at:${name}`, { ...last, over: true });
      return tell("declined", { alert: true, found: true });
    }
    if (last?.paid && performance.timeOrigin < last.at) return tell("already_paid", { found: true, offer: [say.see, withRef(thanks, last.ref)] });
    if (!last?.key || last.paid || last.over) return;
    if (last.url && isSafe(last.url)) {
      tell("back", { found, offer: [say.onward, last.url] });
      const { code } = last.ref ? await status(last.ref, { ...at, limit: 0 }) : { code: "" };
      if (busy) return;
      if (code === "paid") location.replace(withRef(at.next ?? thanks, last.ref));
      else if (/^(declined|retry)$/.test(code)) tell(code, { alert: true, found });
    } else if (!last.answered && tab.get(`sent:${name}`)?.key === last.key) tell("sent", { found });
  }

  /** @param {boolean} on */
  function lock(on) {
    busy = on;
    form.setAttribute("aria-busy", String(on));
    button?.setAttribute("aria-disabled", String(on));
  }

  /**
   * @param {string} state "" clears
   * @param {{ text?: string, alert?: boolean, found?: boolean, offer?: [string, string | (() => void)] }} [how]
   *   alert: read out at once; found: the shopper has just come (back) to the page, and has to see it; offer: a link or a button
   */
  function tell(state, { text = say[state], alert = false, found = false, offer } = {}) {
    form.dataset.klarnaState = state;
    progress.textContent = alarm.textContent = "";
    if (!state) return;
    const place = alert ? alarm : progress;
    place.textContent = text;
    if (offer) {
      const [label, to] = offer;
      const way = document.createElement(typeof to === "string" ? "a" : "button");
      Object.assign(way, { textContent: label }, typeof to === "string" ? { href: to, target: "_top" } : { type: "button", onclick: to });
      place.append(" ", way);
    }
    if (found) {
      place.tabIndex = -1;
      place.focus({ preventScroll: true });
    }
    place.scrollIntoView({ block: found ? "center" : "nearest" });
  }

  /** @param {"status" | "alert"} role @returns {HTMLElement} */
  function region(role) {
    const made = /** @type {HTMLElement} */ (form.querySelector(`[role=${role}]`) ?? document.createElement("div"));
    made.setAttribute("role", role);
    if (!made.isConnected) button ? button.before(made) : form.append(made);
    return made;
  }

  /** @param {string} field @returns {HTMLElement | null} what is seen of a field */
  function elementOf(field) {
    return form.querySelector(`[name="${CSS.escape(field)}"]:not([type=hidden])`);
  }

  /** Shows these problems and no others. @param {Record<string, string>} found @returns {HTMLElement | undefined} the first field with one */
  function show(found) {
    problems = found;
    let first;
    for (const element of /** @type {any} */ (form.elements)) {
      if (!element.name || element !== elementOf(element.name)) continue;
      const text = found[element.name] ?? "";
      const id = `klarna-${name}-${element.name}`;
      let note = document.getElementById(id);
      if (!note && text) {
        note = Object.assign(document.createElement("p"), { id, className: "klarna-problem" });
        const field = element.closest("[data-klarna-field]");
        if (field) field.append(note);
        else (element.closest("label") ?? element).after(note);
        element.setAttribute("aria-describedby", `${element.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
      }
      if (note) note.textContent = text;
      if (text) element.setAttribute("aria-invalid", "true");
      else element.removeAttribute("aria-invalid");
      if (text) first ??= element;
    }
    return first;
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
    const now = { ...problems };
    for (const field of fields) now[field] = wrong[field] ?? "";
    show(now);
  }

  // What was typed survives a decline, a reload and the way to Klarna and back; this tab only, and only until it is paid.
  function save() {
    if (!upsale) tab.set(`values:${name}`, Object.fromEntries(new FormData(form)));
  }

  /**
   * Import Lead, as soon as somebody can be written to: by one key for all tabs, so that they make one. Never in the way: whatever it
   * answers, the order goes on.
   */
  function sendLead() {
    const fields = collect(form);
    const { firstName, lastName, emailAddress } = fields;
    const who = JSON.stringify([firstName, lastName, emailAddress]);
    if (!globalThis.isSecureContext || busy || lead || leadOf === who || !firstName || !lastName || !emailAddress) return;
    if (form.querySelector("[name=emailAddress]:invalid")) return;
    const last = lastAttempt(name);
    if (last?.paid ? performance.timeOrigin < last.at : last?.key) return;
    leadOf = who;
    const open = last?.paid ? null : last;
    const key = open?.lead ?? crypto.randomUUID();
    shared.set(`at:${name}`, { ...open, lead: key, at: Date.now() });
    const body = { ...visit(), ...fields, ...(open?.ref && { ref: open.ref }) };
    lead = call(at, at.path.replace("order/import", "leads/import"), body, { key, keepalive: true }).then(({ ref }) => {
      lead = undefined;
      const now = lastAttempt(name);
      // An order that went ahead without it has a purchase of its own.
      if (ref && now?.lead === key) shared.set(`at:${name}`, { ...now, ref });
    });
  }
}

/** @param {HTMLElement} place an element with data-klarna-status */
async function watch(place) {
  const at = { base: baseOf(place), heard };
  const ref = query("ref");
  const elsewhere = place.dataset.klarnaElse;
  if (!ref) return reveal("none");
  for (const link of place.querySelectorAll("[data-klarna-again]")) link.addEventListener("click", ask);
  const open = attempts().find(([, attempt]) => attempt?.ref === ref && isSafe(attempt.url) && !attempt.over && Date.now() - attempt.at < DAY);
  for (const link of place.querySelectorAll("a[data-klarna-resume]")) if (open) Object.assign(link, { href: open[1].url, hidden: false });
  await ask();

  async function ask() {
    const { code } = await status(ref, at);
    if (code === "late") reveal(code);
    if (code !== "paid" || !place.hasAttribute("data-klarna-confirm") || shared.get(`confirmed:${ref}`)) return;
    // The end of the funnel; the relay sends it on once, whichever of the order's refs it is asked with.
    shared.set(`confirmed:${ref}`, Date.now());
    call(at, "/api/order/confirm/", { ref }, { keepalive: true });
  }

  /** @param {Answer} answer */
  function heard({ code, message }) {
    if (elsewhere && /^(pending|unknown|declined|retry)$/.test(code)) return location.replace(withRef(elsewhere, ref));
    const { items = [], total, currency } = Object(message);
    const text = (/** @type {string} */ tag, /** @type {string} */ textContent) => Object.assign(document.createElement(tag), { textContent });
    const money = (/** @type {any} */ amount) => {
      try {
        return new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency }).format(amount);
      } catch {
        return `${amount} ${currency ?? ""}`;
      }
    };
    if (code === "paid") {
      for (const spot of place.querySelectorAll("[data-klarna-total]")) spot.textContent = money(total);
      for (const list of place.querySelectorAll("[data-klarna-items]")) {
        list.replaceChildren();
        for (const { name, qty, price } of items) {
          const line = list.appendChild(document.createElement("li"));
          const what = text("span", `${qty} × `);
          what.append(text("bdi", name)); // it may run from right to left
          line.append(what, " ", text("span", money(price)));
        }
      }
    }
    reveal(code);
  }

  /** Shows what the page has to say to a code; what it has no words for leaves it as it is. @param {string} code */
  function reveal(code) {
    const parts = [...place.querySelectorAll("[data-klarna-when]")];
    const meant = (/** @type {Element} */ part) => String(part.getAttribute("data-klarna-when")).split(" ").includes(code);
    place.dataset.klarnaState = code;
    if (parts.some(meant)) for (const part of parts) part.toggleAttribute("hidden", !meant(part));
  }
}

async function start() {
  visit();
  for (const form of document.querySelectorAll("form[data-klarna]")) attach(/** @type {HTMLFormElement} */ (form));
  for (const place of document.querySelectorAll("[data-klarna-status]")) watch(/** @type {HTMLElement} */ (place));
  for (const link of document.querySelectorAll("a[data-klarna-ref]")) link.setAttribute("href", withRef(String(link.getAttribute("href")), query("ref")));
  const page = document.querySelector("[data-klarna-click]");
  if (!page) return;
  await loaded();
  (globalThis.requestIdleCallback ?? setTimeout)(() => click({ base: baseOf(page) }, String(page.getAttribute("data-klarna-click"))));
}

if (window.top !== window && (query("ref") || query("klarna"))) {
  // Klarna was shown in a frame, and the way back ended in it: out. Where that is refused, the page works in the frame.
  try {
    /** @type {Window} */ (window.top).location.href = location.href;
  } catch {}
  setTimeout(start, 3000);
} else start();
