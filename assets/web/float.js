// What floats above a page: toasts and the question before what cannot be undone.
const $ = (id) => document.getElementById(id);

// toast shows one line for five seconds, longer while it is hovered or focused; an error stays until it is closed.
// One with the same kind takes the place of the last.
export function toast(shape, text, aside = "", kind = text) {
  for (const old of [...$("toasts").children]) if (old.dataset.kind === kind) old.remove();
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.kind = kind;
  box.append(icon("s-" + shape, "shape"), span(text), aside ? span(aside, "fine") : "", closer(box));
  $("toasts").append(box);
  while ($("toasts").children.length > 3) $("toasts").firstElementChild.remove();
  if (shape === "err") return;
  let timer = setTimeout(() => box.remove(), 5000);
  const hold = () => clearTimeout(timer);
  const release = () => { hold(); timer = setTimeout(() => box.remove(), 5000); };
  box.addEventListener("pointerenter", hold);
  box.addEventListener("pointerleave", release);
  box.addEventListener("focusin", hold);
  box.addEventListener("focusout", release);
}

// answer is what resolves the open question.
let answer;

// ask resolves to true where the person said yes. Focus starts on the harmless answer. The answer counts when it is given:
// a dialog tells late that it was closed, and until then the button that asked would be deaf.
export function ask(title, text, no, yes) {
  const dialog = $("ask");
  answer?.(false);
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-no").textContent = no;
  $("ask-yes").textContent = yes;
  dialog.onsubmit = (event) => answered(event.submitter?.value === "yes");
  dialog.oncancel = () => answered(false);
  dialog.onclose = () => dialog.open || answered(false);
  dialog.showModal();
  $("ask-no").focus();
  return new Promise((resolve) => { answer = resolve; });
}

function answered(yes) {
  answer?.(yes);
  answer = undefined;
}

export function icon(id, className = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#" + id);
  svg.setAttribute("aria-hidden", "true");
  if (className) svg.setAttribute("class", className);
  svg.append(use);
  return svg;
}

function span(text, className = "") {
  const s = document.createElement("span");
  s.textContent = text;
  if (className) s.className = className;
  return s;
}

function closer(box) {
  const b = document.createElement("button");
  b.type = "button";
  b.className = "icon bare";
  b.setAttribute("aria-label", "Close");
  b.append(icon("i-x"));
  b.addEventListener("click", () => box.remove());
  return b;
}
