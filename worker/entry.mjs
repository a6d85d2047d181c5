// The Worker. It asks the gate who answers a request and hands it over; it
// decides nothing about orders.

import { atMost } from "./body.mjs";
import { instance } from "./instance.mjs";
import { assets, dress, origin } from "./pages.mjs";

export { Ledger } from "./ledger.mjs";

/** gate.Verdict */
const REFUSE = 0, REDIRECT = 1, ASSETS = 2, ORIGIN = 3, API = 4;

/** What the relay reads of a body, and one byte by which it knows that there was more. */
const BODY_LIMIT = (64 << 10) + 1;

export default {
  async fetch(request, env, ctx) {
    try {
      const { go, decision } = judge(request, env);
      switch (decision.verdict) {
        case ASSETS: return await assets(request, env, decision);
        case ORIGIN: return await origin(request, decision);
        case API: return await relay(go, request, ctx, decision);
        case REDIRECT: return dress(new Response(null, { status: 301, headers: { Location: go.secure(request.url) } }), decision);
        case REFUSE: return dress(envelope(request, 403, "https_required", "This address is for https only."), decision);
      }
      throw new Error(`no such verdict: ${decision.verdict}`);
    } catch (error) {
      return failed(request, error);
    }
  },
};

/** The gate's decision. A dead instance may not be known to be dead; asking a new one harms nobody. */
function judge(request, env) {
  for (let last = false; ; last = true) {
    const go = instance(env);
    try {
      return { go, decision: go.decide(request.method, request.url) };
    } catch (error) {
      if (last) throw error;
    }
  }
}

/** The relay's part, which goes on when the shopper leaves: an order once begun is finished and recorded. */
function relay(go, request, ctx, decision) {
  const work = (async () => {
    try {
      const { status, headers, body } = await go.serve(request, await atMost(request, BODY_LIMIT));
      return new Response(request.method === "HEAD" || body === "" ? null : body, { status, headers: { ...decision.usual, ...headers } });
    } catch (error) {
      return failed(request, error);
    }
  })();
  ctx.waitUntil(work);
  return work;
}

/** A fault of ours: said to the operator in the log, and to nobody else. */
function failed(request, error) {
  const response = envelope(request, 500, "internal", "Something went wrong on our side.");
  console.error(JSON.stringify({ level: "error", event: "internal", requestId: response.headers.get("X-Request-Id"), what: String(error) }));
  return response;
}

/** An answer in Konnektive's envelope, made without Go. */
function envelope(request, status, code, message) {
  return new Response(request.method === "HEAD" ? null : JSON.stringify({ result: "ERROR", code, message }), {
    status,
    headers: {
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": request.headers.get("CF-Ray") ?? crypto.randomUUID(),
    },
  });
}
