// Runs before the first paint, so a chosen theme never flashes the other one. It is the only script that is no module.
"use strict";
(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
