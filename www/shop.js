// @ts-check
// What only these sample pages need: one language from the checkout to the end, the product that was chosen on the page before, and the
// total, for show. The CRM's prices count.

/** @returns {boolean} whether this page is left: the relay knows one page of each kind, and the shopper goes on in the checkout's language */
function leftForTheOtherLanguage() {
  const key = "shop:lang";
  const here = document.documentElement.lang;
  const back = /[?&](ref|klarna)=/.test(location.search);
  try {
    if (document.querySelector("form[data-klarna]") && !back) sessionStorage.setItem(key, here);
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[hreflang]"))) {
      link.search = location.search;
      link.onclick = () => sessionStorage.setItem(key, link.hreflang);
      if (!back || link.hreflang === here || link.hreflang !== sessionStorage.getItem(key)) continue;
      location.replace(link.href);
      return true;
    }
  } catch {} // without storage each page speaks for itself
  return false;
}

function showTheSum() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-currency]"));
  if (!form) return;
  const chosen = new URL(location.href);
  for (const name of ["product1_id", "product1_qty"]) {
    const value = chosen.searchParams.get(name);
    const field = form.elements.namedItem(name);
    if (value && (field instanceof RadioNodeList || field instanceof HTMLSelectElement)) field.value = value;
    chosen.searchParams.delete(name);
  }
  // Chosen once: what is changed here afterwards survives a reload.
  history.replaceState(null, "", chosen);

  const money = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: form.dataset.currency });
  const put = (/** @type {string} */ where, /** @type {string} */ text) => {
    const spot = form.querySelector(`[data-sum-${where}]`);
    if (spot) spot.textContent = text;
  };
  const add = () => {
    const product = form.querySelector("[name=product1_id]:checked");
    if (!(product instanceof HTMLInputElement)) return;
    const quantity = Number(new FormData(form).get("product1_qty"));
    const lines = Number(product.dataset.price) * quantity;
    const shipping = Number(form.dataset.shipping);
    const name = product.closest("label")?.querySelector("strong")?.textContent ?? "";
    put("name", quantity > 1 ? `${quantity} × ${name}` : name);
    put("lines", money.format(lines));
    put("shipping", money.format(shipping));
    put("total", money.format(lines + shipping));
  };
  form.addEventListener("change", add);
  // Values that the browser or the form brings back.
  addEventListener("pageshow", add);
  add();
}

// A page that is only passed through must not tell of a purchase: so klarna.js is not in the page, but loaded from here.
if (!leftForTheOtherLanguage()) import("./klarna.js").then(showTheSum);
