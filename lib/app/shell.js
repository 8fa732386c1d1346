// Behaviour of the dashboard's frame. Each part draws itself, then finds its shell or panel around it.
// What a person chose is kept in the browser only; where storage is refused, it lasts as long as the page.

const THEME = "forecast-shell/theme";
const VISITOR = "forecast-shell/visitor";

function kept(key) {
  try { return window.localStorage.getItem(key); } catch { return null; }
}

function keep(key, value) {
  try {
    if (value === null) window.localStorage.removeItem(key);
    else window.localStorage.setItem(key, value);
  } catch { /* private windows may refuse; nothing depends on it */ }
}

function element(tag, properties = {}, ...children) {
  const { aria = {}, ...own } = properties;
  const made = Object.assign(document.createElement(tag), own);
  for (const [name, value] of Object.entries(aria)) made.setAttribute(name === "role" ? name : `aria-${name}`, value);
  made.append(...children);
  return made;
}

// A part is drawn before its box is in the page, so its surroundings have to be waited for.
function surrounding(el, selector, signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (signal?.aborted) return;
      const found = el.closest(selector);
      if (found && el.isConnected) resolve(found);
      else setTimeout(look, 30);
    };
    look();
  });
}

// Plotly and others measure themselves again when the window says so.
function resized() {
  window.dispatchEvent(new Event("resize"));
}

// A chart that was drawn in a hidden tab, or before it was in the page, has Plotly's own width; it listens a little later than it is drawn,
// on a busy machine much later: so it is sent again, more and more seldom, for a minute and a half.
function fill(chart, tries = 60, pause = 150) {
  const drawn = chart.querySelector(".main-svg")?.getBoundingClientRect().width;
  if (!chart.isConnected || !chart.clientWidth || (drawn && Math.abs(drawn - chart.clientWidth) < 2)) return;
  resized();
  if (tries) setTimeout(fill, pause, chart, tries - 1, Math.min(1.2 * pause, 2000));
}

function say(shell, text) {
  shell.dispatchEvent(new CustomEvent("forecast-say", { detail: text }));
}

// Whose page this is: a random number that the browser keeps, known to nobody but the page's own process.
function visitor() {
  const known = kept(VISITOR);
  if (/^[0-9a-f]{32}$/.test(known ?? "")) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  keep(VISITOR, made);
  return made;
}

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

// The person's choice; else dark if the system or the JupyterLab around it is dark.
function themeNow() {
  const chosen = kept(THEME);
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemDark.matches || document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
}

async function bar({ model, el, signal }) {
  const status = element("p", { className: "forecast-status", aria: { role: "status", live: "polite" } });
  const alert = element("p", { className: "forecast-status forecast-urgent", aria: { role: "alert" } });
  const choice = element("select", { className: "forecast-theme" });
  for (const [value, label] of [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]]) choice.append(new Option(label, value));
  choice.value = kept(THEME) ?? "system";
  const usual = element("button", { type: "button", className: "forecast-usual", textContent: "Usual layout" });
  el.replaceChildren(element("div", { className: "forecast-line" },
    element("div", { className: "forecast-said" }, status, alert),
    element("div", { className: "forecast-tools" }, element("label", { className: "forecast-label" }, "Theme ", choice), usual)));

  const tell = (text, urgent) => {
    const [shown, empty] = urgent ? [alert, status] : [status, alert];
    empty.textContent = "";
    // Emptied first: a sentence that is said again is read again.
    shown.textContent = "";
    setTimeout(() => { shown.textContent = text; }, 50);
  };
  const hear = () => { const said = model.get("said"); if (said.text) tell(said.text, said.urgent); };
  model.on("change:said", hear);
  hear();

  const shell = await surrounding(el, ".forecast-shell", signal);
  const dress = () => {
    const now = themeNow();
    shell.dataset.theme = now;
    if ("forecastPage" in document.documentElement.dataset) document.documentElement.dataset.theme = now;
    if (model.get("theme") !== now) {
      model.set("theme", now);
      model.save_changes();
    }
  };
  dress();
  model.set("visitor", visitor());
  model.save_changes();
  choice.addEventListener("change", () => {
    keep(THEME, choice.value === "system" ? null : choice.value);
    dress();
  });
  usual.addEventListener("click", () => {
    shell.dispatchEvent(new CustomEvent("forecast-usual"));
    tell("The usual layout is back", false);
  });
  shell.addEventListener("forecast-say", (event) => tell(event.detail, false), { signal });
  systemDark.addEventListener("change", dress, { signal });
  // The choice made in another tab holds here too.
  window.addEventListener("storage", (event) => {
    if (event.key !== THEME) return;
    choice.value = kept(THEME) ?? "system";
    dress();
  }, { signal });
  const around = new MutationObserver(dress);
  around.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  signal?.addEventListener("abort", () => { around.disconnect(); model.off("change:said", hear); });
}

async function panel({ model, el, signal }) {
  const [key, title, usualColumns] = ["key", "title", "columns"].map((name) => model.get(name));
  const place = `forecast-shell/${model.get("shell")}/${key}`;
  const id = `forecast-${model.get("shell")}-${key}`;
  const mark = element("span", { className: "forecast-mark", textContent: "▾", aria: { hidden: "true" } });
  const fold = element("button", { type: "button", className: "forecast-fold", aria: { expanded: "true", controls: `${id}-body` } }, mark, title);
  const heading = element("h2", { id: `${id}-title` }, fold);
  const hint = "Drag it. Keyboard: left and right change the width, up and down the height, Home brings the usual size.";
  const handle = element("button", {
    type: "button", className: "forecast-handle", title: hint, aria: { label: `Resize ${title}`, description: hint },
  });
  // JupyterLab would take the arrow keys for moving between cells.
  handle.dataset.lmSuppressShortcuts = "true";
  el.replaceChildren(heading, handle);

  const shell = await surrounding(el, ".forecast-shell", signal);
  const frame = el.closest(".forecast-panel");
  const body = frame.querySelector(":scope > .forecast-body");
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-labelledby", heading.id);
  body.id = `${id}-body`;

  const usual = () => ({ columns: usualColumns, height: null, folded: false });
  let state = usual();
  try { state = { ...state, ...JSON.parse(kept(place) ?? "{}") }; } catch { keep(place, null); }

  const show = () => {
    for (let n = 1; n <= model.get("most_columns"); n++) frame.classList.toggle(`forecast-columns-${n}`, n === state.columns);
    frame.classList.toggle("forecast-sized", state.height !== null);
    body.style.height = state.height === null ? "" : `${state.height}px`;
    frame.classList.toggle("forecast-folded", state.folded);
    fold.setAttribute("aria-expanded", String(!state.folded));
    mark.textContent = state.folded ? "▸" : "▾";
    handle.hidden = state.folded;
    requestAnimationFrame(resized);
  };
  const change = (part) => {
    state = { ...state, ...part };
    show();
  };
  const store = () => keep(place, JSON.stringify(state));
  show();

  const widths = new WeakMap();
  const sized = new ResizeObserver((entries) => {
    const other = entries.filter(({ target, contentRect }) => Math.abs(contentRect.width - (widths.get(target) ?? 0)) >= 1);
    for (const { target, contentRect } of other) {
      widths.set(target, contentRect.width);
      if (target !== body) fill(target);
    }
    if (other.length) requestAnimationFrame(resized);
  });
  sized.observe(body);
  const charts = new MutationObserver(() => {
    for (const chart of body.querySelectorAll(".js-plotly-plot")) {
      if (widths.has(chart)) continue;
      widths.set(chart, 0);
      sized.observe(chart);
    }
  });
  charts.observe(body, { childList: true, subtree: true });
  signal?.addEventListener("abort", () => { sized.disconnect(); charts.disconnect(); });

  const grid = frame.parentElement;
  const columnsNow = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const columnsShown = () => Math.min(state.columns, columnsNow());
  const within = (value, low, high) => Math.max(low, Math.min(high, value));
  const lowest = 96;

  fold.addEventListener("click", () => { change({ folded: !state.folded }); store(); });

  handle.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    down.preventDefault();
    handle.focus();
    handle.setPointerCapture(down.pointerId);
    const gap = parseFloat(getComputedStyle(grid).columnGap) || 0;
    const column = (grid.clientWidth + gap) / columnsNow();
    const width = frame.offsetWidth + gap;
    const height = body.offsetHeight;
    const drag = new AbortController();
    handle.addEventListener("pointermove", (move) => {
      const columns = within(Math.round((width + move.clientX - down.clientX) / column), 1, columnsNow());
      const dy = move.clientY - down.clientY;
      const part = {};
      if (columns !== columnsShown()) part.columns = columns;
      if (state.height !== null || Math.abs(dy) > 4) part.height = Math.max(lowest, Math.round(height + dy));
      change(part);
    }, { signal: drag.signal });
    for (const end of ["pointerup", "pointercancel"]) {
      handle.addEventListener(end, () => { drag.abort(); store(); }, { signal: drag.signal });
    }
  });

  handle.addEventListener("keydown", (event) => {
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const upright = { ArrowUp: -32, ArrowDown: 32 }[event.key];
    if (event.key === "Home") {
      change({ columns: usualColumns, height: null });
      say(shell, `${title}: usual size`);
    } else if (sideways) {
      change({ columns: within(columnsShown() + sideways, 1, columnsNow()) });
      say(shell, `${title}: ${columnsShown()} of ${columnsNow()} columns wide`);
    } else if (upright) {
      change({ height: Math.max(lowest, body.offsetHeight + upright) });
      say(shell, `${title}: ${state.height} pixels high`);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    store();
  });

  shell.addEventListener("forecast-usual", () => { change(usual()); keep(place, null); }, { signal });
}

function render(context) {
  const draw = context.model.get("kind") === "bar" ? bar : panel;
  draw(context);
}

export default { render };
