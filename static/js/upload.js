// Sends files one by one, each with its own bar, speed and cancel button. Without script, the form sends them all at once.
const MAX_REQUESTS = 3;
const MAX_ROWS = 50;
const RETRYABLE = [408, 429, 503, 507]; // timeout, too many requests, unavailable, disk full
const tray = document.getElementById("tray");
const list = tray.querySelector(".tray-list");
const words = tray.dataset;
const waiting = [];
let running = 0;

const numbers = new Intl.NumberFormat(document.documentElement.lang || undefined, { maximumFractionDigits: 1 });

function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${numbers.format(unit > 1 ? bytes : Math.round(bytes))} ${units[unit]}`;
}

function place() {
  const slot = document.querySelector("[data-tray-here]");
  if (slot && tray.parentElement !== slot) slot.append(tray);
}

function add(files, collection) {
  if (!files.length) return;
  place();
  tray.hidden = false;
  for (const file of files) {
    const item = tray.querySelector("template").content.cloneNode(true).firstElementChild;
    const upload = { file, collection, item, request: null, isCancelled: false };
    item.querySelector(".upload-name").textContent = file.name.replace(/[\p{Cc}\p{Cf}]/gu, "");
    item.querySelector(".upload-cancel").addEventListener("click", () => cancel(upload));
    item.querySelector(".upload-again").addEventListener("click", () => wait(upload));
    list.append(item);
    if (file.size > Number(words.largest) * 1024 * 1024) refuse(upload, words.large);
    else wait(upload);
  }
  tray.scrollIntoView({ block: "nearest" });
}

function wait(upload) {
  upload.item.querySelector(".upload-again").hidden = true;
  upload.item.querySelector("progress").hidden = false;
  upload.item.querySelector("progress").value = 0;
  say(upload, words.waiting);
  waiting.push(upload);
  next();
}

function next() {
  while (running < MAX_REQUESTS && waiting.length) send(waiting.shift());
}

function say(upload, text) {
  upload.item.querySelector(".upload-words").textContent = text;
}

function refuse(upload, sentence, { again = false } = {}) {
  const line = document.createElement("p");
  line.className = "state state-failed";
  line.textContent = sentence;
  upload.item.querySelector("progress").hidden = true;
  upload.item.querySelector(".upload-words").replaceChildren(line);
  upload.item.querySelector(".upload-again").hidden = !again;
}

function cancel(upload) {
  upload.isCancelled = true;
  const place = waiting.indexOf(upload);
  if (place >= 0) waiting.splice(place, 1);
  upload.request?.abort();
  upload.item.remove();
  if (!list.firstElementChild) tray.hidden = true;
}

function send(upload) {
  const request = new XMLHttpRequest();
  const bar = upload.item.querySelector("progress");
  const began = performance.now();
  upload.request = request;
  running += 1;
  request.open("POST", words.url);
  request.setRequestHeader("Accept", "application/json");
  for (const [name, value] of Object.entries(JSON.parse(document.body.getAttribute("hx-headers")))) request.setRequestHeader(name, value);
  // For a signed-out session the server then answers with HX-Redirect instead of a redirect.
  request.setRequestHeader("HX-Request", "true");
  request.setRequestHeader("HX-Current-URL", location.href);
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = event.loaded / event.total;
    const speed = event.loaded / Math.max(0.001, (performance.now() - began) / 1000);
    const values = { done: size(event.loaded), total: size(event.total), speed: size(speed) };
    say(upload, event.loaded < event.total ? words.sending.replace(/\[(\w+)\]/g, (_, name) => values[name]) : words.checking);
  });
  request.addEventListener("load", () => show(upload));
  request.addEventListener("error", () => refuse(upload, words.offline, { again: true }));
  request.addEventListener("loadend", () => {
    running -= 1;
    next();
    if (running || waiting.length) return;
    if (!upload.isCancelled) window.ragsite.announce(words.finished);
    fold();
  });
  const form = new FormData();
  form.append("files", upload.file);
  if (upload.collection) form.append("collection", upload.collection);
  request.send(form);
}

// Where the list shows every file that was sent, the tray has nothing more to say.
function fold() {
  const isListed = (item) => item.querySelector(".upload-state") && !item.querySelector("details");
  if (!document.querySelector("#documents[data-takes-new]") || ![...list.children].every(isListed)) return;
  list.replaceChildren();
  tray.hidden = true;
}

function show(upload) {
  const { request, item } = upload;
  const signIn = request.getResponseHeader("HX-Redirect");
  if (signIn) { location.assign(signIn); return; }
  let answer;
  try { answer = JSON.parse(request.responseText); } catch { answer = {}; }
  const result = answer.results?.[0];
  if (!result) {
    refuse(upload, answer.error || words.failed, { again: !answer.error || RETRYABLE.includes(request.status) });
    return;
  }
  item.querySelector("progress").hidden = true;
  item.querySelector(".upload-words").innerHTML = result.html;
  for (const count of document.querySelectorAll("[data-document-count]")) count.textContent = answer.document_count;
  if (result.row) insert(result.row);
  document.dispatchEvent(new Event("work:begun"));
}

function insert(row) {
  const documents = document.querySelector("#documents[data-takes-new]");
  if (!documents) return;
  const before = documents.firstElementChild;
  documents.insertAdjacentHTML("afterbegin", row);
  while (documents.childElementCount > MAX_ROWS) documents.lastElementChild.remove();
  for (const one of [...documents.children]) {
    if (one === before) break;
    htmx.process(one);
  }
  document.querySelector("[data-empty]")?.remove();
}

function collectionOf(form) {
  return form?.querySelector("[name=collection]")?.value || "";
}

function live(root) {
  for (const form of root.querySelectorAll("form[data-upload]")) {
    form.querySelector("[type=file]").addEventListener("change", (event) => {
      add([...event.target.files].filter((file) => !isHidden(file.webkitRelativePath)), collectionOf(form));
      event.target.value = "";
    });
  }
}

live(document);

// Hidden files, and files that operating systems leave in folders.
function isHidden(path) {
  return path.split("/").some((part) => part.startsWith(".") || ["__MACOSX", "Thumbs.db", "desktop.ini"].includes(part));
}

// All files of a dropped folder and its subfolders. Browsers return at most a hundred entries per call.
async function filesIn(entry) {
  if (isHidden(entry.name)) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return files;
    for (const one of entries) files.push(...(await filesIn(one)));
  }
}

// Files may be dropped anywhere on the page.
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
let depth = 0;

function dropping(isOn) {
  if (!isOn) depth = 0;
  document.body.classList.toggle("is-dropping", isOn);
}

document.addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; dropping(true); } });
document.addEventListener("dragleave", (event) => { if (holdsFiles(event) && (depth -= 1) <= 0) dropping(false); });
document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  dropping(false);
  // Files dropped on a dialog go to its file field.
  const field = event.target.closest?.("dialog")?.querySelector("[type=file]");
  if (field) { field.files = event.dataTransfer.files; return; }
  const collection = collectionOf(document.querySelector("form[data-upload]"));
  for (const item of [...event.dataTransfer.items].filter((item) => item.kind === "file")) {
    const entry = item.webkitGetAsEntry?.();
    const file = item.getAsFile();
    if (entry?.isDirectory) filesIn(entry).then((files) => add(files, collection), () => window.ragsite.toast(words.folder, "error"));
    else if (file) add([file], collection);
  }
});

tray.querySelector("[data-tray-close]").addEventListener("click", () => {
  // Running uploads continue; the tray reappears with the next file.
  for (const item of [...list.children]) if (item.querySelector("progress").hidden) item.remove();
  tray.hidden = true;
});
