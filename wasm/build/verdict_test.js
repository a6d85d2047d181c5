// Runs the built module as a page does, but in node: reads questions as JSON lines, writes answers as JSON lines,
// and at the end how many JavaScript values Go still holds.
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = process.argv[2];

// Node's fetch knows no file: URLs. The type is what a server would say; without it the module is compiled from all
// its bytes.
let contentType = "application/wasm";
let fetches = 0;
globalThis.fetch = async (url) => {
	fetches++;
	return new Response(fs.readFileSync(fileURLToPath(url)), { headers: { "content-type": contentType } });
};

globalThis.document = { documentElement: { lang: "de-AT" } };
const { load } = await import(pathToFileURL(path.join(folder, "check.js")).href);

// A first instance fails, the next one is loaded all the same.
const working = globalThis.fetch;
globalThis.fetch = async () => new Response("gone", { status: 404 });
const failed = await load().then(() => "loaded", (error) => error.message);
globalThis.fetch = working;

const Go = globalThis.Go;
let go;
globalThis.Go = class extends Go {
	constructor() {
		super();
		go = this;
	}
};
const [rules, again] = await Promise.all([load(), load()]);

const ask = {
	check: (q) => rules.check(q.fields, q.shop),
	problems: (q) => rules.problems(q.fields, q.shop),
	phone: (q) => rules.phone(q.text, q.country),
	postalCode: (q) => rules.postalCode(q.text, q.country),
	klarna: (q) => rules.klarna(q.country),
};
let held = 0;
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
	const question = JSON.parse(line);
	process.stdout.write(`${JSON.stringify(ask[question.ask](question))}\n`);
	if (++count === 100) held = go._values.length;
}

// What a page could pass by mistake must be answered with null or an object, never thrown.
const odd = [undefined, null, 1, "x", true, Symbol("x"), [], () => 1, { firstName: {} }, { firstName: null },
  Object.create(null), new Proxy({}, { ownKeys: () => { throw new Error("no") } })];
const thrown = [];
for (const a of odd) {
	for (const b of odd) {
		for (const name of Object.keys(ask)) {
			try {
				const answer = rules[name](a, b, a);
				if (answer === undefined) thrown.push(`${name}: undefined`);
			} catch (error) {
				thrown.push(`${name}: ${error}`);
			}
		}
	}
}
const alive = rules.klarna("DE")?.currency;

// Without a type, and as an own copy of the loader.
contentType = "application/octet-stream";
fs.copyFileSync(path.join(folder, "check.js"), path.join(folder, "copy.js"));
globalThis.document.documentElement.lang = "xx";
const plain = await (await import(pathToFileURL(path.join(folder, "copy.js")).href)).load();

const findings = { failed, same: rules === again, fetches, held, heldAtEnd: go._values.length, thrown, alive,
  plain: plain.klarna("CH").currency, english: plain.check({})?.firstName };
process.stdout.write(`${JSON.stringify(findings)}\n`);
process.exit(0);
