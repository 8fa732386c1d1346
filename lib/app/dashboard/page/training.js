// A training: what is asked for, how it goes, and the table of those that ended.

import { recall, remember } from "./ask.js";
import { badge, busy, clock, duration, fresh, h, help, newest, plot, signed, table, unplot } from "./parts.js";

const ENDED = ["done", "failed", "cancelled"];
const TRAINED_SHARE = 0.7; // of the days
const SLIDERS = ["lookback", "epochs", "batch_size", "learning_rate", "dropout_rate"];

export function parameters(app) {
  const [quick] = app.info.presets;
  const { network: _, ...first } = quick.values[app.network];
  const state = { values: { ...app.info.first, ...first }, preset: quick.name, costs: {}, timer: 0 };
  const fields = new Map();
  const cards = h("div.cards", { role: "group", "aria-label": "Presets" });
  const networks = h("div.group", { role: "group", "aria-label": "Network" });
  const whole = h("p.fault", { role: "alert" });
  const start = h("button.primary", { type: "button", onclick: train }, "Train and forecast");
  const coin = h("strong");
  const last = h("p.row");
  const latest = newest();
  for (const about of app.info.fields) if (about.name !== "network") fields.set(about.name, field(about));

  function field(about) {
    const id = fresh(about.name);
    const fault = h("span.fault", { id: `${id}-fault` });
    const hint = h("span.hint", { id: `${id}-hint` }, about.hint);
    const kind = about.kind === "date" ? { type: "date" } : { type: "text", inputMode: "decimal", autocomplete: "off" };
    const input = h("input", { id, ...kind, "aria-describedby": `${hint.id} ${fault.id}`, oninput: () => typed(about) });
    const slider = SLIDERS.includes(about.name) && h("input", { type: "range", tabIndex: -1, "aria-hidden": "true",
      min: "0", max: "1000", oninput: () => slid(about) });
    const box = h("div.field", {}, h("span.row", {}, h("label", { for: id }, about.label), help(app, about.term)),
      h("span.row", {}, input, slider || null), hint, fault);
    return { about, input, slider, fault, box };
  }

  // Rates are found on a logarithmic scale: 0.001 and 0.01 are as far apart as 0.01 and 0.1.
  const log = (about) => about.name === "learning_rate";
  const span = (about) => (log(about) ? [Math.log(1e-4), Math.log(0.1)] : [about.low, Math.min(about.high, about.name === "epochs" ? 300 : Infinity)]);

  function slid(about) {
    const { input, slider } = fields.get(about.name);
    const [low, high] = span(about);
    const at = low + ((high - low) * slider.value) / 1000;
    input.value = log(about) ? Number(Math.exp(at).toPrecision(2)) : about.kind === "whole" ? Math.round(at) : at.toFixed(2);
    typed(about);
  }

  function typed(about) {
    const { input } = fields.get(about.name);
    const text = input.value.trim().replace(",", ".");
    const number = about.kind === "whole" ? /^-?\d+$/.test(text) : about.kind === "number" && /^-?[\d.]+(e-?\d+)?$/i.test(text);
    state.values[about.name] = number ? Number(text) : text;
    state.preset = null;
    draw();
    clearTimeout(state.timer);
    state.timer = setTimeout(check, 200);
  }

  const asked = () => ({ ...state.values, source: app.source, ticker: app.coin, network: app.network });

  async function check() {
    const found = await latest(() => app.ask("POST", "dashboard/check", asked()));
    if (found) say(found.wrong);
  }

  function say(wrong) {
    const rest = [];
    for (const [name, { input, fault }] of fields) {
      fault.textContent = wrong[name] || "";
      input.toggleAttribute("aria-invalid", Boolean(wrong[name]));
      if (wrong[name]) input.setAttribute("aria-invalid", "true");
    }
    for (const [name, text] of Object.entries(wrong)) if (!fields.has(name)) rest.push(text);
    whole.textContent = rest.join(" ");
    if (Object.keys(wrong).some((name) => fields.has(name))) advanced.open = true;
  }

  async function train() {
    start.setAttribute("aria-disabled", "true");
    try {
      say({});
      const { network, ...body } = asked();
      const state = await app.ask("POST", "train?wait=false&plots=false", { ...body, model: network });
      app.attach(state);
      app.go({ phase: "training" });
      app.focusPhase();
    } catch (error) {
      if (error.fields && Object.keys(error.fields).length) say(error.fields);
      else whole.textContent = error.message;
    } finally {
      start.removeAttribute("aria-disabled");
    }
  }

  function choose(preset) {
    const { network, ...values } = preset.values[app.network];
    Object.assign(state.values, values);
    state.preset = preset.name;
    draw();
    check();
  }

  function cost(preset) {
    const known = state.costs[`${preset.name} of ${app.network}`];
    if (!known) return "being measured ...";
    const { epochs } = preset.values[app.network];
    const days = (Date.parse(state.values.end_date) - Date.parse(state.values.start_date)) / 864e5;
    const seconds = known.once + (known.epoch * TRAINED_SHARE * Math.max(days, 1) * epochs) / 1000;
    return `${preset.name === "quick" ? "about" : "up to"} ${duration(seconds)}`;
  }

  async function costs() {
    const network = app.network;
    try {
      const found = await app.ask("GET", `dashboard/costs?network=${network}`);
      Object.assign(state.costs, found.presets);
      draw();
      if (!found.whole) setTimeout(() => network === app.network && costs(), 3000);
    } catch { /* a card without seconds is no reason to complain */ }
  }

  function draw() {
    const own = app.networks.find((one) => one.ticker === app.coin);
    last.replaceChildren(...(own ? ["Last training of this coin: ", badge(own.badge), ` ${own.model}. `,
      h("button", { type: "button", onclick: () => app.go({ trained: own.network, phase: "results" }) }, "Show its forecast")] : []));
    coin.textContent = app.coin;
    start.textContent = `Train ${app.network} and forecast ${app.coin}`;
    const focused = cards.contains(document.activeElement) ? [...cards.children].indexOf(document.activeElement) : -1;
    cards.replaceChildren(...app.info.presets.map((preset) => h("button.card", { type: "button",
      "aria-pressed": String(state.preset === preset.name), onclick: () => choose(preset) },
    h("strong", {}, preset.title), h("span.small", {}, preset.about), h("span.small.cost", {}, cost(preset)))));
    if (focused >= 0) cards.children[focused].focus();
    const inNetworks = networks.contains(document.activeElement) ? document.activeElement.textContent : null;
    networks.replaceChildren(...app.info.networks.map((name) => h("button", { type: "button",
      "aria-pressed": String(name === app.network), onclick: () => app.go({ network: name }) }, name)));
    if (inNetworks) [...networks.children].find((one) => one.textContent === inNetworks)?.focus();
    for (const [name, { about, input, slider }] of fields) {
      const value = state.values[name];
      if (document.activeElement !== input) input.value = value;
      if (slider && document.activeElement !== slider) {
        const [low, high] = span(about);
        slider.value = Math.round((1000 * ((log(about) ? Math.log(value || 1e-4) : value) - low)) / (high - low));
      }
    }
  }

  function sourced() {
    const source = app.info.sources.find((one) => one.name === app.source);
    Object.assign(state.values, { start_date: source.first, end_date: source.last });
    say({});
    draw();
  }

  function chosenNetwork() {
    const preset = app.info.presets.find((one) => one.name === state.preset);
    if (preset) choose(preset);
    draw();
    costs();
  }

  app.on("coin", draw);
  app.on("networks", draw);
  app.on("source", sourced);
  app.on("network", chosenNetwork);
  const advanced = h("details.advanced", {}, h("summary", {}, "Advanced: hyperparameters, days, seed"),
    h("div.fields", {}, [...fields.values()].map(({ box }) => box)));
  const box = h("div.phase", {},
    h("div.row", {}, h("span", {}, "Coin ", coin), h("span.row", {}, "Network ", help(app, "Network"), networks)),
    cards, h("div.row", {}, start), whole, last, advanced,
    h("ol.small.soft.how", {},
      h("li", {}, "The network learns from the first 70 % of the days."),
      h("li", {}, `It stops when the next 15 % gain nothing for ${app.info.patience} epochs, and keeps its best epoch.`),
      h("li", {}, "On the last 15 %, which it has never seen, it is held against no model: tomorrow equals today."),
      h("li", {}, "Then it forecasts the days to come. A badge says whether such forecasts were better than no model.")));
  sourced();
  return { box, show: draw, begin: costs, focus: () => start.focus() };
}

// -- under way --------------------------------------------------------------------------------

export function training(app) {
  const state = { rows: [], best: null };
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Epochs" });
  const words = h("p.doing", {}, "Nothing was trained yet: choose a preset under Parameters, and press the button.");
  const stops = h("p.small.soft", {}, "\u00a0");
  const cancel = h("button", { type: "button", disabled: true, onclick: giveUp }, "Cancel");
  const chart = h("div.plot.live");
  const log = h("ol.log");
  const fault = h("p.fault", { role: "alert" });
  const box = h("div.phase", {}, h("div.row", {}, bar, cancel), words, stops, fault, chart,
    h("details", {}, h("summary", {}, "Log"), log));

  async function giveUp() {
    cancel.disabled = true;
    try {
      await app.ask("POST", `trainings/${app.run.request_id}/cancel`);
    } catch (error) {
      if (error.status !== 409) fault.textContent = error.message;
    }
  }

  function attach(run) {
    const same = app.run?.request_id === run.request_id;
    app.run = run;
    if (same) return;
    state.live = !ENDED.includes(run.status); // one that ended before this page was opened is shown, not announced
    Object.assign(state, { rows: [], best: null });
    fault.textContent = "";
    log.replaceChildren();
    unplot(chart);
    update();
    follow(run.request_id);
  }

  async function follow(id) {
    let since = 1;
    while (app.run?.request_id === id) {
      try {
        const { state: run, events } = await app.ask("GET", `dashboard/trainings/${id}/follow?since=${since}`);
        if (app.run?.request_id !== id) return;
        app.run = run;
        for (const event of events) heard(event);
        since += events.length;
        update();
        if (ENDED.includes(run.status) && since > run.events) return state.live && ended(run);
      } catch (error) {
        if (error.status !== 0 && error.status < 500) {
          fault.textContent = error.message;
          app.run = { ...app.run, status: "failed", error: error.message };
          return update();
        }
        app.say(error.message, true);
        await new Promise((wake) => setTimeout(wake, 2000));
      }
      await new Promise((wake) => setTimeout(wake, 150));
    }
  }

  function heard(event) {
    if (event.event === "training_update") {
      state.rows.push(event);
      if (!state.best || event.val_loss < state.best.val_loss) state.best = event;
    }
    const text = { training_update: () => `Epoch ${event.epoch}: ${(event.val_loss / event.naive_val_loss).toFixed(2)} times the error of no model`,
      stage: () => event.doing, error_log: () => event.error,
      training_ended: () => `Ended: ${event.status}` }[event.event];
    if (text) log.append(h("li", {}, `${event.time.slice(11, 19)} ${text()}`));
  }

  function update() {
    const { run } = app;
    const last = state.rows.at(-1);
    const going = !ENDED.includes(run.status);
    cancel.disabled = !going;
    bar.value = going ? (last ? last.epoch / last.epochs : 0) : run.status === "done" ? 1 : 0;
    const who = `${run.request.model} on ${run.request.ticker}`;
    words.textContent = {
      done: `${who} is trained: ${last ? `${last.epoch} epochs, the best was ${state.best.epoch}` : "it was known already"}.`,
      failed: `${who} failed.`, cancelled: `${who} was cancelled. Nothing of it was saved; trainings saved before are untouched.`,
    }[run.status] || (last
      ? `${who}: epoch ${last.epoch} of at most ${last.epochs}, ${clock(last.seconds)} so far`
      : `${who}: ${run.doing || "waiting for its turn"} ...`);
    stops.textContent = going && last ? countdown(last) : "\u00a0";
    fault.textContent = run.status === "failed" ? run.error : fault.textContent;
    app.tell("run", run);
    draw();
  }

  function countdown(last) {
    const left = app.info.patience - (last.epoch - state.best.epoch);
    const best = `Best so far: epoch ${state.best.epoch}, ${(state.best.val_loss / last.naive_val_loss).toFixed(2)} times the error of no model.`;
    return `${best} Stops after ${app.info.patience} epochs without gain: ${Math.max(left, 0)} left.`;
  }

  function draw() {
    if (!state.rows.length || app.phase !== "training") return;
    const naive = state.rows[0].naive_val_loss;
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    const epochs = state.rows.map((row) => row.epoch);
    const most = Math.max(state.rows[0].epochs, 2);
    const line = (name, key, shade, dash) => ({ x: epochs, y: state.rows.map((row) => row[key] / naive), name,
      mode: epochs.length === 1 ? "markers" : "lines", line: { color: shade, dash, width: 2 }, hovertemplate: "%{y:.3~g}" });
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), tickfont: { color: colour("--soft") }, automargin: true };
    const figure = {
      data: [line("validation days", "val_loss", colour(`--c-${app.run.request.model.toLowerCase()}`) || colour("--accent")),
        { x: [0.5, most + 0.5], y: [1, 1], name: "no model", mode: "lines", line: { color: colour("--c-naive"), width: 3 }, hovertemplate: "1" }],
      layout: { height: 300, margin: { l: 10, r: 10, t: 10, b: 10 }, hovermode: "x unified", paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("--text"), size: 12 }, legend: { orientation: "h", y: 1.12 },
        hoverlabel: { bgcolor: colour("--surface"), font: { color: colour("--text") } },
        xaxis: { ...axis, title: { text: "epoch" }, range: [0.5, most + 0.5], tickformat: "d" },
        yaxis: { ...axis, title: { text: "squared error / that of no model" }, type: "log", exponentformat: "none" } },
    };
    plot(app, chart, figure, "training", "Error by epoch on validation days, beside that of no model");
  }

  async function ended(run) {
    await app.listTrainings();
    if (run.status === "failed") app.say(`${run.request.model} on ${run.request.ticker} failed: ${run.error}`, true);
    if (run.status === "cancelled") app.say("The training was cancelled.");
    if (run.status !== "done") return;
    app.say(`${run.request.model} on ${run.request.ticker} is trained.`);
    // Whoever looks at something else is not taken away from it: the chip leads there.
    if (app.phase === "training") app.go({ coin: run.request.ticker, trained: run.network, phase: "results" });
  }

  app.on("theme", draw);
  return { box, attach, show: draw };
}

export function chip(app) {
  let live = false;
  const words = h("span");
  const made = h("button.chip", { type: "button", hidden: true, onclick: () => {
    const { run } = app;
    if (run.status === "done") app.go({ coin: run.request.ticker, trained: run.network, phase: "results" });
    else app.go({ phase: "training" });
    app.focusPhase();
  } }, h("span.dot", { "aria-hidden": "true" }), words);
  const seen = () => app.run?.status === "done" && app.trained === app.run.network && app.phase !== "training";
  for (const change of ["trained", "phase"]) app.on(change, () => { made.hidden = made.hidden || seen(); });
  app.on("run", (run) => {
    const going = !ENDED.includes(run.status);
    live = live || going;
    made.hidden = run.status === "cancelled" || !live || seen();
    made.classList.toggle("going", going);
    const who = `${run.request.model}, ${run.request.ticker}`;
    words.textContent = going ? `${who}: ${run.epoch ? `epoch ${run.epoch} of ${run.epochs}` : "starting"}`
      : run.status === "done" ? `${who}: done, see its skill` : `${who}: failed`;
  });
  return made;
}

// -- ended ------------------------------------------------------------------------------------

export function trainings(app) {
  const state = { rows: [], sort: recall("trainings sort", () => ["trained", true]), overlaid: [] };
  const place = h("div");
  const chart = h("div.plot");
  const box = h("section.panel.trainings", { "aria-label": "Trainings" }, h("h2", {}, "Trainings"), place, chart);
  const latest = newest();
  const test = (row) => row.test_metrics || {};

  const columns = [
    { name: "overlay", label: "Curve", cell: (row) => h("input", { type: "checkbox", checked: state.overlaid.includes(row.network),
      "aria-label": `Curve of ${row.ticker}, ${row.model}, trained ${row.trained}`, onchange: (event) => overlay(row, event.target.checked) }) },
    { name: "forget", label: h("span.visually-hidden", {}, "Forget"), cell: (row) => h("button", { type: "button",
      title: "Forget this training", "aria-label": `Forget ${row.model} of ${row.ticker}`, onclick: () => forget(row) }, "\u00d7") },
    { name: "ticker", label: "Coin", word: true, value: (row) => row.ticker, cell: (row) => h("button.coin", { type: "button",
      "aria-label": `Use ${row.model} of ${row.ticker}`, "aria-pressed": String(row.network === app.trained), onclick: () => use(row) }, row.ticker) },
    { name: "model", label: "Network", word: true, value: (row) => row.model, cell: (row) => row.model },
    { name: "badge", label: "Against no model", word: true, value: (row) => test(row).skill ?? null, cell: (row) => badge(row.badge) },
    { name: "skill", label: "Skill", term: "Skill", value: (row) => test(row).skill ?? null, cell: (row) => signed(test(row).skill ?? null) },
    { name: "r2", label: "R\u00b2 (no model)", value: (row) => test(row).r2 ?? null,
      cell: (row) => (typeof test(row).r2 === "number" ? `${test(row).r2.toFixed(3)} (${test(row).naive.r2.toFixed(3)})` : "") },
    { name: "seconds", label: "Took (s)", value: (row) => row.seconds, cell: (row) => row.seconds?.toFixed(1) ?? "" },
    { name: "trained", label: "Trained", value: (row) => row.trained, cell: (row) => row.trained.slice(0, 10) },
  ];

  function use(row) {
    app.go({ coin: row.ticker, trained: row.network, phase: "results" });
    app.focusPhase();
  }

  async function forget(row) {
    try {
      await app.ask("DELETE", `networks/${row.network}`);
    } catch (error) {
      app.say(error.message, true);
    }
    if (app.trained === row.network) app.go({ trained: null, phase: "parameters" });
    await load();
  }

  function overlay(row, on) {
    state.overlaid = on ? [...state.overlaid, row.network] : state.overlaid.filter((name) => name !== row.network);
    curves();
  }

  async function curves() {
    const chosen = state.overlaid.filter((name) => state.rows.some((row) => row.network === name));
    if (!chosen.length) {
      unplot(chart);
      chart.style.minHeight = "";
      return;
    }
    chart.style.minHeight = "360px";
    try {
      const figure = await latest(() => busy(chart, () => app.ask("GET", `dashboard/curves?theme=${app.theme}&networks=${chosen.join(",")}`)));
      if (figure) await plot(app, chart, figure, "validation_losses", "Validation losses of the chosen trainings beside no model");
    } catch (error) {
      app.say(error.message, true);
    }
  }

  function draw() {
    place.replaceChildren(table(app, { label: "Trainings", columns, rows: state.rows, key: (row) => row.network, chosen: app.trained, onchoose: use,
      sort: state.sort, empty: "No training yet. Choose a preset above, and press the button.",
      onsort: (sort) => {
        state.sort = sort;
        remember("trainings sort", sort);
        draw();
      } }));
  }

  async function load() {
    try {
      state.rows = await app.ask("GET", "dashboard/networks");
      app.networks = state.rows;
      app.tell("networks");
      draw();
      await curves();
    } catch (error) {
      app.say(error.message, true);
    }
  }

  app.on("trained", draw);
  app.on("theme", curves);
  return { box, load };
}
