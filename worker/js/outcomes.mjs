// Counts of what happened, kept for a quarter of an hour in a ledger object of their own: it is what the cron
// trigger looks at. Nothing is written without ALERT_URL. An isolate adds what it has counted once a minute, and at
// once what went wrong.

/** Codes of orders that nobody can take, and events of the log: they are reported before the minute is over. */
const BAD = /^event |misconfigured|upstream_unreachable|internal|unknown|redirect_invalid/;

const MINUTE = 60_000, HASTE = 5_000;

const counts = new Map();
let bad = false;
let written = 0; // when

/** @param {string} name "order redirect", "event paid_twice", … */
export function note(name) {
  if (counts.size >= 200 && !counts.has(name)) return;
  counts.set(name, (counts.get(name) ?? 0) + 1);
  bad ||= BAD.test(name);
}

/** An error line of the log is an event. */
export function noteLine(line) {
  if (!line.includes('"level":"error"')) return;
  const [, event] = /"event":"([a-z_]{1,40})"/.exec(line) ?? [];
  if (event) note(`event ${event}`);
}

/** Adds what was counted to the book, when it is time. Belongs under waitUntil. */
export async function flush(env, now = Date.now()) {
  if (!env.ALERT_URL || counts.size === 0 || now - written < (bad ? HASTE : MINUTE)) return;
  await write(env, now);
}

/** The counts of the last quarter of an hour, a line each: name, tab, count. */
export async function read(env) {
  if (counts.size > 0) await write(env, Date.now());
  return book(env).counted();
}

async function write(env, now) {
  const taken = [...counts];
  counts.clear();
  bad = false;
  written = now;
  try {
    await book(env).count(taken);
  } catch (error) {
    for (const [name, n] of taken) counts.set(name, (counts.get(name) ?? 0) + n); // for the next time
    console.error(`outcomes: ${error?.name}: ${error?.message}`);
  }
}

const book = (env) => env.LEDGER.get(env.LEDGER.idFromName("outcomes"));
