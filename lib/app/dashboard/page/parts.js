// What all parts of the page are made of: elements, numbers for people, help, badges, tables, charts.

export function h(tag, about = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(about)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "html") made.innerHTML = value;
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

let numbers = 0;
export const fresh = (word) => `forecasts-${word}-${(numbers += 1)}`;

// -- numbers --------------------------------------------------------------------------------

// As many decimals as a price of that size needs.
export const decimals = (size) => (size >= 1000 ? 0 : size >= 10 ? 2 : size >= 0.1 ? 4 : Math.min(10, 4 - Math.floor(Math.log10(size || 1))));

export function price(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  const digits = decimals(size);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function large(value) {
  if (value === null || value === undefined) return "";
  for (const [size, name] of [[1e12, "tn"], [1e9, "bn"], [1e6, "m"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))} ${name}`;
  }
  return String(Number(value.toPrecision(3)));
}

export function percent(value, signed = false) {
  if (value === null || value === undefined) return "";
  return `${signed && value > 0 ? "+" : ""}${value.toFixed(1)} %`.replace("-", "\u2212");
}

export function signed(value) {
  if (value === null || value === undefined) return "";
  return `${value > 0 ? "+" : ""}${value.toFixed(2)}`.replace("-", "\u2212");
}

export function duration(seconds) {
  if (seconds < 1) return "1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// Sentences from the server, with percents as everywhere on the page.
export const said = (text) => text.replace(/(\d)%/g, "$1 %");

// -- help, badges ---------------------------------------------------------------------------

export function help(app, term) {
  const meaning = app.info.glossary[term];
  if (!meaning) return null;
  const id = fresh("help");
  const tip = h("div.tip", { id, popover: "auto", role: "note", html: `<strong>${term}</strong> ${meaning}` });
  const button = h("button.help", { type: "button", "aria-label": `What is ${term}?` }, "?");
  button.addEventListener("click", () => {
    if (!tip.isConnected) app.root.append(tip);
    tip.togglePopover();
    const at = button.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.min(at.bottom + 6, innerHeight - tip.offsetHeight - 8)}px`;
  });
  return button;
}

const MARKS = { worse: "\u25bc", same: "\u2248", better: "\u25b2", unknown: "?" };
export const badge = (verdict) =>
  h(`span.badge.${verdict.kind}`, {}, h("span", { "aria-hidden": "true" }, `${MARKS[verdict.kind]} `), verdict.words);

// -- tables ---------------------------------------------------------------------------------

// columns: {name, label, title, term, cell(row) -> text or node, value(row) for sorting, word}.
export function table(app, { label, columns, rows, key, sort, onsort, chosen, onchoose, empty }) {
  const [by, down] = sort || [null, false];
  const column = columns.find((one) => one.name === by);
  const sorted = column ? [...rows].sort((a, b) => order(column.value(a), column.value(b)) * (down ? -1 : 1)) : rows;
  const heads = columns.map((one) => {
    const is = one.name === by;
    const inside = one.value && onsort
      ? h("button.sort", { type: "button", title: one.title, onclick: () => onsort([one.name, is ? !down : !one.word]) },
        one.label, h("span", { "aria-hidden": "true" }, is ? (down ? " \u2193" : " \u2191") : ""))
      : one.label;
    return h(`th${one.word ? ".word" : ""}`, { scope: "col", "aria-sort": is ? (down ? "descending" : "ascending") : null },
      inside, one.term ? help(app, one.term) : null);
  });
  const body = sorted.map((row) => {
    const is = chosen !== undefined && key(row) === chosen;
    const line = h(`tr${is ? ".chosen" : ""}`, {}, columns.map((one, place) => {
      const content = one.cell(row);
      return h(`${place ? "td" : "th"}${one.word ? ".word" : ""}${one.kind ? `.${one.kind(row)}` : ""}`,
        place ? {} : { scope: "row" }, content);
    }));
    if (onchoose) {
      line.addEventListener("click", (event) => {
        if (!event.target.closest("button, input, a")) onchoose(row);
      });
    }
    return line;
  });
  if (!rows.length && empty) body.push(h("tr", {}, h("td.word", { colSpan: columns.length }, empty)));
  return h("div.scroll", { tabIndex: 0, role: "group", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)));
}

function order(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return a < b ? -1 : 1;
}

export function sparkline(closes, label) {
  const [width, height] = [66, 24];
  const known = closes.map((value, place) => [place, value]).filter(([, value]) => value !== null);
  if (known.length < 2) return "";
  const values = known.map(([, value]) => value);
  const low = Math.min(...values);
  const scale = (height - 4) / (Math.max(...values) - low || 1);
  const points = known
    .map(([place, value]) => `${(2 + ((width - 4) * place) / (closes.length - 1)).toFixed(1)},`
      + `${(height - 2 - (value - low) * scale).toFixed(1)}`).join(" ");
  const kind = values.at(-1) >= values[0] ? "up" : "down";
  return h("span", { html:
    `<svg class="spark ${kind}" role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}"`
    + ` height="${height}"><polyline points="${points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>` });
}

// -- charts ---------------------------------------------------------------------------------

const CONFIG = {
  displaylogo: false, responsive: true, scrollZoom: false, displayModeBar: "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
};

export async function plot(app, place, figure, file, label) {
  await app.transport.library("plotly.js");
  const width = place.clientWidth;
  const layout = { ...figure.layout, autosize: true, ...(width ? { width } : {}) };
  const options = { ...CONFIG, toImageButtonOptions: { format: "png", scale: 2, filename: file } };
  await window.Plotly.react(place, figure.data, layout, options);
  place.setAttribute("role", "figure"); // no image: its buttons can be reached
  place.setAttribute("aria-label", label || figure.layout.title?.text || "Chart");
  if (!place.watched) {
    place.watched = new ResizeObserver(() => {
      if (place.data && place.clientWidth && place.clientWidth !== place.layout?.width) {
        window.Plotly.relayout(place, { width: place.clientWidth });
      }
    });
    place.watched.observe(place);
  }
}

// Without a chart again, so that the next one is drawn from scratch.
export function unplot(place) {
  if (place.data) window.Plotly.purge(place);
  place.replaceChildren();
}

// A region that says that it works on something, if that takes longer than a moment.
export async function busy(place, work) {
  const later = setTimeout(() => place.setAttribute("aria-busy", "true"), 100);
  try {
    return await work();
  } finally {
    clearTimeout(later);
    place.removeAttribute("aria-busy");
  }
}

// Only the newest answer counts: an older one that comes later is dropped.
export function newest() {
  let last = 0;
  return async (work) => {
    const mine = (last += 1);
    const found = await work();
    return mine === last ? found : undefined;
  };
}
