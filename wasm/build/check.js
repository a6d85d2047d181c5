// @ts-check
/**
 * Loads the browser module: the edge's rules, compiled to WebAssembly, for the page.
 *
 * `load()` may be called as often as one likes; it fetches once. It rejects when the module cannot run here
 * (blocked, offline, an old browser): the page then goes on without it, since the edge checks every order anyway. A
 * later call tries again.
 *
 * @typedef {object} Rules
 * @property {(fields: Record<string, string | number>, shop?: Shop) => Record<string, string> | null} check
 *   The problems of an order, as {parameter: text for the shopper} in the form's order and the page's language;
 *   {} when there is none.
 * @property {(fields: Record<string, string | number>, shop?: Shop) => Record<string, Problem> | null} problems
 *   The same for pages with words of their own: {parameter: {code, detail}}.
 * @property {(text: string, country: string) => string | null} phone  The E.164 form of a phone number.
 * @property {(text: string, country: string) => string | null} postalCode  The postal code in the country's own form.
 * @property {(country: string) => {currency: string} | null} klarna  What Klarna takes in a country, where it is
 * offered.
 *
 * All five answer null for what they cannot say, and never throw.
 *
 * @typedef {{ code: string, detail: string }} Problem  As in the relay's answers; detail is a limit or an example,
 * or empty.
 *
 * @typedef {object} Shop  What the page knows of the lander; a rule about the rest is left to the edge.
 * @property {string | Array<string | number>} [products]  Campaign product ids, as an array or separated by spaces
 * or commas.
 * @property {string | string[]} [countries]  ISO 3166-1 alpha-2 codes; Klarna's countries when there are none.
 * @property {number} [maxQuantity]  How many of one product an order may hold.
 */

// {{module}}, {{size}} bytes by brotli
const MODULE = new URL("./{{module}}", import.meta.url);
const RUNTIME = new URL("./{{runtime}}", import.meta.url);

/** The languages there are texts in. */
const LANGUAGES = /^(?:{{languages}})$/;

/** Both scripts speak through globals: Go's runtime sets Go, the module sets klarnaRules. */
const globals = /** @type {any} */ (globalThis);

/** @type {Promise<Rules> | undefined} */
let loading;

/** @returns {Promise<Rules>} */
export function load() {
	loading ??= start().catch((error) => {
		loading = undefined;
		throw error;
	});
	return loading;
}

/** @returns {Promise<Rules>} */
async function start() {
	const [response, words] = await Promise.all(
		[fetch(MODULE), wordsOf(globals.document?.documentElement.lang ?? ""), import(RUNTIME.href)]);
	if (!response.ok) throw new Error(`the browser module answered ${response.status}`);
	const go = new globals.Go();
	const { instance } = await instantiate(response, go.importObject);
	go.run(instance).finally(() => {
		loading = undefined; // it only ever ends when it breaks
	});
	const rules = globals.klarnaRules;
	/** @param {"problems" | "phone" | "postalCode" | "klarna"} name */
	const safely = (name) => (/** @type {any[]} */ ...args) => {
		try {
			return rules[name](...args);
		} catch {
			return null;
		}
	};
	const problems = safely("problems");
	/** @type {Rules["check"]} */
	const check = (fields, shop) => {
		const found = problems(fields, shop);
		return found && Object.fromEntries(Object.entries(found).map(([field, problem]) =>
			[field, textOf(words, field, problem)]));
	};
	return { check, problems, phone: safely("phone"), postalCode: safely("postalCode"), klarna: safely("klarna") };
}

/**
 * The texts in the language nearest to the page's.
 *
 * @param {string} tag
 * @returns {Promise<Record<string, string>>}
 */
async function wordsOf(tag) {
	const lang = tag.toLowerCase().split("-")[0].replace(/^(?:no|nn)$/, "nb");
	return (await import(new URL(`./words/${LANGUAGES.test(lang) ? lang : "en"}.js`, import.meta.url).href)).default;
}

/**
 * What a shopper can do about a problem. Fields of the delivery address have the words of the billing address.
 *
 * @param {Record<string, string>} words
 * @param {string} field
 * @param {Problem} problem
 */
function textOf(words, field, { code, detail }) {
	const name = field.replace(/^ship(.)/, (_, first) => first.toLowerCase());
	return (words[`rule.${code}.${name}`] ?? words[`rule.${code}`] ?? words["rule.bad_value"]).replace(/\{\w+\}/,
		() => detail);
}

/**
 * Compiles while the bytes arrive, where the browser can do that and the server names the type; from all the bytes
 * otherwise.
 *
 * @param {Response} response
 * @param {WebAssembly.Imports} imports
 */
async function instantiate(response, imports) {
	if (WebAssembly.instantiateStreaming &&
		/^application\/wasm\s*(;|$)/i.test(response.headers.get("content-type") ?? "")) {
		return WebAssembly.instantiateStreaming(response, imports);
	}
	return WebAssembly.instantiate(await response.arrayBuffer(), imports);
}
