// Numbers for what only has to differ from one deployment to the other: the seeds of Go's maps. Whatever must be
// unguessable comes from crypto.getRandomValues, which a Worker may not call before its first request.

/**
 * Fills bytes from a text (cyrb128, then sfc32: https://github.com/bryc/code/blob/master/jshash/PRNGs.md). A
 * stranger who does not know the secrets in the text does not know the bytes.
 * @param {string} text
 * @returns {(out: Uint8Array) => void}
 */
export function seeded(text) {
  let a = 1779033703, b = 3144134277, c = 1013904242, d = 2773480762;
  const mix = (code) => {
    a = b ^ Math.imul(a ^ code, 597399067);
    b = c ^ Math.imul(b ^ code, 2869860233);
    c = d ^ Math.imul(c ^ code, 951274213);
    d = a ^ Math.imul(d ^ code, 2716044179);
  };
  for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i));
  const next = () => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21 | c >>> 11) + sum) | 0;
    return sum & 0xff;
  };
  for (let i = 0; i < 16; i++) next(); // until every bit of the text has reached every word
  return (out) => {
    for (let i = 0; i < out.length; i++) out[i] = next();
  };
}
