// The question box, keyboard shortcuts and a page that grows during an answer. Links and forms also work without this script.
const words = document.getElementById("chat-words")?.dataset ?? {};
const panel = document.getElementById("panel");
const questions = () => document.getElementById("questions");
const box = () => document.querySelector("[data-ask] textarea");
const announce = (text) => text && window.ragsite?.announce(text);

// The question box: Enter sends, Shift+Enter adds a line, and the box grows with its text
function grow(area) {
  if (CSS.supports("field-sizing", "content")) return;
  area.rows = Math.min(12, area.value.split("\n").length + Math.floor(area.value.length / 80));
}

document.addEventListener("input", (event) => { if (event.target.matches("[data-ask] textarea")) grow(event.target); });

document.addEventListener("keydown", (event) => {
  if (!event.target.matches("[data-ask] textarea") || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (event.target.value.trim()) event.target.form.requestSubmit();
});

// A question stands on the page as soon as it is sent; one that did not arrive goes back into the box
let sent = null;

function showSent(form) {
  const template = document.querySelector("template[data-asked]");
  const area = form.querySelector("textarea");
  if (!template || sent) return;
  const section = template.content.firstElementChild.cloneNode(true);
  section.querySelector(".question-text").textContent = area.value.trim();
  sent = { section, area, text: area.value };
  area.value = "";
  grow(area);
  (questions() ?? form).insertAdjacentElement(questions() ? "beforeend" : "beforebegin", section);
  form.closest(".home")?.classList.add("is-sending");
  goToNewest();
}

function takeBack(hasArrived) {
  if (!sent) return;
  sent.section.remove();
  document.querySelector(".home.is-sending")?.classList.remove("is-sending");
  if (!hasArrived && !sent.area.value) sent.area.value = sent.text;
  sent = null;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches?.("[data-ask]") && !event.defaultPrevented) showSent(event.detail.elt);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig.elt.matches("[data-ask]")) takeBack(event.detail.xhr.status === 200);
});

// Form errors come with status 422 or 429: swap them in like any response
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.requestConfig.elt.matches("[data-ask]") || ![422, 429].includes(event.detail.xhr.status)) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("[data-ask]")) return;
  takeBack(event.detail.successful);
  if (event.detail.xhr.status === 200) {
    form.reset();
    form.querySelector(".field-errors")?.remove();
    form.querySelector("textarea").removeAttribute("aria-invalid");
    announce(words.asked);
    goToNewest();
  }
  box()?.focus({ preventScroll: true });
});

// Follow the newest text only while the end of the page is in view
const root = document.scrollingElement;
const button = () => document.querySelector("[data-to-newest]");
let follows = true;

const isAtEnd = () => root.scrollHeight - root.scrollTop - root.clientHeight < 120;

function showButton() {
  if (button()) button().hidden = isAtEnd() || !questions();
}

function goToNewest() {
  follows = true;
  root.scrollTo({ top: root.scrollHeight });
  showButton();
}

addEventListener("scroll", () => { follows = isAtEnd(); showButton(); }, { passive: true });
const resized = new ResizeObserver(() => {
  if (follows && questions()?.querySelector(".is-running")) root.scrollTo({ top: root.scrollHeight });
  showButton();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-to-newest]")) return;
  goToNewest();
  box()?.focus({ preventScroll: true });
});

// Screen readers hear one sentence when an answer is finished; announcing every word would be noise
const finishing = new Map();

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (event.detail.type !== "final") return;
  const article = event.target.closest?.(".answer");
  if (article) finishing.set(article.id, article.contains(document.activeElement));
});

const changed = new MutationObserver(() => {
  for (const [id, hadFocus] of finishing) {
    const article = document.getElementById(id);
    if (!article?.dataset.finished) continue;
    finishing.delete(id);
    // Quotes come all at once: they are read from the question on. A written answer was read as it came.
    if (follows && !article.matches(".answer-written")) article.closest(".question")?.scrollIntoView();
    announce(words[article.dataset.finished]);
    if (hadFocus) article.closest(".question")?.querySelector(".question-text")?.focus({ preventScroll: true });
    showCopyButtons();
  }
});

// The first question of a conversation puts the conversation in place of the home page
function watchQuestions() {
  if (!questions()) return;
  resized.observe(questions());
  changed.observe(questions(), { childList: true, subtree: true });
  if (questions().querySelector(".is-running") && !location.hash) goToNewest();
}

function addToMenu() {
  const menu = document.getElementById("nav-conversations");
  const link = document.createElement("a");
  const name = document.createElement("span");
  const item = document.createElement("li");
  link.className = "nav-link";
  link.href = location.pathname;
  link.setAttribute("aria-current", "page");
  name.className = "nav-text";
  name.dir = "auto";
  name.textContent = document.querySelector("#main h1")?.textContent.trim() ?? "";
  link.append(name);
  item.append(link);
  menu.querySelector(".nav-empty")?.remove();
  if (!menu.querySelector(".nav-list")) menu.prepend(Object.assign(document.createElement("ul"), { className: "nav-list" }));
  menu.querySelector(".nav-list").prepend(item);
  document.querySelector(".nav-ask")?.removeAttribute("aria-current");
}

watchQuestions();
document.addEventListener("htmx:load", (event) => {
  if (event.target.id !== "main" || !questions()) return;
  addToMenu();
  watchQuestions();
  showChoice();
  showCopyButtons();
  box()?.focus({ preventScroll: true });
});

// Buttons that need this script: copy and print
function showCopyButtons() {
  for (const print of document.querySelectorAll("[data-print][hidden]")) print.hidden = false;
  if (!navigator.clipboard) return;
  for (const copy of document.querySelectorAll("[data-copy][hidden], [data-copy-text][hidden]")) copy.hidden = false;
}

// Formulas are copied as their source. Only an element in the page has an innerText with its line breaks.
function textOf(answer) {
  const plain = answer.cloneNode(true);
  for (const formula of plain.querySelectorAll("math[alttext]")) formula.replaceWith(formula.getAttribute("alttext"));
  plain.setAttribute("aria-hidden", "true");
  answer.after(plain);
  const text = plain.innerText;
  plain.remove();
  return text;
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-print]")) print();
  const copy = event.target.closest("[data-copy], [data-copy-text]");
  if (!copy) return;
  const text = copy.dataset.copyText ?? textOf(copy.closest(".answer").querySelector("[data-answer-text]"));
  await navigator.clipboard.writeText(text);
  window.ragsite?.toast(copy.dataset.copied);
});

showCopyButtons();
document.addEventListener("htmx:load", showCopyButtons);

// The source panel: scroll to the marked words and highlight the open source
function showOpen(path) {
  for (const link of document.querySelectorAll(".source-link[aria-current]")) link.removeAttribute("aria-current");
  if (path) document.querySelector(`.source-link[href="${CSS.escape(path)}"]`)?.setAttribute("aria-current", "true");
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== panel && !panel.contains(event.detail.elt)) return;
  showOpen(event.detail.pathInfo?.requestPath?.split("?")[0]);
  // A page image already shows the passage, so the panel stays at its top.
  if (!panel.querySelector(".page-figure")) panel.querySelector("mark")?.scrollIntoView({ block: "center" });
});
document.addEventListener("panel:closed", () => showOpen(""));

// Keyboard shortcuts: single letters act only outside fields, and can be switched off
const KEYS = "single-keys";
const remembered = () => { try { return localStorage.getItem(KEYS) !== "off"; } catch { return true; } };
const choice = () => document.querySelector("[data-single-keys]");

function showChoice() {
  if (choice()) choice().checked = remembered();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-single-keys]")) return;
  try { localStorage.setItem(KEYS, event.target.checked ? "on" : "off"); } catch { /* private browsing */ }
});
showChoice();

function step(by) {
  const links = [...document.querySelectorAll("a.source-link")].filter((link) => link.checkVisibility?.() ?? true);
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const last = document.querySelectorAll(".question:last-child a.source-link")[0];
  const next = at < 0 ? Math.max(links.indexOf(last), 0) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next].focus();
}

const ACTIONS = {
  "/": () => box()?.focus(),
  n: () => { location.href = document.querySelector(".brand")?.href ?? "/"; },
  j: () => step(1),
  k: () => step(-1),
  "?": () => document.getElementById("shortcuts")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !choice()?.checked) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  const act = ACTIONS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
