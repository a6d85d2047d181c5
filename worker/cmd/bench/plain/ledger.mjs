// The Durable Object of the comparison: that of worker/js/ledger.mjs, with an alarm that calls nothing.

import { DurableObject } from "cloudflare:workers";

export class Ledger extends DurableObject {
  read() {
    const { version, data } = this.#record();
    return `${version}\0${data}`;
  }

  async write(version, data, alarm, expires) {
    if (this.#record().version !== version) return { won: false, current: this.read() };
    this.ctx.storage.kv.put("record", { version: version + 1, data, expires });
    await this.ctx.storage.setAlarm(alarm > 0 ? Math.min(alarm, expires) : expires);
    return { won: true, current: this.read() };
  }

  async alarm() {
    await this.ctx.storage.setAlarm(this.#record().expires);
  }

  #record() {
    return this.ctx.storage.kv.get("record") ?? { version: 0, data: "", expires: 0 };
  }
}
