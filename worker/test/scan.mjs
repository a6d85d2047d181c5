// Scans a shop with MDN's HTTP Observatory and judges its policies with Google's CSP Evaluator, without leaving
// this machine:
//   node scan.mjs '{"host":"shop.example","tls":"127.0.0.1:1234","plain":"127.0.0.1:1235","policies":["…"]}'
// prints {"grade","score","tests":{name:{pass,result}},"findings":[{policy,severity,type,description}]}.
// The shop's certificate is trusted by NODE_EXTRA_CA_CERTS.

import fs from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { CspEvaluator } from "csp_evaluator/dist/evaluator.js";
import { CspParser } from "csp_evaluator/dist/parser.js";

const wanted = JSON.parse(process.argv[2]);

// The scanner asks for https://host/ and http://host/, which lead to the shop. No other address can be reached.
const here = { 443: wanted.tls, 80: wanted.plain };
const lead = (connect) => (options, ...rest) => {
  const address = here[options.port];
  if (options.host !== wanted.host || !address) throw new Error(`not asked for: ${options.host}:${options.port}`);
  const [host, port] = address.split(":");
  return connect({ ...options, host, port: Number(port), servername: wanted.host, lookup: undefined }, ...rest);
};
net.connect = net.createConnection = lead(net.createConnection.bind(net));
tls.connect = lead(tls.connect.bind(tls));

// The list of preloaded hosts is downloaded when the scanner is installed; a host of ours is not on it.
const readFileSync = fs.readFileSync.bind(fs);
fs.readFileSync = (path, ...rest) => (String(path).endsWith("hsts-preload.json") ? "{}" : readFileSync(path, ...rest));

const { scan } = await import("@mdn/mdn-http-observatory");
const { scan: verdict, tests } = await scan(wanted.host);
const findings = wanted.policies.flatMap((policy) =>
  new CspEvaluator(new CspParser(policy).csp).evaluate().map(({ severity, type, description }) =>
    ({ policy, severity, type, description })));
console.log(JSON.stringify({
  grade: verdict.grade,
  score: verdict.score,
  tests: Object.fromEntries(Object.entries(tests).map(([name, { pass, result }]) => [name, { pass, result }])),
  findings,
}));
process.exit(0); // the scanner keeps connections open
