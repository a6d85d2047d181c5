// Reads bodies up to the number of bytes that the relay uses.

const NOTHING = new Uint8Array(0);

/** What nearly every order and every answer of Konnektive fits into. */
const USUAL = 16 << 10;

/**
 * At most `limit` bytes of a body.
 *
 * A body whose length is announced is read in one call, unless it is compressed, since it is longer than announced
 * once it is decompressed. The others are read in large pieces: each piece of a stream costs as much as parsing an
 * order.
 * @param {Request|Response} message
 * @param {number} limit
 * @returns {Promise<Uint8Array>}
 */
export async function atMost(message, limit) {
  if (!message.body) return NOTHING;
  const said = message.headers.get("Content-Length");
  if (said !== null && Number(said) <= limit && !message.headers.has("Content-Encoding")) {
    return new Uint8Array(await message.arrayBuffer());
  }
  const reader = message.body.getReader({ mode: "byob" });
  let whole = NOTHING;
  for (let size = Math.min(USUAL, limit); size > 0; size = Math.min(whole.length, limit - whole.length)) {
    const { value } = await reader.readAtLeast(size, new Uint8Array(size));
    const part = value ?? NOTHING;
    if (whole.length === 0) whole = part;
    else {
      const longer = new Uint8Array(whole.length + part.length);
      longer.set(whole);
      longer.set(part, whole.length);
      whole = longer;
    }
    if (part.length < size) return whole; // that was its end
  }
  reader.cancel().catch(() => {}); // the rest is not read
  return whole;
}
