// The reader: arrow keys turn pages, the image is enlarged, and the address names the page that is in view.
const FIELDS = "input, textarea, select, [contenteditable]";
const ZOOMS = [1, 1.5, 2, 3];
const jump = document.getElementById("jump");
let zoom = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.target.closest(FIELDS)) return;
  const relation = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = relation && document.querySelector(`.reader-bar [rel="${relation}"]`);
  if (!link || link.hidden) return;
  event.preventDefault();
  link.click();
});

function applyZoom() {
  for (const figure of document.querySelectorAll(".page-figure")) figure.dataset.scale = String(ZOOMS[zoom]);
}

for (const group of document.querySelectorAll("[data-zoom-buttons]")) group.hidden = false;
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  if (!button) return;
  zoom = Math.min(Math.max(zoom + Number(button.dataset.zoom), 0), ZOOMS.length - 1);
  applyZoom();
});

// What is named at the top follows the page in view.
function point(relation, address) {
  const link = document.querySelector(`.reader-bar [rel="${relation}"]`);
  if (!link) return;
  link.hidden = !address;
  if (address) link.href = address + location.search;
}

function show(page) {
  const { address, title, readerPage, previous, next } = page.dataset;
  if (location.pathname + location.search === address) return;
  history.replaceState(history.state, "", address);
  document.querySelector("[data-page-title]").textContent = title;
  if (jump) jump.value = readerPage;
  point("prev", previous);
  point("next", next);
  for (const link of document.querySelectorAll(".thumbnails a")) {
    if (link.getAttribute("href") === address) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) show(entry.target);
}, { rootMargin: "-45% 0px -45% 0px" });

function watch() {
  applyZoom();
  for (const page of document.querySelectorAll("[data-reader-page]")) seen.observe(page);
}

watch();
document.addEventListener("htmx:load", watch);
