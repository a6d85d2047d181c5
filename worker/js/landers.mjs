// The landers of landers.toml, as the build leaves them (package landersfile): sorted lines "host TAB name TAB
// table". A host is found by halving, without reading the rest, so that a thousand landers cost a start no more
// than one does.

import lines from "../build/landers.mjs";

/** Is there a file at all? */
export const any = lines.includes("\t");

/**
 * What the file says of a host: "name TAB table" for each of its entries, joined by line breaks. Of the empty host:
 * all hosts.
 * @param {string} host
 */
export function entriesOf(host) {
  if (host === "") return lines.replaceAll(/\t[^\n]*/g, "").trimEnd();
  const found = [];
  for (let at = firstOf(host); at < lines.length; ) {
    const end = lines.indexOf("\n", at);
    if (!lines.startsWith(`${host}\t`, at)) break;
    found.push(lines.slice(at + host.length + 1, end));
    at = end + 1;
  }
  return found.join("\n");
}

/** Where the first line begins whose host does not come before this one. */
function firstOf(host) {
  let low = 0, high = lines.length; // line beginnings
  while (low < high) {
    const at = lines.lastIndexOf("\n", ((low + high) >> 1) - 1) + 1;
    const begin = Math.max(at, low);
    if (lines.slice(begin, lines.indexOf("\t", begin)) < host) low = lines.indexOf("\n", begin) + 1;
    else high = begin;
  }
  return low;
}
