// Before anything is drawn: the theme that the person or the system chose, as shell.js keeps it.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("forecast-shell/theme"); } catch { /* storage refused */ }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
})();
