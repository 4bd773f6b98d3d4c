// Behaviour of every page: theme, time zone, toasts, source panel, failed requests, selections and character counters.
const YEAR = 31_536_000;
const words = document.getElementById("site-words").dataset;

function setCookie(name, value, age = YEAR) {
  document.cookie = `${name}=${value}; path=${words.home}; max-age=${age}; samesite=lax`;
}

// The server uses this zone from the next request on. Not URL-encoded: Django does not decode cookies.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
if (/^[\w+\-/]+$/.test(zone)) setCookie("timezone", zone);

// Theme
const THEMES = ["system", "light", "dark"];
const theme = () => document.documentElement.dataset.theme || "system";

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.hidden = false;
    button.querySelector(".nav-text").textContent = button.dataset[theme()];
  }
}

function setTheme(next) {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  // The administration's own switch uses the same name, and knows "system" as no value.
  try { next === "system" ? localStorage.removeItem("theme") : localStorage.setItem("theme", next); } catch { /* private browsing: the cookie suffices */ }
  setCookie("theme", next, next === "system" ? 0 : YEAR);
  showTheme();
}

showTheme();

// Toasts
function toast(text, tone = "") {
  const box = document.createElement("div");
  box.className = tone ? `toast toast-${tone}` : "toast";
  const line = document.createElement("p");
  line.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-button";
  close.dataset.dismiss = "";
  close.textContent = "×";
  close.setAttribute("aria-label", words.dismiss);
  box.append(line, close);
  document.getElementById("toasts").append(box);
}

function announce(text) {
  document.getElementById("announcer").textContent = text;
}

// A success toast disappears by itself unless hovered or focused; an error stays until dismissed. At most four at a time.
const MAX_TOASTS = 4;
const TOAST_MS = 10_000;
const toasts = document.getElementById("toasts");

function expire(box) {
  if (box.matches(".toast-error, .toast-warning")) return;
  const remove = () => (box.matches(":hover, :focus-within") ? setTimeout(remove, TOAST_MS) : box.remove());
  setTimeout(remove, TOAST_MS);
}

// One toast for many documents stands for those before it; an error goes only where the new one tells of failures too.
function replaceEarlier(box) {
  if (!box.matches(".toast-together")) return;
  const earlier = box.matches(".toast-error") ? ".toast-documents" : ".toast-documents:not(.toast-error)";
  for (const old of toasts.querySelectorAll(earlier)) if (old !== box) old.remove();
}

for (const box of toasts.querySelectorAll(".toast")) expire(box);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) { replaceEarlier(node); expire(node); }
  while (toasts.childElementCount > MAX_TOASTS) toasts.firstElementChild.remove();
}).observe(toasts, { childList: true });

window.ragsite = { toast, announce };

// The source panel opens when content is swapped into it. Its button or Esc closes it, and focus returns to the opener.
const panel = document.getElementById("panel");
let opener = null;

function closePanel() {
  if (!panel.firstElementChild) return;
  panel.replaceChildren();
  document.dispatchEvent(new CustomEvent("panel:closed"));
  if (opener?.isConnected) opener.focus();
  opener = null;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail;
  // A hidden page does not poll.
  if (document.hidden && (elt.matches("[data-polls]"))) event.preventDefault();
  if (target === panel && !panel.contains(elt)) opener = elt;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== panel) return;
  panel.scrollTop = 0;
  (panel.querySelector("[autofocus]") || panel).focus({ preventScroll: true });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-panel-close]")) { event.preventDefault(); closePanel(); }
  if (event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
  if (event.target.closest("[data-theme-switch]")) setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  const opens = event.target.closest("[data-dialog]");
  const dialog = opens && document.getElementById(opens.dataset.dialog);
  if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
  if (event.target.closest("[data-dialog-close]")) { event.preventDefault(); event.target.closest("dialog").close(); }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], :popover-open")) closePanel();
});

// A refused upload returns its reason as JSON.
function refusalReason(request) {
  if (!request.getResponseHeader("Content-Type")?.startsWith("application/json")) return "";
  try { return JSON.parse(request.responseText).error ?? ""; } catch { return ""; }
}

// Report failed requests, except polls, which repeat anyway.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt.closest("[data-polls]")) return;
  toast(event.detail.xhr.status === 404 ? words.gone : refusalReason(event.detail.xhr) || words.failed, "error");
});
document.addEventListener("htmx:sendError", (event) => {
  if (!event.detail.elt.closest("[data-polls]")) toast(words.offline, "error");
});

// "Select all" needs this script, so it is hidden until now.
function showSelectAll() {
  for (const label of document.querySelectorAll("[data-choose-all]")) label.hidden = false;
}
showSelectAll();
document.addEventListener("htmx:afterSettle", showSelectAll);
document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-choose-all]")) return;
  for (const box of document.querySelectorAll("input[name=chosen]")) box.checked = event.target.checked;
});

// A row's Retry turns into Cancel under the pointer: the second click of a double click must not press it.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("form[hx-post] button")) event.preventDefault();
}, { capture: true });

// Some selects and checkboxes submit their form at once; without this script, its button does.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosend]");
  if (form) form.requestSubmit();
});

// Count the characters of a text near its limit. A text over the limit is never cut; its form is invalid until shortened.
const NEAR_LIMIT = 0.9;
const numberFormat = new Intl.NumberFormat(document.documentElement.lang || undefined);

function counterOf(field) {
  const anchor = field.closest("[data-counted]") || field;
  if (anchor.nextElementSibling?.matches(".field-count")) return anchor.nextElementSibling;
  const line = document.createElement("p");
  line.className = "field-count note numeric";
  line.setAttribute("role", "status");
  anchor.after(line);
  return line;
}

function count(field) {
  const limit = Number(field.dataset.maxLength);
  // In code points, as the server counts: some emoji are two UTF-16 units.
  const length = field.value.length > limit * NEAR_LIMIT ? [...field.value].length : 0;
  const values = { length: numberFormat.format(length), limit: numberFormat.format(limit) };
  const sentence = (length > limit ? words.tooLong : words.count).replace(/\[(\w+)\]/g, (_, name) => values[name]);
  field.setCustomValidity(length > limit ? sentence : "");
  if (length <= limit * NEAR_LIMIT && !field.dataset.isCounted) return;
  field.dataset.isCounted = "true";
  const line = counterOf(field);
  line.textContent = sentence;
  line.hidden = length <= limit * NEAR_LIMIT;
  line.classList.toggle("field-count-over", length > limit);
}

document.addEventListener("input", (event) => { if (event.target.matches("[data-max-length]")) count(event.target); });
document.addEventListener("reset", (event) => setTimeout(() => event.target.querySelectorAll("[data-max-length]").forEach(count)));
document.querySelectorAll("[data-max-length]").forEach(count);
document.addEventListener("htmx:load", (event) => event.target.querySelectorAll?.("[data-max-length]").forEach(count));
