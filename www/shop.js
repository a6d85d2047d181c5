// @ts-check
// What only these sample pages need: the product that was chosen on the page before, and the total, for show. The CRM's prices count.
import "./klarna.js";

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-currency]"));
if (form) {
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
