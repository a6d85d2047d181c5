// The floor of the comparison: the relay's usual way through an order, written
// by hand in JavaScript, as fast as plain JavaScript reasonably is. It is no
// product: it knows one shop and leaves out upsales, returns, repeats that are
// in doubt, pages for people, error texts and configuration checks.
//
// What it does of an order is what the relay does of one: the decision about
// https and route, origin, rate limit, the body within its limit, the table of
// parameters, card numbers, the order's rules, the idempotency key, a record
// that is compared and set three times, the note which purchase holds the
// order in the CRM, the lead, the import, what the answers mean, the envelope,
// the same headers, the log line.

import { keepInObjects, ledgerOf, LIMIT } from "../memory.mjs";

export { Ledger } from "./ledger.mjs";

const PAGE_HEADERS = [
  ["Content-Security-Policy", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    + "img-src 'self' data: https:; connect-src 'self'; form-action 'self' https:; base-uri 'none'; "
    + "object-src 'none'; frame-ancestors 'none'"],
  ["Strict-Transport-Security", "max-age=31536000"],
  ["X-Content-Type-Options", "nosniff"],
  ["Referrer-Policy", "strict-origin-when-cross-origin"],
  ["Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), payment=()"],
  ["Cross-Origin-Opener-Policy", "same-origin"],
];
const API_HEADERS = [
  ["Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"],
  ...PAGE_HEADERS.slice(1),
  ["Cache-Control", "no-store"],
];

const BODY_LIMIT = 64 << 10;
const ANSWER_LIMIT = 1 << 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

const MEANINGS = {
  redirect: [200, "MERC_REDIRECT"], redirect_invalid: [502, "ERROR"], pending: [202, "PENDING"],
  unknown: [202, "PENDING"], declined: [402, "ERROR"], invalid: [422, "ERROR"], misconfigured: [503, "ERROR"],
  product_refused: [422, "ERROR"],
  country_refused: [422, "ERROR"], card_data: [422, "ERROR"], upstream_unreachable: [503, "ERROR"],
  in_progress: [409, "ERROR"], key_reused: [422, "ERROR"], origin_refused: [403, "ERROR"],
  too_large: [413, "ERROR"], unsupported_type: [415, "ERROR"],
  malformed: [400, "ERROR"], rate_limited: [429, "ERROR"], not_found: [404, "ERROR"],
  method_not_allowed: [405, "ERROR"], internal: [500, "ERROR"],
};

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.protocol !== "https:") {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return dress(new Response(null, { status: 403 }), API_HEADERS);
      }
      const headers = { Location: `https${request.url.slice(4)}` };
      return dress(new Response(null, { status: 301, headers }), API_HEADERS);
    }
    if (url.pathname.startsWith("/api/")) {
      const work = api(request, url, env);
      ctx.waitUntil(work);
      return work;
    }
    if (url.pathname === "/__bench/objects") {
      keepInObjects();
      return new Response();
    }
    const page = await env.ASSETS.fetch(request);
    return dress(new Response(page.body, page), PAGE_HEADERS);
  },
};

function dress(response, headers) {
  for (const [name, value] of headers) if (!response.headers.has(name)) response.headers.set(name, value);
  return response;
}

async function api(request, url, env) {
  const began = Date.now();
  const work = {
    env, url, request, upstream: 0, calls: 0, kind: "", ref: "", dropped: [],
    id: request.headers.get("CF-Ray") ?? crypto.randomUUID(),
    address: request.headers.get("CF-Connecting-IP") ?? "127.0.0.1",
    userAgent: (request.headers.get("User-Agent") ?? "").slice(0, 300),
  };
  let answer;
  try {
    answer = await answerTo(work);
  } catch {
    answer = { code: "internal" };
  }
  const [status, result] = MEANINGS[answer.code];
  const total = Date.now() - began;
  const response = new Response(JSON.stringify({
    result, code: answer.code, ref: work.ref || undefined, message: answer.message ?? answer.code,
  }), {
    status,
    headers: {
      "Content-Type": "application/json", "Cache-Control": "no-store", "X-Request-Id": work.id,
      "Server-Timing": `crm;dur=${work.upstream}, edge;dur=${total - work.upstream}`,
    },
  });
  console.log(JSON.stringify({
    time: new Date(began).toISOString(), requestId: work.id, lander: url.hostname, route: "order", status,
    code: answer.code, konnektive: work.kind, calls: work.calls, upstreamMs: work.upstream, totalMs: total,
    ref: work.ref.slice(0, 8), droppedFields: work.dropped.length ? work.dropped : undefined,
  }));
  return dress(response, API_HEADERS);
}

async function answerTo(work) {
  const { request, url, env } = work;
  if (url.pathname !== "/api/order/import/" && url.pathname !== "/api/order/import") return { code: "not_found" };
  if (request.method !== "POST") return { code: "method_not_allowed" };
  const shop = env.LANDERS[url.hostname] ?? env.LANDERS["*"];
  const origin = request.headers.get("Origin");
  if (origin !== null ? origin.toLowerCase() !== url.origin && !shop.allowedOrigins.includes(origin)
    : !["same-origin", null].includes(request.headers.get("Sec-Fetch-Site"))) return { code: "origin_refused" };
  if (!(await LIMIT.limit({ key: `order ${work.address}` })).success) return { code: "rate_limited" };

  const fields = await read(request);
  if (typeof fields === "string") return { code: fields };
  const page = admit(fields, work, shop);
  if (page.code) return page;
  const order = check(page.fields, shop);
  if (order.code) return order;

  const key = request.headers.get("Idempotency-Key");
  if (key !== null && !/^[!-~]{8,128}$/.test(key)) {
    return { code: "invalid", message: { "Idempotency-Key": "8 to 128 visible characters" } };
  }
  const digest = await sha256(canonical(order.fields));
  const LEDGER = ledgerOf(env);
  work.ref = LEDGER.idFromName(`key\n${url.hostname}\n${key ?? `${work.address}${digest}`}`).toString();
  const stub = LEDGER.get(LEDGER.idFromString(work.ref));
  const record = { v: 1, kind: "order", lander: url.hostname, created: Date.now(),
    attempts: [{ keys: [await sha256(key ?? digest)], digest, state: "open", begun: Date.now() }] };
  const attempt = record.attempts[0];
  const expires = record.created + 72 * 3600e3;
  let { won, current } = await stub.write(0, JSON.stringify(record), 0, expires);
  if (!won) {
    const there = JSON.parse(current.slice(current.indexOf("\0") + 1)).attempts[0];
    if (there.digest !== digest) return { code: "key_reused" };
    return there.state === "answered" ? { code: there.code, message: { url: there.url } } : { code: "in_progress" };
  }

  const params = { ...order.fields, campaignId: shop.campaignId, ipAddress: work.address, userAgent: work.userAgent };
  const lead = await call(work, "/leads/import/", params);
  const orderId = String(lead.message?.orderId ?? "");
  if (lead.result !== "SUCCESS" || !/^[0-9A-Za-z]{1,32}$/.test(orderId)) return { code: "upstream_unreachable" };

  const deadline = Date.now() + Number(env.KONNEKTIVE_TIMEOUT_MS);
  Object.assign(attempt, { state: "sent", sent: Date.now(), deadline });
  record.orderIds = [orderId];
  const holder = JSON.stringify({ v: 1, kind: "hold", lander: url.hostname, created: attempt.sent, target: work.ref });
  const holding = LEDGER.get(LEDGER.idFromName(`order\n${orderId}`)).write(0, holder, 0, expires);
  ({ won } = await stub.write(1, JSON.stringify(record), attempt.sent + 60e3, expires));
  const held = await holding;
  if (!won || !held.won) return { code: "in_progress" };
  const reply = await call(work, "/order/import/", {
    ...params, orderId, paySource: "PREPAID", prepaidType: "KLARNA", forceMerchantId: shop.forceMerchantId,
    redirectsTo: `${url.origin}/api/klarna/return/${work.ref}`,
    errorRedirectsTo: `${url.origin}/api/klarna/failed/${work.ref}`,
    salesUrl: url.origin + shop.pages.checkout,
  });
  const answer = classify(reply);
  Object.assign(attempt, { state: "answered", answered: Date.now(), code: answer.code, url: answer.message?.url });
  ({ won } = await stub.write(2, JSON.stringify(record), attempt.sent + 60e3, expires));
  return won ? answer : { code: "unknown" };
}

/** The body as fields, or the code of what is wrong with it. */
async function read(request) {
  const [type, charset = ""] = (request.headers.get("Content-Type") ?? "").toLowerCase().split(";");
  if (charset.includes("charset") && !/utf-?8/.test(charset)) return "unsupported_type";
  if (Number(request.headers.get("Content-Length") ?? BODY_LIMIT + 1) > BODY_LIMIT) return "too_large";
  let text;
  try {
    text = decoder.decode(await request.arrayBuffer());
    const fields = {};
    switch (type.trim()) {
      case "application/x-www-form-urlencoded":
        if (/%(?![0-9a-fA-F]{2})/.test(text)) return "malformed";
        for (const [name, value] of new URLSearchParams(text)) {
          if (Object.hasOwn(fields, name)) return "malformed";
          fields[name] = value;
        }
        return fields;
      case "application/json":
        for (const [name, value] of Object.entries(JSON.parse(text))) {
          if (typeof value === "string" || typeof value === "number") fields[name] = String(value);
          else if (value !== null) return "malformed";
        }
        return fields;
    }
  } catch {
    return "malformed";
  }
  return "unsupported_type";
}

const PAGE = new Set(("firstName lastName companyName emailAddress phoneNumber address1 address2 city state postalCode "
  + "country billShipSame shipFirstName shipLastName shipCompanyName shipAddress1 shipAddress2 shipCity shipState "
  + "shipPostalCode shipCountry couponCode shipProfileId "
  + "sessionId affId httpReferer requestUri pageType ref cf-turnstile-response "
  + [1, 2, 3, 4, 5].map((n) => `sourceValue${n} custom${n}`).join(" ")).split(" "));
const LINES = /^(?:product[1-9]\d?_(?:id|qty)|variant[1-9]\d?_id)$/;
const OWN = new Set(("loginId password campaignId paySource prepaidType forceMerchantId redirectsTo "
  + "errorRedirectsTo salesUrl ipAddress userAgent orderId customerId").split(" "));
const NEVER = /^(?:product\d+_|variant\d+_|salesTax|taxExemption|insureShipment|forceQA|[sS]kipQA|disableCustomerDedup|preAuth|eci$|xid$|cavv$|rebill_|iban$|ddibc$|accountHolder$|(?:ach|paypal|payPal|applePay|googlePay|wallet|threeDS|threeds|3ds|3DS|3D|directDebit)(?![a-z]))/;
const CARD_NAME = /card_?-?(?:num|sec|cv|exp|month|year|pin|track)|creditcard|debitcard|nameoncard|cardholder|cvv|securitycode|(?:^|[^a-z])cc[-_]?(?:num|exp|cv|month|year|csc|sec|no$)|^(?:card(?:no|code|cid)?|cvc2?|cvn2?|cvd|csc|pan|exp(?:iry|iration)?_?-?(?:date|month|year)?)$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function admit(fields, work, shop) {
  const own = {
    campaignId: String(shop.campaignId), paySource: "PREPAID", prepaidType: "KLARNA",
    forceMerchantId: String(shop.forceMerchantId),
    ipAddress: work.address, userAgent: work.userAgent, salesUrl: work.url.origin + shop.pages.checkout,
  };
  const page = {}, problems = {};
  let code = "";
  for (const name in fields) {
    const value = fields[name];
    if (CARD_NAME.test(name) || (name !== "phoneNumber" && hasCard(value))) {
      code = "card_data";
      problems[name] = "no card data here";
    } else if (PAGE.has(name) || LINES.test(name)) {
      if (CONTROL.test(value)) problems[name] = "characters that do not belong here";
      else page[name] = value;
    } else if (OWN.has(name) || NEVER.test(name)) {
      if (value.trim() !== "" && value.trim() !== own[name]) problems[name] = "not to be set by a page";
    } else if (work.dropped.length < 10) work.dropped.push(/^[A-Za-z]\w{0,39}$/.test(name) ? name : "?");
  }
  for (const _ in problems) return { code: code || "invalid", message: problems };
  return { fields: page };
}

const NETWORK = /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|(?:6011|64[4-9]|65)\d{12,15}|3(?:0[0-5]|095|[689])\d{11,16}|35(?:2[89]|[3-8])\d{12,15}|(?:62|81)\d{14,17}|(?:5018|50[23]8|5020|5893|6304|6759|676[123])\d{8,15}|220[0-4]\d{12,15}|5067\d{12}|508\d{13}|60[78]\d{13}|9792\d{12}|637[56]\d{12})$/;

function hasCard(value) {
  if (value.length < 12 || !/\d(?:[ -]?\d){11}/.test(value)) return false;
  for (const [run] of value.matchAll(/(?<![A-Za-z_\d])\d(?:[ \u00a0-]*\d){11,18}(?![A-Za-z_\d])/g)) {
    const digits = run.replace(/\D/g, "");
    if (!NETWORK.test(digits)) continue;
    let sum = 0;
    for (let i = digits.length - 1, twice = false; i >= 0; i--, twice = !twice) {
      let d = digits.charCodeAt(i) - 48;
      if (twice) d = d > 4 ? 2 * d - 9 : 2 * d;
      sum += d;
    }
    if (sum % 10 === 0) return true;
  }
  return false;
}

// Calling code, trunk prefix, least and most digits, postal code.
const COUNTRIES = {
  AT: ["43", "0", 4, 13, /^[1-9]\d{3}$/], AU: ["61", "0", 9, 9, /^\d{4}$/],
  BE: ["32", "0", 8, 9, /^[1-9]\d{3}$/], CA: ["1", "1", 10, 10, /^[A-Z]\d[A-Z]\d[A-Z]\d$/],
  CH: ["41", "0", 9, 9, /^[1-9]\d{3}$/], CZ: ["420", "", 9, 9, /^\d{5}$/], DE: ["49", "0", 5, 11, /^\d{5}$/],
  DK: ["45", "", 8, 8, /^\d{4}$/],
  ES: ["34", "", 9, 9, /^\d{5}$/], FI: ["358", "0", 5, 12, /^\d{5}$/], FR: ["33", "0", 9, 9, /^\d{5}$/],
  GB: ["44", "0", 9, 10, /^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$/],
  GR: ["30", "", 10, 10, /^\d{5}$/], HU: ["36", "06", 8, 9, /^[1-9]\d{3}$/],
  IE: ["353", "0", 7, 10, /^[A-Z]\d[\dA-Z]{5}$/],
  IT: ["39", "", 6, 11, /^\d{5}$/],
  MX: ["52", "01", 10, 10, /^\d{5}$/], NL: ["31", "0", 9, 9, /^[1-9]\d{3}[A-Z]{2}$/], NO: ["47", "", 8, 8, /^\d{4}$/],
  NZ: ["64", "0", 8, 10, /^\d{4}$/],
  PL: ["48", "", 9, 9, /^\d{5}$/], PT: ["351", "", 9, 9, /^\d{7}$/], RO: ["40", "0", 9, 9, /^\d{6}$/],
  SE: ["46", "0", 7, 10, /^\d{5}$/], US: ["1", "1", 10, 10, /^\d{5}(?:\d{4})?$/],
};
const EMAIL = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[\p{L}\d](?:[\p{L}\d-]{0,61}[\p{L}\d])?\.)+[\p{L}][\p{L}\d-]{1,62}$/u;
const NAME = /^(?=.*\p{L})[\p{L}\p{M}\d '\-.,&()’‘ʼ´`‐‑–·・ªº]+$/u;
const LINE = /^(?=.*[\p{L}\d])[^<>\p{So}\p{Co}]+$/u;
const LIMITS = {
  firstName: 30, lastName: 30, companyName: 30, emailAddress: 255, address1: 50, address2: 50, city: 30, state: 6,
  postalCode: 20, couponCode: 30,
  shipProfileId: 10, sessionId: 32, affId: 20, httpReferer: 300,
};

function check(page, shop) {
  const out = {}, problems = {};
  let code = "invalid";
  const get = (name) => (page[name] ?? "")
    .replace(/[\u00ad\u200b\u200e\u200f\u2060\ufeff]/g, "").replace(/\s+/g, " ").trim();
  const take = (name, pattern, required) => {
    const value = get(name);
    if (value === "") {
      if (required) problems[name] = "required";
    } else if (value.length > 1 && [...value].length > (LIMITS[name] ?? 50)) problems[name] = "too long";
    else if (pattern.test(value)) out[name] = value;
    else problems[name] = "not valid";
  };
  take("firstName", NAME, true);
  take("lastName", NAME, true);
  take("emailAddress", EMAIL, true);
  take("companyName", LINE, false);
  const place = (prefix) => {
    const named = (name) => (prefix ? prefix + name[0].toUpperCase() + name.slice(1) : name);
    let country = get(named("country")).toUpperCase();
    if (country === "UK") country = "GB";
    const rule = COUNTRIES[country];
    if (!rule || (shop.countries && !shop.countries.includes(country))) {
      problems[named("country")] = "no Klarna there";
      code = "country_refused";
      return;
    }
    out[named("country")] = country;
    take(named("address1"), LINE, true);
    take(named("address2"), LINE, false);
    take(named("city"), LINE, true);
    take(named("state"), LINE, country === "US" || country === "CA" || country === "AU");
    const postal = get(named("postalCode")).toUpperCase().replace(/[ .-]/g, "");
    if (rule[4].test(postal)) out[named("postalCode")] = postal;
    else problems[named("postalCode")] = "no postal code of the country";
  };
  place("");
  if (/^(?:0|false|no|off)$/i.test(get("billShipSame"))) {
    take("shipFirstName", NAME, true);
    take("shipLastName", NAME, true);
    place("ship");
  } else out.billShipSame = "1";
  const phone = e164(get("phoneNumber"), COUNTRIES[out.country]);
  if (phone) out.phoneNumber = phone;
  else problems.phoneNumber = "no phone number of the country";

  const lines = [];
  const pieces = {};
  for (let n = 1; n <= 99; n++) {
    const id = page[`product${n}_id`]?.trim();
    if (!id) continue;
    const quantity = Number(page[`product${n}_qty`]?.trim() || "1"), variant = page[`variant${n}_id`]?.trim() ?? "";
    pieces[id] = (pieces[id] ?? 0) + quantity;
    if (!shop.products.includes(Number(id)) || pieces[id] > shop.maxQuantity) {
      problems[`product${n}_id`] = "not sold here";
      code = "product_refused";
    } else if (!Number.isInteger(quantity) || quantity < 1 || (variant && !/^\d{1,10}$/.test(variant))) {
      problems[`product${n}_qty`] = "not valid";
    }
    else {
      const same = lines.find((line) => line.id === id && line.variant === variant);
      if (same) same.quantity += quantity;
      else lines.push({ id, quantity, variant });
    }
  }
  if (lines.length === 0 || lines.length > 20) problems.product1_id = "one product at least";
  lines.forEach((line, i) => {
    out[`product${i + 1}_id`] = line.id;
    out[`product${i + 1}_qty`] = String(line.quantity);
    if (line.variant) out[`variant${i + 1}_id`] = line.variant;
  });
  take("couponCode", LINE, false);
  take("shipProfileId", /^\d+$/, false);
  for (const name of ["sessionId", "affId", "sourceValue1", "sourceValue2", "sourceValue3", "sourceValue4",
    "sourceValue5", "custom1", "custom2", "custom3", "custom4", "custom5", "httpReferer"]) {
    let value = get(name);
    if (value === "") continue;
    if (name === "httpReferer" && !/^(?:https?|android-app):\/\/\S+$/i.test(value)) continue;
    const most = LIMITS[name] ?? (name[0] === "s" ? 30 : 50);
    if (value.length > most) {
      if (name === "sessionId" || name === "affId") continue;
      value = [...value].slice(0, most).join("").replace(/%.?$/, "");
    }
    if (!value.includes("<")) out[name] = value;
  }
  for (const name in out) if (name !== "phoneNumber" && hasCard(out[name])) {
    problems[name] = "no card data here";
    code = "card_data";
  }
  for (const _ in problems) return { code, message: problems };
  return { fields: out };
}

function e164(text, rule) {
  if (!rule || !/^[+\d(][\d ()./-]*$/.test(text)) return "";
  let digits = text.replace(/\D/g, "");
  if (digits.startsWith("00")) digits = digits.slice(2);
  else if (text[0] !== "+") {
    if (rule[1] && digits.startsWith(rule[1])) digits = digits.slice(rule[1].length);
    digits = rule[0] + digits;
  }
  if (digits.startsWith(rule[0])) {
    let rest = digits.slice(rule[0].length);
    if (rule[1] && rest.startsWith(rule[1])) rest = rest.slice(rule[1].length);
    if (rest.length < rule[2] || rest.length > rule[3]) return "";
    digits = rule[0] + rest;
  }
  return digits.length >= 8 && digits.length <= 15 ? `+${digits}` : "";
}

/** What makes two orders the same. */
function canonical(order) {
  let text = "";
  for (const name of Object.keys(order).sort()) {
    if (/^(?:sessionId|affId|sourceValue|custom|httpReferer)/.test(name)) continue;
    text += `${name}=${order[name].length}:${order[name]}\n`;
  }
  return text;
}

async function sha256(text) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))).subarray(0, 16).toHex();
}

/** One call to Konnektive. The result is DOUBT when it cannot be known what the call did. */
async function call(work, path, params) {
  const { env } = work;
  const form = new URLSearchParams();
  for (const name in params) if (params[name] !== "") form.append(name, params[name]);
  form.append("loginId", env.KONNEKTIVE_LOGIN_ID);
  form.append("password", env.KONNEKTIVE_PASSWORD);
  const began = Date.now();
  let reply = { result: "DOUBT" };
  try {
    const answer = await fetch(env.KONNEKTIVE_URL + path, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      redirect: "manual",
      signal: AbortSignal.timeout(Number(env.KONNEKTIVE_TIMEOUT_MS)),
    });
    const length = Number(answer.headers.get("Content-Length") ?? 0);
    if (answer.status >= 200 && answer.status < 500 && length <= ANSWER_LIMIT) {
      reply = JSON.parse(await answer.text());
    }
  } catch {
    // The result stays DOUBT.
  }
  work.upstream += Date.now() - began;
  work.calls++;
  work.kind = reply.result;
  return reply;
}

function classify({ result, message }) {
  switch (result) {
    case "MERC_REDIRECT": {
      if (typeof message?.url !== "string") return { code: "redirect_invalid" };
      const target = URL.parse(message.url);
      if (target?.protocol !== "https:" || target.username || target.password) return { code: "redirect_invalid" };
      return { code: "redirect", message: { url: message.url } };
    }
    case "SUCCESS": return { code: "pending" };
    case "ERROR": return { code: typeof message === "object" ? "invalid" : "declined", message };
  }
  return { code: "unknown" };
}
