// What to ask: "All documents" and the ticked rows exclude each other, the words above follow, Esc closes the panel.
const choice = () => document.getElementById("scope-choice");
const ticked = () => [...choice().querySelectorAll("#scope-rows :checked")];

function show() {
  for (const part of document.querySelectorAll("#scope-choice [data-needs-script]")) part.hidden = false;
}
show();
document.addEventListener("htmx:load", show);

// `toggle` does not bubble.
document.addEventListener("toggle", (event) => {
  if (event.target !== choice() || !event.target.open) return;
  htmx.trigger(event.target, "opened");
  document.getElementById("scope-q").focus();
}, { capture: true });

function close() {
  const hadFocus = choice().contains(document.activeElement);
  choice().open = false;
  if (hadFocus) choice().querySelector("summary").focus();
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.matches("#scope-choice [type=checkbox]")) return;
  const all = document.getElementById("scope-all");
  if (box === all) for (const other of ticked()) other.checked = false;
  // What is gone stays chosen only as long as the choice is the old one.
  for (const gone of choice().querySelectorAll("#scope-rows [type=hidden]")) gone.remove();
  choice().querySelector(".scope-missing")?.remove();
  all.checked = !ticked().length;
  const values = new URLSearchParams(ticked().map((one) => [one.name, one.value]));
  htmx.ajax("GET", `${choice().querySelector("summary").getAttribute("hx-get")}?${values}`, {
    source: "#scope-words", target: "#scope-words", swap: "outerHTML",
  });
});

// A form that is emptied after its question keeps what is ticked.
document.addEventListener("reset", (event) => {
  for (const box of event.target.querySelectorAll("#scope-choice [type=checkbox]")) box.defaultChecked = box.checked;
}, { capture: true });

document.addEventListener("click", (event) => {
  if (choice()?.open && !choice().contains(event.target)) choice().open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !choice()?.open) return;
  event.preventDefault();
  close();
});
