// Changes an element's children into those of a piece of HTML and touches only what differs, so that focus, hover and
// what one types stay where they are. Children with data-key are recognised by it, others by their place.

// What arrange does to the new children before, such as sorting them, costs the old ones no move.
export function morph(element, html, arrange) {
  const made = document.createElement("template");
  made.innerHTML = html;
  arrange?.(made.content);
  children(element, made.content);
}

const keyOf = (node) => node.nodeType === 1 ? node.dataset.key ?? (node.id || null) : null;

function children(old, now) {
  const byKey = new Map();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key !== null) byKey.set(key, child);
  }
  let at = old.firstChild;
  for (const want of [...now.childNodes]) {
    const key = keyOf(want);
    let have = key !== null ? byKey.get(key) : at;
    if (have && (have.nodeName !== want.nodeName || (key === null && keyOf(have) !== null))) have = null;
    if (!have) {
      old.insertBefore(want, at);
      continue;
    }
    if (have !== at) (old.moveBefore ?? old.insertBefore).call(old, have, at); // moveBefore keeps focus, where there is one
    else at = at.nextSibling;
    same(have, want);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function same(have, want) {
  if (have.nodeType !== 1) {
    if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    return;
  }
  if (have.dataset.keep !== undefined) return; // somebody types here
  for (const { name, value } of [...want.attributes]) {
    if (have.getAttribute(name) !== value) have.setAttribute(name, value);
  }
  for (const { name } of [...have.attributes]) {
    if (!want.hasAttribute(name)) have.removeAttribute(name);
  }
  children(have, want);
}
