// The landers: from www/ or from an origin, streamed, with the security headers
// they lack.

/** The browser module. */
const BUILT = /^https?:\/\/[^/?#]+\/build\//;

/** Build output whose name holds a hash of its content. */
const HASHED = /^https?:\/\/[^/?#]+\/build\/[^?#]*-[0-9a-f]{8,64}\.[a-z]+(?:[?#]|$)/;

/**
 * Request headers by which a client could tell the origin another address, host, path or method than its own. A
 * name with an underscore is the same name as one with a dash to a server that keeps headers in environment
 * variables.
 */
const CLAIMS = new RegExp(`^(?:${[
  ".*_.*", "forwarded", "x-forwarded(?:-.*)?", "(?:x-|true-|x-cluster-)?client-ip",
  "x-(?:real|remote|originating)-(?:ip|addr)", "x-original-.*", "x-rewrite-.*", "x-host", "x-http-.*",
  "x-method-override", "x-url-scheme", "front-end-https", "proxy",
].join("|")})$`);

/** Strict-Transport-Security as RFC 6797 has it, without what a browser would ignore the whole header for. */
const HSTS = /^\s*max-age=("?)(\d{1,15})\1(?:\s*;\s*(?:includeSubDomains|preload))*\s*;?\s*$/i;

/** Statuses by which Cloudflare says that it did not reach the origin. */
const UNREACHED = new Set([521, 522, 523, 524, 525, 526, 530]);

/** Pages of www/. */
export async function assets(request, env, decision) {
  const page = await env.ASSETS.fetch(request);
  const response = new Response(page.body, page);
  if (page.status === 405) response.headers.set("Allow", "GET, HEAD");
  if (BUILT.test(request.url)) {
    // The order check is for pages on other origins too; there is nothing in it but code.
    response.headers.set("Access-Control-Allow-Origin", "*");
    if (HASHED.test(request.url) && (page.status === 200 || page.status === 304)) {
      response.headers.set("Cache-Control", "public, max-age=31536000, immutable");
    }
  }
  return dress(response, decision);
}

/**
 * Landers that are hosted elsewhere. @param {() => string[]} words of a page that cannot be shown: language,
 * heading, advice
 */
export async function origin(request, decision, words) {
  const url = new URL(request.url);
  const home = new URL(decision.origin);
  const target = decision.origin + request.url.slice(request.url.indexOf("/", url.protocol.length + 2));
  const headers = new Headers(request.headers);
  for (const name of request.headers.keys()) {
    if (CLAIMS.test(name)) headers.delete(name);
  }
  headers.set("X-Forwarded-For", request.headers.get("CF-Connecting-IP") ?? "");
  headers.set("X-Forwarded-Proto", url.protocol.slice(0, -1));
  headers.set("X-Forwarded-Host", url.host);
  let { body } = request;
  // fetch refuses a body here. One has no meaning in such a request (RFC 9110, section 9.3.1).
  if (request.method === "GET" || request.method === "HEAD") {
    body = null;
    headers.delete("Content-Length");
  }
  let page;
  try {
    page = await fetch(new Request(target, { method: request.method, headers, body, redirect: "manual" }));
  } catch (error) {
    console.error(JSON.stringify({ level: "error", event: "origin_unreachable",
      what: `${error.name}: ${error.message}` }));
    return unreachable(request, decision, words);
  }
  if (UNREACHED.has(page.status)) return unreachable(request, decision, words);
  if (page.webSocket) return page;
  if (page.status < 200 || page.status > 599) { // no Response can be made of these
    console.error(JSON.stringify({ level: "error", event: "origin_status",
      what: `the origin answered with status ${page.status}` }));
    return unreachable(request, decision, words);
  }
  const response = new Response(page.body, page);
  for (const name of ["Location", "Content-Location"]) {
    const value = page.headers.get(name);
    if (value !== null) response.headers.set(name, moved(value, home, url));
  }
  const cookies = page.headers.getSetCookie();
  if (cookies.length > 0) {
    response.headers.delete("Set-Cookie");
    for (const cookie of cookies) response.headers.append("Set-Cookie", rehosted(cookie, home, url));
  }
  return dress(response, decision);
}

/** An address of the origin's, as the shopper must see it. */
function moved(value, home, url) {
  const [absolute] = /^(?:https?:)?\/\/[^/?#]+/i.exec(value) ?? [];
  // Compared as URLs, since a port may be named that goes without saying.
  if (!absolute || !URL.canParse(absolute, home) || new URL(absolute, home).host !== home.host) return value;
  return url.origin + value.slice(absolute.length);
}

/** A cookie for the origin's own domain becomes one for the host that set it. */
function rehosted(cookie, home, url) {
  return cookie.replace(/;\s*Domain\s*=\s*\.?([^;]*)/i, (all, domain) => {
    const name = domain.trim().toLowerCase();
    const within = (hostname) => hostname === name || hostname.endsWith(`.${name}`);
    return within(home.hostname) && !within(url.hostname) ? "" : all;
  });
}

function unreachable(request, decision, words) {
  const [lang, heading, advice] = words();
  const text = `<!doctype html><html lang="${lang}"><title>${heading}</title>`
    + `<h1>${heading}</h1><p>${advice}</p></html>`;
  return dress(new Response(request.method === "HEAD" ? null : text, {
    status: 502,
    headers: { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Retry-After": "60" },
  }), decision);
}

/** Adds the headers of the gate's table that an answer lacks, or has in a weaker form. */
export function dress(response, decision) {
  for (const [name, value] of decision.headers) {
    const own = response.headers.get(name);
    if (own === null || !asStrong(name, own, value)) response.headers.set(name, value);
  }
  return response;
}

/** Whether a page's own header protects as well as the gate's. */
function asStrong(name, own, ours) {
  switch (name) {
    case "X-Content-Type-Options": return own === ours;
    case "Strict-Transport-Security": return Number(HSTS.exec(own)?.[2] ?? 0) > Number(HSTS.exec(ours)[2]);
    case "Content-Security-Policy": return /[^\s;,]/.test(own);
  }
  return true;
}
