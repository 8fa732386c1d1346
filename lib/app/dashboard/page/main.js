// The page: what it knows, its parts, its address, and its two entrances (a web page, a notebook's widget).

import { recall, remember, overHttp, overKernel } from "./ask.js";
import { chosen, evaluating, predicting, results, visualizing } from "./forecast.js";
import { divider, theme } from "./layout.js";
import { fresh, h } from "./parts.js";
import { priceChart } from "./price_chart.js";
import { rating } from "./rating.js";
import { chip, parameters, training, trainings } from "./training.js";
import { watchlist } from "./watchlist.js";

const PHASES = ["parameters", "training", "evaluating", "visualizing", "predicting", "results"];
const AGAIN_MS = 2000;
const ADDRESS = ["source", "coin", "network", "phase", "trained"];

class App {
  constructor(root, transport) {
    Object.assign(this, { root, transport, indicators: {}, networks: [], rows: [], run: null, trained: null, phase: "parameters" });
    this.listeners = new Map();
  }

  async ask(...about) {
    try {
      return await this.transport.ask(...about);
    } catch (error) {
      if (error.status === 0) this.lost(error);
      throw error;
    }
  }

  // A server that is away is asked until it is back, and then for what it could not give.
  async lost(error) {
    if (this.away || !this.info) return;
    this.away = true;
    this.say(error.message, true);
    for (;;) {
      await new Promise((wake) => setTimeout(wake, AGAIN_MS));
      try {
        await this.transport.ask("GET", "health");
        break;
      } catch { /* not yet */ }
    }
    this.away = false;
    this.say("The server is back.");
    this.tell("back");
  }

  on(name, call) {
    this.listeners.set(name, [...(this.listeners.get(name) || []), call]);
  }

  tell(name, about) {
    for (const call of this.listeners.get(name) || []) call(about);
  }

  sourceName() {
    return this.info.sources.find((one) => one.name === this.source).label;
  }

  // Change what the page is about; the address follows, so that Back and a link lead to the same.
  go(wanted, replace = false) {
    const changes = { ...wanted };
    if (changes.coin && changes.coin !== this.coin && !("trained" in changes)) {
      const own = this.networks.find((one) => one.ticker === changes.coin);
      changes.trained = own ? own.network : null;
      if (!own && !["parameters", "training"].includes(this.phase)) changes.phase = "parameters";
    }
    const names = Object.keys(changes).filter((name) => this[name] !== changes[name]);
    for (const name of names) this[name] = changes[name];
    if (names.length && this.transport.linked) {
      const state = new URLSearchParams(ADDRESS.filter((name) => this[name]).map((name) => [name, this[name]]));
      history[replace ? "replaceState" : "pushState"](null, "", `?${state}`);
    }
    for (const name of ADDRESS) if (names.includes(name)) this.tell(name);
    if (names.includes("phase") || names.includes("trained")) this.showPhase();
    if (names.length) document.title = this.transport.linked ? `${this.coin} \u00b7 ${this.info.title}` : document.title;
  }
}

function fromAddress(app) {
  const given = Object.fromEntries(new URLSearchParams(app.transport.linked ? location.search : ""));
  const source = app.info.sources.some((one) => one.name === given.source) ? given.source : app.info.sources[0].name;
  const own = app.info.sources.find((one) => one.name === source);
  return {
    source, coin: (given.coin || own.coins[0]).toUpperCase().slice(0, 32),
    network: app.info.networks.includes(given.network) ? given.network : app.info.first.network,
    phase: PHASES.includes(given.phase) ? given.phase : "parameters", trained: given.trained || null,
  };
}

function build(app) {
  const status = h("p.status", { role: "status", "aria-live": "polite" });
  const alert = h("p.status.fault", { role: "alert" });
  app.say = (text, urgent = false) => {
    (urgent ? alert : status).textContent = text;
    (urgent ? status : alert).textContent = "";
  };
  const source = h("select", { id: fresh("source"), onchange: () => {
    const own = app.info.sources.find((one) => one.name === source.value);
    app.go({ source: own.name, coin: own.coins[0] });
  } }, app.info.sources.map((one) => h("option", { value: one.name }, one.label)));
  app.on("source", () => { source.value = app.source; });
  source.value = app.source;
  const market = watchlist(app);
  const chart = priceChart(app);
  const technical = rating(app);
  const learning = learningPanel(app);
  const finished = trainings(app);
  app.listTrainings = finished.load;
  const columns = divider(app, { name: "left", label: "Width of the watchlist", low: 25, high: 65, usual: 50, across: true });
  const tall = divider(app, { name: "chart", label: "Height of the price chart", low: 240, high: 900, usual: 420, across: false });
  chart.box.append(tall.box);
  const reset = h("button.reset", { type: "button", title: "Sizes as they were at first", onclick: () => [columns, tall].forEach((one) => one.reset()) }, "Reset layout");
  app.root.replaceChildren(
    h("header.top", {}, h("h1", {}, app.info.title), h("div.said", {}, status, alert), chip(app), h("span.row", {}, h("label", { for: source.id }, "Prices"), source, theme(app), reset)),
    h("div.columns", {},
      h("div.left", {}, market.box, learning.box, finished.box), columns.box,
      h("div.right", {}, chart.box, technical.box)));
  app.on("source", () => {
    app.say("");
    market.load();
  });
  app.on("back", market.load);
  return { market, chart, learning, finished };
}

function learningPanel(app) {
  const network = chosen(app);
  const outcome = results(app);
  const pages = { parameters: parameters(app), training: training(app), evaluating: evaluating(app, network),
    visualizing: visualizing(app, network), predicting: predicting(app, network, outcome), results: outcome };
  app.attach = pages.training.attach;
  const steps = h("ol.steps", {});
  const here = h("p.small.step-here");
  const body = h("div.phases", { tabIndex: -1 }, Object.values(pages).map((page) => page.box));
  const box = h("section.panel.learning", { "aria-label": "Forecast" }, h("h2", {}, "Forecast"),
    h("nav", { "aria-label": "Phases" }, steps, here), body);
  const open = (phase) => phase === "parameters" || (phase === "training" ? Boolean(app.run) : Boolean(app.trained));

  function draw() {
    const focused = steps.contains(document.activeElement) ? document.activeElement.dataset.phase : null;
    steps.replaceChildren(...PHASES.map((phase, k) => h("li", {}, h("button.step", { type: "button", "data-phase": phase,
      "aria-current": phase === app.phase ? "step" : null, disabled: !open(phase),
      title: open(phase) ? null : "Train a network first, or use one of the trainings below",
      onclick: () => app.go({ phase }) },
    h("span.number", {}, String(k + 1)), h("span.name", {}, `${phase[0].toUpperCase()}${phase.slice(1)}`)))));
    if (focused) steps.querySelector(`[data-phase="${focused}"]`)?.focus();
    here.textContent = `Step ${PHASES.indexOf(app.phase) + 1} of ${PHASES.length}: ${app.phase}`;
  }

  app.showPhase = () => {
    if (!open(app.phase)) app.phase = "parameters";
    for (const [phase, page] of Object.entries(pages)) page.box.hidden = phase !== app.phase;
    draw();
    pages[app.phase].show();
  };
  app.focusPhase = () => {
    body.focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest", behavior: "instant" });
  };
  app.on("run", draw);
  return { box, begin: pages.parameters.begin };
}

async function begin(app) {
  app.info = await app.ask("GET", "dashboard/start");
  Object.assign(app, fromAddress(app));
  const parts = build(app);
  const prices = Promise.all([parts.market.load(), parts.chart.load().catch(() => null)]);
  // An address may name a phase that only these two open.
  await Promise.all([parts.finished.load(), reattach(app)]);
  if (!app.networks.some((one) => one.network === app.trained)) app.trained = null;
  if (!app.trained) app.trained = app.networks.find((one) => one.ticker === app.coin)?.network || null;
  app.tell("trained");
  app.showPhase();
  const [loaded] = await prices;
  if (app.transport.linked) {
    window.addEventListener("popstate", () => {
      const wanted = fromAddress(app);
      const names = ADDRESS.filter((name) => app[name] !== wanted[name]);
      Object.assign(app, wanted);
      for (const name of names) app.tell(name);
      app.showPhase();
    });
  }
  app.root.dataset.ready = String(Boolean(loaded));
  // What is needed next, while a person reads.
  setTimeout(() => {
    app.transport.library("plotly.js").catch(() => null);
  }, 300);
  setTimeout(() => parts.learning.begin(), 2000);
}

// The newest training is found again after a reload: it goes on, or its curve is still there.
async function reattach(app) {
  try {
    const [newest] = await app.ask("GET", "trainings");
    if (newest) app.attach(newest);
  } catch (error) {
    app.say(error.message, true);
  }
}

async function run(root, transport) {
  root.classList.add("forecasts");
  root.dataset.lmSuppressShortcuts = "true";
  root.dataset.theme = recall("theme", () => "") || "light";
  const app = new App(root, transport);
  for (;;) {
    try {
      await begin(app);
      return app;
    } catch (error) {
      if (error.status === 401) await token(root);
      else {
        root.replaceChildren(h("p.fault", { role: "alert" }, error.message || String(error)));
        if (error.status === undefined) throw error;
        await new Promise((wake) => setTimeout(wake, 2000));
      }
    }
  }
}

// Ask for the token of a server that needs one.
function token(root) {
  return new Promise((given) => {
    const input = h("input", { type: "password", id: fresh("token"), autocomplete: "current-password", required: true });
    root.replaceChildren(h("form.panel.login", { onsubmit: (event) => {
      event.preventDefault();
      localStorage.setItem("forecasts token", input.value.trim());
      given();
    } }, h("h1", {}, "Coin forecasts"), h("label", { for: input.id }, "Token of this server (SERVICE_TOKEN)"), input,
    h("button.primary", { type: "submit" }, "Enter"), localStorage.getItem("forecasts token") ? h("p.fault", { role: "alert" }, "That is not the token.") : null));
    input.focus();
  });
}

export function start(root) {
  const version = new URL(import.meta.url).searchParams.get("v") || "";
  const base = new URL(".", document.baseURI.split("?")[0]).href;
  const given = new URLSearchParams(location.search);
  if (given.has("token")) {
    localStorage.setItem("forecasts token", given.get("token"));
    given.delete("token"); // out of the address, which people copy
    history.replaceState(null, "", `?${given}`);
  }
  return run(root, overHttp(base, version));
}

function render({ model, el }) {
  const root = h("div");
  el.append(root);
  run(root, overKernel(model));
}

const page = document.getElementById("forecasts");
if (page && !page.dataset.ready) start(page);
