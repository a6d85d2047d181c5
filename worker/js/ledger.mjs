// The Durable Object that keeps one versioned record. It decides nothing about orders: it compares a version, stores a
// text, wakes Go when the time has come, and counts how often Konnektive may be asked about the record. One object
// keeps no record, but the counts of outcomes.mjs.

import { DurableObject } from "cloudflare:workers";
import { instance } from "./instance.mjs";
import { flush } from "./outcomes.mjs";

/** How long after an alarm that did not finish its work the next one comes, in ms. */
const AGAIN = 10 * 60_000;

/**
 * Questions to Konnektive about one record: so many at once, and one more each second, no matter who asks. As
 * ledger.Burst in Go.
 */
const BURST = 3;

export class Ledger extends DurableObject {
  // In memory only. An object that has been idle for long enough to be evicted would have its whole allowance back
  // anyway.
  #allowance = BURST;
  #counted = Date.now();

  /**
   * "allowed NUL version NUL data". Reading an object that nobody wrote stores nothing.
   * @param {number} questions how many questions to Konnektive to take allowance for
   */
  read(questions) {
    return `${this.#take(questions)}\0${this.#current()}`;
  }

  /** @returns {number} for how many questions there is allowance, which is taken */
  #take(questions) {
    const now = Date.now();
    this.#allowance = Math.min(BURST, this.#allowance + (now - this.#counted) / 1000);
    this.#counted = now;
    const taken = Math.min(questions, Math.floor(this.#allowance));
    this.#allowance -= taken;
    return taken;
  }

  /** "version NUL data" */
  #current() {
    const { version, data } = this.#record();
    return `${version}\0${data}`;
  }

  /**
   * Stores data as version + 1 if the stored version is `version`.
   * @param {number} version
   * @param {string} data
   * @param {number} alarm when to wake Go, in ms since 1970; 0: not before it expires
   * @param {number} expires when to forget the record
   */
  async write(version, data, alarm, expires) {
    if (this.#record().version !== version) return { won: false, current: this.#current() };
    // No await between the comparison and the end of the writes: nothing comes between.
    this.ctx.storage.kv.put("record", { version: version + 1, data, expires });
    await this.ctx.storage.setAlarm(alarm > 0 ? Math.min(alarm, expires) : expires);
    return { won: true, current: this.#current() };
  }

  async alarm() {
    const { version, expires } = this.#record();
    if (Date.now() >= expires) {
      await this.ctx.storage.deleteAll();
      return;
    }
    // Set before Go runs, so that the alarm comes again even when Go or this isolate fails.
    await this.ctx.storage.setAlarm(Math.min(Date.now() + AGAIN, expires));
    try {
      await instance(this.env).alarm(`${this.ctx.id}\0${this.read(1)}`);
    } catch (error) {
      console.error(JSON.stringify({ level: "error", event: "alarm_failed", what: String(error) }));
      return;
    } finally {
      await flush(this.env); // this isolate may never get a request, which would flush it
    }
    // Go has written the record, and with it the next alarm; or there is nothing left to look for.
    if (this.#record().version === version) await this.ctx.storage.setAlarm(expires);
  }

  /** Adds counts to the book of this object, which is that of the outcomes. @param {[string, number][]} counts */
  async count(counts) {
    const minute = Math.floor(Date.now() / 60_000);
    this.ctx.storage.kv.put("counts", [...this.#counts(), [minute, counts]]);
    await this.ctx.storage.setAlarm(Date.now() + 60 * 60_000); // when nothing more comes, all of it is forgotten
  }

  /** The counts of the last quarter of an hour, a line each: name, tab, count. */
  counted() {
    return this.#counts().flatMap(([, counts]) => counts).map(([name, n]) => `${name}\t${n}`).join("\n");
  }

  #counts() {
    const since = Math.floor(Date.now() / 60_000) - 15;
    return (this.ctx.storage.kv.get("counts") ?? []).filter(([minute]) => minute > since);
  }

  #record() {
    return this.ctx.storage.kv.get("record") ?? { version: 0, data: "", expires: 0 };
  }
}
