// What the buttons do. Each names its deed in data-act; the server does it, and the live answer shows the outcome.
import { ask, toast } from "./float.js";
import { setSearch, sortBy } from "./table.js";

const $ = (id) => document.getElementById(id);
let app;

const deeds = {
  async gateway(b) {
    const { status, detail } = await (await app.call("POST", "/do/gateway", { running: b.dataset.now !== "true" })).json();
    if (status === "error" && detail) toast("err", detail);
  },
  "stop-run": (b) => app.call("POST", `/do/runs/${encodeURIComponent(b.dataset.id)}/stop`),
  async "vault-retry"() {
    const { status, detail } = await (await app.call("POST", "/do/vault/retry")).json();
    status === "ready" ? toast("ok", "The vault is open") : toast("err", detail);
  },
  async "budget-allow"(b) {
    const { until } = await (await app.call("POST", "/do/budget/allow", { account: b.dataset.id })).json();
    toast("ok", "Requests go on until " + new Date(until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
  },
  "new-key": () => openForm(true),
  "new-key-close": () => openForm(false),
  "key-switch": (b) => app.call("PATCH", "/do/keys/" + encodeURIComponent(b.dataset.id), { enabled: b.dataset.now !== "true" }),
  "key-rename": (b) => rename(b),
  async "key-regenerate"(b) {
    const name = b.dataset.name;
    if (!(await ask(`New secret for ${name}?`, `The secret that ${name} uses now gets 401 from its next request on. Its name, limits and past requests stay.`, "Keep", "Make a new secret"))) return;
    await showSecret(await app.call("POST", `/content/keys/${encodeURIComponent(b.dataset.id)}/regenerate`));
  },
  async "key-delete"(b) {
    const name = b.dataset.name;
    if (!(await ask(`Delete ${name}?`, `${name} gets 401 from its next request on, and what it runs now ends. Its past requests stay in the log.`, "Keep", "Delete " + name))) return;
    await app.call("DELETE", "/do/keys/" + encodeURIComponent(b.dataset.id));
    if (document.querySelector(".secret")?.dataset.key === b.dataset.id) $("secret").replaceChildren();
    toast("off", name + " deleted");
  },
  "secret-close": () => { $("secret").replaceChildren(); $("search").focus(); },
  snippet: (b) => chooseSnippet(b),
  "clear-search": () => { $("search").value = ""; setSearch(""); $("search").focus(); },
};

export function actions(of) {
  app = of;
  document.addEventListener("click", async (event) => {
    const copied = event.target.closest("[data-copy]");
    if (copied) return copy(copied);
    const sorted = event.target.closest("th[data-sort] button");
    if (sorted) return sortBy(sorted.closest("th").dataset.sort);
    const button = event.target.closest("[data-act]");
    if (!button || button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await deeds[button.dataset.act](button);
      if (/^(gateway|stop-run|vault-retry|budget-allow|key-)/.test(button.dataset.act)) app.refresh();
    } catch (error) {
      if (error.status !== 401) toast("err", error.message);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "new-key") return;
    event.preventDefault();
    create();
  });
  document.addEventListener("input", (event) => event.target.id === "search" && setSearch(event.target.value));
  document.addEventListener("focusin", (event) => event.target.id === "secret-value" && event.target.select());
  document.addEventListener("keydown", (event) => {
    if (event.target.getAttribute("role") === "tab" && /^Arrow(Left|Right)$/.test(event.key)) nextTab(event);
  });
}

// copy puts a text on the clipboard and says so. Where the browser refuses, the text is selected for Ctrl C.
export async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    toast("ok", button.dataset.said ?? "Copied", "");
  } catch {
    const field = button.parentElement.querySelector("input,pre,code");
    if (field) getSelection().selectAllChildren(field), field.select?.();
    toast("err", "The browser did not allow copying. Select the text and copy it by hand.");
  }
}

function openForm(open) {
  const form = $("new-key");
  if (!form) return;
  form.hidden = !open;
  says("Without a name it gets the next free one, such as my-app-1.", false);
  $("new-key-name").value = "";
  (open ? $("new-key-name") : document.querySelector('.head [data-act="new-key"]')).focus();
}

function says(text, wrong) {
  $("new-key-says").textContent = text;
  $("new-key-says").classList.toggle("err-text", wrong);
  $("new-key-name").setAttribute("aria-invalid", String(wrong));
}

async function create() {
  const send = $("new-key").querySelector("[type=submit]");
  if (send.getAttribute("aria-busy") === "true") return;
  send.setAttribute("aria-busy", "true");
  try {
    const response = await app.call("POST", "/content/keys", { name: $("new-key-name").value.trim() });
    openForm(false);
    await showSecret(response);
    app.refresh();
  } catch (error) {
    if (error.status !== 401) says(error.message, true), $("new-key-name").focus();
  } finally {
    send.removeAttribute("aria-busy");
  }
}

async function showSecret(response) {
  $("secret").innerHTML = await response.text(); // escaped by the server's template
  $("secret").scrollIntoView({ block: "nearest" });
  $("secret-copy").focus();
}

function chooseSnippet(tab) {
  const tabs = [...tab.parentElement.children];
  for (const t of tabs) {
    const chosen = t === tab;
    t.setAttribute("aria-selected", String(chosen));
    t.tabIndex = chosen ? 0 : -1;
    $(t.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function nextTab(event) {
  const tabs = [...event.target.parentElement.children];
  const next = tabs[(tabs.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
  chooseSnippet(next);
  next.focus();
}

// rename turns a name into a field; Enter keeps, Esc leaves it as it was. Live updates leave the cell alone meanwhile.
function rename(button) {
  const cell = button.closest("tr").cells[0];
  if (cell.dataset.keep !== undefined) return;
  const old = [...cell.childNodes];
  const form = document.createElement("form");
  form.className = "rename";
  const field = Object.assign(document.createElement("input"), { value: button.dataset.name, maxLength: 64, autocomplete: "off", spellcheck: false });
  field.setAttribute("aria-label", "New name of " + button.dataset.name);
  const save = Object.assign(document.createElement("button"), { type: "submit", textContent: "Save" });
  form.append(field, save);
  cell.dataset.keep = "";
  cell.replaceChildren(form);
  field.focus();
  field.select();
  const end = () => {
    if (cell.dataset.keep === undefined) return;
    delete cell.dataset.keep;
    cell.replaceChildren(...old);
    button.focus();
  };
  form.addEventListener("cancel-rename", end);
  form.addEventListener("focusout", (e) => !form.contains(e.relatedTarget) && end());
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    try {
      if (field.value.trim() !== button.dataset.name) await app.call("PATCH", "/do/keys/" + encodeURIComponent(button.dataset.id), { name: field.value.trim() });
      end();
      app.refresh();
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
      toast("err", error.message);
    }
  });
}
