/** Types of klarna.js. worker/docs/klarna-js.md explains them. */

/** The relay's codes. */
export type RelayCode =
  | "redirect"
  | "paid"
  | "pending"
  | "unknown"
  | "retry"
  | "declined"
  | "invalid"
  | "product_refused"
  | "country_refused"
  | "card_data"
  | "already_taken"
  | "order_not_paid"
  | "redirect_invalid"
  | "accepted"
  | "confirmed"
  | "upstream_unreachable"
  | "misconfigured"
  | "in_progress"
  | "key_reused"
  /** The order before this one is paid, and this one has not been placed. */
  | "earlier_paid"
  | "ref_unknown"
  | "rate_limited"
  | "challenge_failed"
  | "https_required"
  | "origin_refused"
  | "unauthorized"
  | "too_large"
  | "unsupported_type"
  | "malformed"
  | "not_found"
  | "method_not_allowed"
  | "internal";

/** Codes of klarna.js itself. */
export type PageCode =
  /** No answer came, and the browser says that it is offline. */
  | "offline"
  /** No answer came. */
  | "network"
  /** status(): nothing final in the time given. */
  | "late"
  /** The page is on http, or the browser has no cryptography. */
  | "insecure";

export type Code = RelayCode | PageCode;

/** What is wrong with a field, for pages with words of their own. */
export interface Problem {
  code: string;
  /** A limit or an example. */
  detail?: string;
}

export interface Item {
  name: string;
  qty: number;
  /** Of one. */
  price: number;
}

export interface Answer {
  code: Code;
  /** The HTTP status; undefined when no answer came. */
  http?: number;
  /** Seconds of Retry-After. */
  after?: number;
  /** Of the purchase. */
  ref?: string;
  /** A text, texts by field (`http` is 422), `{ url }` of a redirect, or what a status says: `{ text, reason }`. */
  // biome-ignore lint/suspicious/noExplicitAny: it depends on the code
  message?: any;
  problems?: Record<string, Problem>;
}

export interface Options {
  /** Origin of the relay; "" is the page's own. */
  base?: string;
  /** Default "/api/order/import/". */
  path?: string;
  /** Of the purchase, where a site has several checkouts; default "order". */
  name?: string;
  /** Of the texts; default the page's. */
  lang?: string;
  /** Page after a paid order. */
  next?: string;
  /** Page that follows what becomes of an order. */
  thanks?: string;
  /** true: order() stays on the page. */
  stay?: boolean;
  /** Milliseconds after which status() gives up, default 10 minutes; 0: it asks once. */
  limit?: number;
  /** Is given each answer of the status. order() also says `elsewhere` and `checking`. */
  heard?: (answer: Omit<Answer, "code"> & { code: Code | "elsewhere" | "checking" }) => void;
  /** A fresh Turnstile token for every request. */
  token?: () => Promise<string>;
}

/** Sends an order, without card fields, and sees it through. It never throws. */
export function order(source: HTMLFormElement | Record<string, string | number>, options?: Options): Promise<Answer>;

/** Asks what became of a purchase until it is final. It never throws. */
export function status(ref: string, options?: Options): Promise<Answer>;

/**
 * Makes a form order. `<form data-klarna>` is attached by itself. A listener of the page stops the order by
 * preventDefault().
 */
export function attach(form: HTMLFormElement, options?: Options): void;

/** Of the event klarna:paid. */
export interface Paid {
  ref: string;
  /** What this purchase added to its order. */
  total: number;
  /** ISO 4217. */
  currency: string;
  items: Item[];
}

declare global {
  interface DocumentEventMap {
    /** A purchase is proven paid. It comes once for each purchase, in one of the tabs. */
    "klarna:paid": CustomEvent<Paid>;
  }
}
