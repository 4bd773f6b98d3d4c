// Polls for changes: one request for all watched parts of a page and for the person's notices. It slows down while nothing
// changes, pauses in a hidden tab, and stops when nothing is in progress.
const MIN_WAIT_MS = 2_000;
const MAX_WAIT_MS = 20_000;
const BACKOFF = 1.5;
const MAX_WATCHED = 100;
const NOT_CHANGED = 204;
const STOP_POLLING = 286;
const box = document.getElementById("changes");
let wait = MIN_WAIT_MS;
let timer = null;
let isPolling = false;

function pollUrl() {
  const query = new URLSearchParams();
  for (const part of [...document.querySelectorAll("[data-watch]")].slice(0, MAX_WATCHED)) {
    query.append("watch", part.dataset.watch);
    const choice = part.querySelector("input[name=chosen]:checked");
    if (choice) query.append("chosen", choice.value);
  }
  if (document.getElementById("batch")) query.append("batch", "1");
  return query.size ? `${box.dataset.url}?${query}` : box.dataset.url;
}

function poll() {
  timer = null;
  if (document.hidden || isPolling) return;
  isPolling = true;
  htmx.ajax("GET", pollUrl(), { source: box, swap: "none" });
}

function pollIn(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(poll, milliseconds);
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== box) return;
  isPolling = false;
  const status = event.detail.xhr.status;
  if (status === STOP_POLLING) return;
  wait = status === 200 ? MIN_WAIT_MS : Math.min(MAX_WAIT_MS, wait * BACKOFF);
  pollIn(wait);
});

// The progress of what was added together, in the tab's title
const title = document.title;
function showProgress() {
  const progress = document.getElementById("batch")?.dataset.title;
  if (progress) document.title = `(${progress}) ${title}`;
  else if (document.title.endsWith(`) ${title}`)) document.title = title;
}
showProgress();
document.addEventListener("htmx:oobAfterSwap", showProgress);

// New work began: a file was sent or a button was pressed.
function pollSoon() {
  wait = MIN_WAIT_MS;
  if (!isPolling) pollIn(wait);
}

const holdsWatched = (element) => element.matches?.("[data-watch]") || element.querySelector?.("[data-watch]");
document.addEventListener("htmx:load", (event) => { if (holdsWatched(event.target)) pollSoon(); });
document.addEventListener("work:begun", pollSoon);
document.addEventListener("visibilitychange", () => { if (!document.hidden && timer === null) pollIn(0); });

pollIn(MIN_WAIT_MS / 2);
