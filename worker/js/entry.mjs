// The Worker. It asks the gate who answers a request and hands it over; it
// decides nothing about orders.

import { instance } from "./instance.mjs";
import { flush, note } from "./outcomes.mjs";
import { assets, dress, origin } from "./pages.mjs";

export { Ledger } from "./ledger.mjs";

/** gate.Verdict */
const REFUSE = 0, REDIRECT = 1, ASSETS = 2, ORIGIN = 3, API = 4;

export default {
  async fetch(request, env, ctx) {
    let decision;
    try {
      const judged = judge(request, env, ctx);
      const { go } = judged;
      decision = judged.decision;
      switch (decision.verdict) {
        case ASSETS: return await assets(request, env, decision);
        case ORIGIN: return await origin(request, decision, () => instance(env).unavailable(request));
        case API: return await relay(go, request, env, ctx, decision);
        case REDIRECT: return turnBack(go, request, decision, new Response(null, {
          status: 301, headers: { Location: go.secure(request.url), "X-Request-Id": requestId(request) },
        }));
        case REFUSE: return turnBack(go, request, decision,
          envelope(request, 403, "https_required", "This address is for https only."));
      }
      throw new Error(`no such verdict: ${decision.verdict}`);
    } catch (error) {
      const response = failed(request, error, decision);
      ctx.waitUntil(flush(env));
      return response;
    }
  },

  /** The cron trigger: Go looks at what happened, and tells the webhook. Without one there is nothing to do. */
  async scheduled(_event, env) {
    if (!env.ALERT_URL) return;
    try {
      await instance(env).look();
    } finally {
      await flush(env); // the instance may have died of it
    }
  },
};

/** The gate's decision. An instance may turn out to be dead only now; then a new one is asked. */
function judge(request, env, ctx) {
  for (let last = false; ; last = true) {
    const go = instance(env);
    try {
      return { go, decision: go.decide(request.method, request.url) };
    } catch (error) {
      if (last) throw error;
      ctx.waitUntil(flush(env)); // a page's request flushes nothing else
    }
  }
}

/** Answers a request over plain http here. One that was meant for the relay gets a line in the log. */
function turnBack(go, request, decision, response) {
  go.turnedBack(request, response);
  return dress(response, decision);
}

/** The relay's part, which goes on when the shopper leaves: an order once begun is finished and recorded. */
function relay(go, request, env, ctx, decision) {
  const work = (async () => {
    try {
      const { status, headers, body } = await go.serve(request);
      return new Response(request.method === "HEAD" || body === "" ? null : body,
        { status, headers: { ...decision.usual, ...headers } });
    } catch (error) {
      return failed(request, error, decision);
    }
  })();
  ctx.waitUntil(work.then(() => flush(env)));
  return work;
}

/** The routes of orders, as the counts name them. Go counts what it answers itself. */
const ORDERS = /^\/api\/(order|upsale)\/import\/?$/;

/**
 * The answer to a request that failed by a fault of the Worker's. Only the log names the fault. There is no decision
 * when the gate itself failed.
 */
function failed(request, error, decision) {
  const [, route] = (request.method === "POST" && ORDERS.exec(new URL(request.url).pathname)) || [];
  if (route) note(`${route} internal`);
  const response = envelope(request, 500, "internal", "Something went wrong on our side.");
  console.error(JSON.stringify({ level: "error", event: "internal", requestId: response.headers.get("X-Request-Id"),
    what: String(error) }));
  return decision ? dress(response, decision) : response;
}

/** An answer in Konnektive's envelope, made without Go. */
function envelope(request, status, code, message) {
  return new Response(request.method === "HEAD" ? null : JSON.stringify({ result: "ERROR", code, message }), {
    status,
    headers: {
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": requestId(request),
    },
  });
}

function requestId(request) {
  return request.headers.get("CF-Ray") ?? crypto.randomUUID();
}
