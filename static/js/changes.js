// Keeps what moves on a page up to date: one request for all of it, and for the reader's notices. It slows down while
// nothing changes, rests in a tab that nobody looks at, and ends when nothing is under way.
const FASTEST_MS = 2_000;
const SLOWEST_MS = 20_000;
const SLOWER = 1.5;
const MAX_WATCHED = 100;
const NOTHING_NEW = 204;
const NOTHING_TO_COME = 286;
const box = document.getElementById("changes");
let wait = FASTEST_MS;
let timer = null;
let isAsking = false;

function address() {
  const query = new URLSearchParams();
  for (const part of [...document.querySelectorAll("[data-watch]")].slice(0, MAX_WATCHED)) {
    query.append("watch", part.dataset.watch);
    const choice = part.querySelector("input[name=chosen]:checked");
    if (choice) query.append("chosen", choice.value);
  }
  return query.size ? `${box.dataset.url}?${query}` : box.dataset.url;
}

function ask() {
  timer = null;
  if (document.hidden || isAsking) return;
  isAsking = true;
  htmx.ajax("GET", address(), { source: box, swap: "none" });
}

function askIn(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(ask, milliseconds);
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== box) return;
  isAsking = false;
  const status = event.detail.xhr.status;
  if (status === NOTHING_TO_COME) return;
  wait = status === 200 ? FASTEST_MS : Math.min(SLOWEST_MS, wait * SLOWER);
  askIn(wait);
});

// Something new is being done: a file was sent, a button pressed.
function hurry() {
  wait = FASTEST_MS;
  if (!isAsking) askIn(wait);
}

const holdsWatched = (element) => element.matches?.("[data-watch]") || element.querySelector?.("[data-watch]");
document.addEventListener("htmx:load", (event) => { if (holdsWatched(event.target)) hurry(); });
document.addEventListener("work:begun", hurry);
document.addEventListener("visibilitychange", () => { if (!document.hidden && timer === null) askIn(0); });

askIn(FASTEST_MS / 2);
