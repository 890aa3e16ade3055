// Sorting and searching the list of keys. Both live in the URL, so a reload and a link keep them.
const $ = (id) => document.getElementById(id);
const state = () => new URLSearchParams(location.search);

// sortAndFilter puts the rows of the list under root in order and hides what the search does not find.
export function sortAndFilter(root = document) {
  const table = root.querySelector(".key-table");
  const search = $("search");
  if (!search) return;
  const wanted = state().get("q") ?? "";
  if (search.value !== wanted && document.activeElement !== search) search.value = wanted;
  if (!table) {
    $("no-match").hidden = true;
    return;
  }
  sort(table);
  let found = 0;
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    row.hidden = !row.dataset.name.toLowerCase().includes(search.value.trim().toLowerCase());
    if (!row.hidden) found++;
  }
  table.hidden = found === 0;
  $("no-match").hidden = found !== 0;
  $("no-match").querySelector("strong").textContent = `Nothing matches "${search.value.trim()}"`;
  $("no-match").querySelector("span").textContent = rows.length === 1 ? "1 key is known." : rows.length + " keys are known.";
}

function sort(table) {
  const [by, direction] = (state().get("sort") ?? "").split("-");
  for (const th of table.querySelectorAll("th[data-sort]")) {
    th.setAttribute("aria-sort", th.dataset.sort !== by ? "none" : direction === "down" ? "descending" : "ascending");
  }
  if (!by) return;
  const sign = direction === "down" ? -1 : 1;
  const value = (row) => (by === "name" ? row.dataset.name.toLowerCase() : Number(row.dataset[by]));
  const rows = [...table.tBodies[0].rows];
  const sorted = rows.toSorted((a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
  if (sorted.some((row, i) => row !== rows[i])) table.tBodies[0].append(...sorted);
}

// setState writes one part of the list's state into the URL.
function setState(name, value) {
  const all = state();
  value ? all.set(name, value) : all.delete(name);
  const text = all.toString();
  history.replaceState(null, "", location.pathname + (text ? "?" + text : ""));
  sortAndFilter();
}

export const setSearch = (text) => setState("q", text.trim());

export function sortBy(name) {
  const [by, direction] = (state().get("sort") ?? "").split("-");
  const first = name === "name" ? "up" : "down"; // of figures one wants the largest
  setState("sort", by !== name ? name + "-" + first : direction === first ? name + "-" + (first === "up" ? "down" : "up") : "");
}
