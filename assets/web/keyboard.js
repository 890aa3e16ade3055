// Single keys. They are off while one types, and can be switched off for good.
import { toast } from "./float.js";
import { copy } from "./actions.js";

const $ = (id) => document.getElementById(id);
const on = () => localStorage.getItem("single-keys") !== "off";

export function startKeyboard(app) {
  let before = "";
  $("single-keys").checked = on();
  $("single-keys").addEventListener("change", (e) => (e.target.checked ? localStorage.removeItem("single-keys") : localStorage.setItem("single-keys", "off")));
  $("help-button").addEventListener("click", () => $("help").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return escape();
    const typing = event.target.matches("input:not([type=checkbox]),textarea,select,[contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !on()) return;
    const pair = before + event.key;
    before = event.key === "g" ? "g" : "";
    if (act(app, pair.startsWith("g") && pair.length > 1 ? pair : event.key)) event.preventDefault();
  });
}

function act(app, keys) {
  switch (keys) {
    case "/":
      $("search")?.focus();
      return $("search") !== null;
    case "go": app.go("/"); return true;
    case "gk": app.go("/keys"); return true;
    case "j": case "ArrowDown": return step(1);
    case "k": case "ArrowUp": return step(-1);
    case "c": {
      const button = $("copy-address");
      button ? copy(button) : toast("off", "There is no address to copy now");
      return true;
    }
    case "?": $("help").showModal(); return true;
  }
  return false;
}

// step moves the focus through the rows of the list; arrows scroll where no row is in focus.
function step(by) {
  const rows = [...document.querySelectorAll(".key-table tbody tr:not([hidden])")];
  if (rows.length === 0) return false;
  const at = rows.indexOf(document.activeElement?.closest?.("tr"));
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))].focus();
  return true;
}

function escape() {
  const nav = document.querySelector(".nav");
  if (nav.classList.contains("open")) {
    nav.classList.remove("open");
    $("menu").setAttribute("aria-expanded", "false");
    $("menu").focus();
    return;
  }
  const field = document.activeElement;
  if (field?.closest(".rename")) field.closest(".rename").dispatchEvent(new CustomEvent("cancel-rename"));
  else if (field?.closest("#new-key")) document.querySelector('[data-act="new-key-close"]').click();
  else if (field?.id === "search") {
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.blur();
  }
}
