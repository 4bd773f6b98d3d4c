// What HTML cannot do by itself on every page: colours, the reader's time zone, toasts, the source panel, failed requests.
const YEAR = 31_536_000;
const words = document.getElementById("site-words").dataset;

function setCookie(name, value, age = YEAR) {
  document.cookie = `${name}=${value}; path=${words.home}; max-age=${age}; samesite=lax`;
}

// The server shows times in this zone from the next page on. As it stands: Django takes cookies without decoding them.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
if (/^[\w+\-/]+$/.test(zone)) setCookie("timezone", zone);

// Colours: as the system, light, dark
const THEMES = ["system", "light", "dark"];
const theme = () => document.documentElement.dataset.theme || "system";

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.hidden = false;
    button.querySelector(".nav-text").textContent = button.dataset[theme()];
  }
}

function choose(next) {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try { localStorage.setItem("theme", next); } catch { /* private browsing: the cookie is enough */ }
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

// Good news leaves by itself, unless someone is just at it; bad news stays until it was dismissed. Never a wall of them.
const MOST_TOASTS = 4;
const GOOD_NEWS_MS = 10_000;
const toasts = document.getElementById("toasts");

function tend(box) {
  if (box.matches(".toast-error, .toast-warning")) return;
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, GOOD_NEWS_MS) : box.remove());
  setTimeout(leave, GOOD_NEWS_MS);
}

for (const box of toasts.querySelectorAll(".toast")) tend(box);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) tend(node);
  while (toasts.childElementCount > MOST_TOASTS) toasts.firstElementChild.remove();
}).observe(toasts, { childList: true });

window.ragsite = { toast, announce };

// The source panel: opened by whatever is swapped into it, closed by its button or Esc, focus goes back to the opener.
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
  // A page that nobody looks at asks for nothing.
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
  if (event.target.closest("[data-theme-switch]")) choose(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  const opens = event.target.closest("[data-dialog]");
  const dialog = opens && document.getElementById(opens.dataset.dialog);
  if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
  if (event.target.closest("[data-dialog-close]")) { event.preventDefault(); event.target.closest("dialog").close(); }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], :popover-open")) closePanel();
});

// What a body that was refused was refused for comes as JSON.
function reasonIn(request) {
  if (!request.getResponseHeader("Content-Type")?.startsWith("application/json")) return "";
  try { return JSON.parse(request.responseText).error ?? ""; } catch { return ""; }
}

// Requests that fail say so, except those that will simply ask again.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt.closest("[data-polls]")) return;
  toast(event.detail.xhr.status === 404 ? words.gone : reasonIn(event.detail.xhr) || words.failed, "error");
});
document.addEventListener("htmx:sendError", (event) => {
  if (!event.detail.elt.closest("[data-polls]")) toast(words.offline, "error");
});

// Choosing a whole page of a list is of use only where this runs.
function showChooseAll() {
  for (const label of document.querySelectorAll("[data-choose-all]")) label.hidden = false;
}
showChooseAll();
document.addEventListener("htmx:afterSettle", showChooseAll);
document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-choose-all]")) return;
  for (const box of document.querySelectorAll("input[name=chosen]")) box.checked = event.target.checked;
});

// A row's Retry becomes its Cancel under the pointer: the second half of a double click must not press it.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("form[hx-post] button")) event.preventDefault();
}, { capture: true });

// Selects and checkboxes that stand for an answer send their form at once; without script its button does.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosend]");
  if (form) form.requestSubmit();
});

// A text that grows too long is counted, and is never cut: its form waits until it was shortened.
const NEARLY = 0.9;
const inWords = new Intl.NumberFormat(document.documentElement.lang || undefined);

function lineBelow(field) {
  const place = field.closest("[data-counted]") || field;
  if (place.nextElementSibling?.matches(".field-count")) return place.nextElementSibling;
  const line = document.createElement("p");
  line.className = "field-count note numeric";
  line.setAttribute("role", "status");
  place.after(line);
  return line;
}

function count(field) {
  const limit = Number(field.dataset.maxLength);
  // By characters, as the server counts: some emoji are two of what a string is made of here.
  const length = field.value.length > limit * NEARLY ? [...field.value].length : 0;
  const values = { length: inWords.format(length), limit: inWords.format(limit) };
  const sentence = (length > limit ? words.tooLong : words.count).replace(/\[(\w+)\]/g, (_, name) => values[name]);
  field.setCustomValidity(length > limit ? sentence : "");
  if (length <= limit * NEARLY && !field.dataset.isCounted) return;
  field.dataset.isCounted = "true";
  const line = lineBelow(field);
  line.textContent = sentence;
  line.hidden = length <= limit * NEARLY;
  line.classList.toggle("field-count-over", length > limit);
}

document.addEventListener("input", (event) => { if (event.target.matches("[data-max-length]")) count(event.target); });
document.addEventListener("reset", (event) => setTimeout(() => event.target.querySelectorAll("[data-max-length]").forEach(count)));
document.querySelectorAll("[data-max-length]").forEach(count);
document.addEventListener("htmx:load", (event) => event.target.querySelectorAll?.("[data-max-length]").forEach(count));
