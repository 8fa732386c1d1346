// Dividers that can be dragged and moved by keys, the theme, and what a browser remembers of both.

import { recall, remember } from "./ask.js";
import { h } from "./parts.js";

const STEP = 2; // percent an arrow key moves

export function divider(app, { name, label, low, high, usual, across }) {
  const apply = (value) => {
    app.root.style.setProperty(`--${name}`, across ? `${value}%` : `${value}px`);
    made.setAttribute("aria-valuenow", String(Math.round(value)));
  };
  const made = h(`div.divider.${across ? "across" : "down"}`, { role: "separator", tabIndex: 0, "aria-label": label,
    "aria-orientation": across ? "vertical" : "horizontal", "aria-valuemin": String(low), "aria-valuemax": String(high) });
  let value = Math.min(high, Math.max(low, recall(name, () => usual)));
  const set = (wanted) => {
    value = Math.min(high, Math.max(low, wanted));
    remember(name, value);
    apply(value);
  };
  made.addEventListener("pointerdown", (down) => {
    made.setPointerCapture(down.pointerId);
    const from = value;
    const whole = across ? made.parentElement.clientWidth / 100 : 1;
    const move = (event) => set(from + (across ? event.clientX - down.clientX : event.clientY - down.clientY) / whole);
    const up = () => {
      made.removeEventListener("pointermove", move);
      made.removeEventListener("pointerup", up);
      made.removeEventListener("pointercancel", up);
    };
    made.addEventListener("pointermove", move);
    made.addEventListener("pointerup", up);
    made.addEventListener("pointercancel", up);
    down.preventDefault();
  });
  made.addEventListener("keydown", (event) => {
    const step = across ? STEP : 20;
    const by = { ArrowLeft: -step, ArrowUp: -step, ArrowRight: step, ArrowDown: step }[event.key];
    if (by) set(value + by);
    else if (event.key === "Home") set(low);
    else if (event.key === "End") set(high);
    else return;
    event.preventDefault();
  });
  made.addEventListener("dblclick", () => set(usual));
  apply(value);
  return { box: made, reset: () => set(usual) };
}

export function theme(app) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const inNotebook = () => document.body.dataset.jpThemeLight;
  const usual = () => (inNotebook() ? (inNotebook() === "true" ? "light" : "dark") : system.matches ? "dark" : "light");
  let own = recall("theme", () => "");
  const button = h("button", { type: "button", onclick: () => {
    own = app.theme === "dark" ? "light" : "dark";
    remember("theme", own);
    apply();
  } });
  function apply() {
    const wanted = own || usual();
    button.textContent = wanted === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to the ${wanted === "dark" ? "light" : "dark"} theme`);
    if (wanted === app.theme) return;
    app.theme = wanted;
    app.root.dataset.theme = wanted;
    if (app.transport.linked) document.documentElement.dataset.theme = wanted;
    app.tell("theme");
  }
  system.addEventListener("change", apply);
  if (inNotebook()) new MutationObserver(apply).observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  apply();
  return button;
}
