// @ts-check
/**
 * Cloudflare's Turnstile for klarna.js, which loads this file from beside itself when a form has
 * data-turnstile-sitekey.
 * @param {string} sitekey @param {HTMLElement} place for the widget, which is 300 × 65 px
 * @returns {() => Promise<string>} a fresh token, or "" when none came in time
 */
export function turnstile(sitekey, place) {
  /** @type {any} */
  let api;
  let id = "";
  let used = false;
  /** @type {(token: string) => void} */
  let give;
  /** @type {Promise<string>} */
  let token;
  const renew = () => {
    token = new Promise((done) => {
      give = done;
    });
  };
  renew();
  const script = document.createElement("script");
  script.src = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";
  script.onload = () => {
    api = /** @type {any} */ (window).turnstile;
    const language = document.documentElement.lang.slice(0, 2) || "en";
    const callback = (/** @type {string} */ fresh) => give(fresh);
    id = api.render(place, { sitekey, action: "order", language, callback, "expired-callback": renew });
  };
  document.head.append(script);
  return async () => {
    if (used) {
      renew();
      api?.reset(id);
    }
    const fresh = await Promise.race([token, new Promise((late) => setTimeout(late, 3e4))]);
    used = Boolean(fresh);
    return String(fresh ?? "");
  };
}
