// The dashboard's script: signs in, fetches a page's content into its frame, keeps it live, and does what buttons say.
// Markup comes from the server; nothing here puts a foreign text into HTML.
import { morph } from "./morph.js";
import { actions } from "./actions.js";
import { startKeyboard } from "./keyboard.js";
import { toast, ask } from "./float.js";
import { sortAndFilter } from "./table.js";

const $ = (id) => document.getElementById(id);
const content = $("content");
export const app = { page: document.body.dataset.page, metric: "requests", call, show, go, signedOut, refresh: () => live() };

// call asks the server with the session's token. It answers with the Response, or throws an error made for people.
async function call(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, { method, signal, cache: "no-store", credentials: "omit",
      headers: { Authorization: "Bearer " + (localStorage.getItem("session") ?? ""), ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw Object.assign(new Error("LocalRouter does not answer"), { away: true });
  }
  if (response.ok) return response;
  const problem = await response.json().then((p) => p.error, () => ({}));
  if (response.status === 401) signedOut();
  throw Object.assign(new Error([problem.message, problem.next_step].filter(Boolean).map((s) => s[0].toUpperCase() + s.slice(1)).join(". ") || "LocalRouter answered " + response.status), { status: response.status });
}

// show puts the page's content into the frame and starts its live updates.
async function show() {
  if (!localStorage.getItem("session")) return signedOut();
  let html;
  try {
    html = await (await call("GET", "/content/" + app.page)).text();
  } catch (error) {
    if (error.status !== 401) away(), setTimeout(show, 2000);
    return;
  }
  closeGraph();
  morph(content, html);
  document.body.dataset.state = "open";
  pressed();
  if (app.page === "keys") sortAndFilter();
  if (app.page === "overview") await openGraph();
  live();
}

// go moves to another page of the navigation without a reload.
function go(path, push = true) {
  const link = document.querySelector(`.pages a[href="${path}"]`);
  if (!link) return;
  if (push && location.pathname !== path) history.pushState(null, "", path);
  app.page = link.dataset.nav;
  document.body.dataset.page = app.page;
  document.title = link.querySelector("span").textContent + " · LocalRouter";
  for (const a of document.querySelectorAll(".pages a")) a === link ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current");
  document.querySelector(".nav").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  show();
  content.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// signedOut says how to come back in.
function signedOut(reason) {
  stopLive();
  closeGraph();
  localStorage.removeItem("session");
  document.body.dataset.state = "signed-out";
  const card = $("t-sign-in").content.cloneNode(true);
  card.querySelector("[data-reason]").textContent = reason ?? "This browser has no session, or it ended: sessions last until LocalRouter quits, 30 days at most.";
  content.replaceChildren(card);
  document.title = "Sign in · LocalRouter";
}

// login trades the one-time code behind the # for a session.
async function login() {
  const code = location.hash.slice(1);
  history.replaceState(null, "", "/");
  if (!code) return show();
  try {
    const response = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }), credentials: "omit" });
    if (!response.ok) {
      if (localStorage.getItem("session")) return show(); // an old link in a browser that is signed in already
      return signedOut("The code in the address was used already or is older than a minute.");
    }
    localStorage.setItem("session", (await response.json()).token);
  } catch {
    return signedOut("LocalRouter does not answer.");
  }
  show();
}

// live reads one JSON line at a time and changes what changed. It rests while the page is hidden.
let stream = null;
async function live() {
  stopLive();
  if (document.hidden) return;
  const mine = (stream = new AbortController());
  try {
    const response = await call("GET", `/live/${app.page}?metric=${app.metric}`, undefined, mine.signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    back();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (stream === mine) apply(JSON.parse(line));
    }
  } catch (error) {
    if (mine.signal.aborted || error.status === 401) return;
    away();
  }
  if (stream === mine) setTimeout(() => stream === mine && live(), 2000);
}

function stopLive() {
  stream?.abort();
  stream = null;
}

function apply(update) {
  for (const [id, html] of Object.entries(update.html ?? {})) {
    const element = $(id);
    if (element) morph(element, html, id === "f-keys" ? sortAndFilter : undefined);
  }
  if (update.graph) drawGraph(update.graph);
}

// away and back: while nobody answers, the page says so and the figures stand still.
let since = null;
function away() {
  if (since) return;
  since = new Date();
  $("live")?.classList.add("paused");
  const banner = $("t-away").content.cloneNode(true);
  banner.firstElementChild.id = "away";
  banner.querySelector("[data-since]").textContent = since.toTimeString().slice(0, 8) + ". ";
  (content.querySelector(".head") ?? content).after(banner);
}

function back() {
  since = null;
  $("away")?.remove();
  $("live")?.classList.remove("paused");
}

let graph = null;
async function openGraph() {
  const { Graph } = await import("./chart.js");
  if ($("graph") && !graph) graph = new Graph($("graph"), $("tip"));
}

function drawGraph(g) {
  $("graph-title").textContent = g.title;
  $("graph-unit").textContent = g.unit;
  $("graph-total").textContent = g.total;
  $("graph-table").innerHTML = g.table; // escaped by the server's template
  graph?.draw(g);
}

function closeGraph() {
  graph?.close();
  graph = null;
}

function pressed() {
  for (const tile of document.querySelectorAll(".tile")) tile.setAttribute("aria-pressed", String(tile.dataset.metric === app.metric));
}

// The theme follows the system until the switch says otherwise: system, light, dark.
function applyTheme(next) {
  const chosen = next ?? localStorage.getItem("theme") ?? "system";
  if (chosen === "system") {
    localStorage.removeItem("theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("theme", chosen);
    document.documentElement.dataset.theme = chosen;
  }
  const word = "Theme: " + (chosen === "system" ? "as the system" : chosen);
  $("theme").setAttribute("aria-label", word);
  $("theme").title = word;
  graph?.retheme();
  return word;
}

$("theme").addEventListener("click", () => {
  const order = ["system", "light", "dark"];
  toast("ok", applyTheme(order[(order.indexOf(localStorage.getItem("theme") ?? "system") + 1) % 3]), "", "theme");
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => graph?.retheme());
$("menu").addEventListener("click", () => {
  const open = document.querySelector(".nav").classList.toggle("open");
  $("menu").setAttribute("aria-expanded", String(open));
});
$("sign-out").addEventListener("click", async () => {
  if (!(await ask("Sign out everywhere?", "Every browser that is signed in needs a new code. Applications and their keys are not touched.", "Stay", "Sign out"))) return;
  try {
    await call("POST", "/do/logout-everywhere");
    signedOut("Signed out everywhere.");
  } catch (error) {
    toast("err", error.message);
  }
});
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="/"]');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    go(link.getAttribute("href"));
    return;
  }
  const tile = event.target.closest(".tile");
  if (tile && tile.dataset.metric !== app.metric) {
    app.metric = tile.dataset.metric;
    pressed();
    live();
  }
});
addEventListener("popstate", () => go(location.pathname, false));
addEventListener("storage", (event) => {
  if (event.key === "theme") applyTheme();
  if (event.key === "session" && event.newValue && document.body.dataset.state === "signed-out") show();
});
document.addEventListener("visibilitychange", () => document.body.dataset.state === "open" && (document.hidden ? stopLive() : live()));

applyTheme();
actions(app);
startKeyboard(app);
if (location.pathname === "/login") login();
else show();
