// The skill of a trained network, its charts, and what it says of the next days.

import { badge, busy, fresh, h, help, newest, percent, plot, price, said, signed, table } from "./parts.js";

const NONE = "No network is chosen. Train one under Parameters, or use one of the trainings below.";

// Scores, badge and allowed days of the chosen network, loaded once for all phases.
export function chosen(app) {
  let known = null;
  return async () => {
    if (!app.trained) return null;
    if (known?.network !== app.trained) known = await app.ask("GET", `dashboard/networks/${encodeURIComponent(app.trained)}`);
    return known?.network === app.trained ? known : null;
  };
}

const showError = (place, error) => place.replaceChildren(h("p.fault", { role: "alert" }, error.message));
const heading = (found) => `${found.model} on ${found.ticker}`;

export function evaluating(app, network) {
  const box = h("div.phase", {}, h("p", {}, NONE));
  const latest = newest();

  async function show() {
    if (!app.trained) return box.replaceChildren(h("p", {}, NONE));
    try {
      const found = await latest(() => busy(box, network));
      if (!found) return;
      const rows = found.scores.filter((row) => row.model === found.model);
      const beside = (row, name, text) => {
        const none = found.scores.find((other) => other.part === row.part && other.model !== found.model);
        return `${text(row[name])} (${text(none[name])})`;
      };
      const three = (value) => (value === null ? "" : value.toFixed(3));
      box.replaceChildren(
        h("p.headline", {}, badge(found.badge), ` ${heading(found)}`), h("p", {}, said(found.verdict)),
        table(app, { label: "Scores", rows, key: (row) => row.part, columns: [
          { name: "part", label: "Days", word: true, term: "Split", cell: (row) => `${row.part} (${row.days})` },
          { name: "badge", label: "Against no model", word: true, cell: (row) => badge(row.badge) },
          { name: "skill", label: "Skill (95 % interval)", term: "Skill", cell: (row) => (row.skill === null ? ""
            : `${signed(row.skill)} (${signed(row.skill_lower)} to ${signed(row.skill_upper)})`) },
          { name: "R2", label: "R\u00b2", cell: (row) => beside(row, "R2", three) },
          { name: "MAPE", label: "Mean error", term: "MSE, MAE, RMSE, MAPE, R2", cell: (row) => beside(row, "MAPE", percent) },
          { name: "MAE", label: "MAE (USD)", cell: (row) => beside(row, "MAE", price) },
          { name: "RMSE", label: "RMSE (USD)", cell: (row) => beside(row, "RMSE", price) },
        ] }),
        h("p.small.soft", {}, "In brackets: no model (tomorrow equals today) on the same days."),
        h("p.small.soft", {}, "The network was fitted to training days and stopped by validation days: only test days are unseen. "
          + `The best of its epochs was ${found.best_epoch}. ${found.origin}`));
    } catch (error) {
      showError(box, error);
    }
  }
  return { box, show };
}

export function visualizing(app, network) {
  const chart = h("div.plot.view");
  const id = fresh("view");
  const select = h("select", { id, onchange: show }, app.info.views.map((view) => h("option", { value: view.name }, view.title)));
  const step = (by) => {
    const count = select.options.length;
    select.selectedIndex = (select.selectedIndex + by + count) % count;
    show();
  };
  const row = h("div.row", {}, h("label", { for: id }, "View"), select,
    h("button", { type: "button", onclick: () => step(-1) }, "Previous"), h("button", { type: "button", onclick: () => step(1) }, "Next"));
  const box = h("div.phase", {}, row, chart);
  const latest = newest();

  async function show() {
    if (!app.trained) return;
    const view = select.value;
    try {
      const figure = await latest(() => busy(chart, () =>
        app.ask("GET", `dashboard/networks/${encodeURIComponent(app.trained)}/views/${view}?theme=${app.theme}`)));
      if (figure) await plot(app, chart, figure, `${app.coin}_${view}`, select.selectedOptions[0].textContent);
    } catch (error) {
      app.say(error.message, true);
    }
  }
  return { box, show };
}

export function predicting(app, network, results) {
  const name = h("strong");
  const skill = h("p.headline");
  const start = h("input", { type: "date", id: fresh("start") });
  const days = h("input", { type: "number", id: fresh("days"), min: "1", max: String(app.info.days.most), value: String(app.info.days.usual) });
  const slider = h("input", { type: "range", min: "1", max: String(app.info.days.most), value: days.value, tabIndex: -1, "aria-hidden": "true" });
  const hint = h("span.hint", { id: fresh("hint") });
  const faults = { start_date: h("span.fault", { id: fresh("fault") }), days: h("span.fault", { id: fresh("fault") }) };
  const ask = h("button.primary", { type: "submit" }, "Forecast");
  start.setAttribute("aria-describedby", `${hint.id} ${faults.start_date.id}`);
  days.setAttribute("aria-describedby", faults.days.id);
  slider.addEventListener("input", () => { days.value = slider.value; });
  days.addEventListener("input", () => { slider.value = days.value; });
  const box = h("form.phase", { noValidate: true, onsubmit: sent },
    skill, h("p", {}, "The next days by ", name, ". Each further day builds on the forecast of the day before. ", help(app, "Origin")),
    h("div.fields", {},
      h("div.field", {}, h("label", { for: start.id }, "First day"), start, hint, faults.start_date),
      h("div.field", {}, h("label", { for: days.id }, "Days"), h("span.row", {}, days, slider), h("span.hint", {}, `1 to ${app.info.days.most}`), faults.days)),
    h("div.row", {}, ask));

  async function show() {
    try {
      const found = await network();
      if (!found) return;
      name.textContent = heading(found);
      skill.replaceChildren(badge(found.badge), " so far, on days that it has not seen");
      [start.min, start.max] = found.starts;
      if (!start.value || start.value < start.min || start.value > start.max) start.value = start.max;
      hint.textContent = `${start.min} to ${start.max}: after the days of training, up to the day after the last close`;
    } catch (error) {
      app.say(error.message, true);
    }
  }

  async function sent(event) {
    event.preventDefault();
    for (const [field, fault] of Object.entries(faults)) {
      fault.textContent = "";
      (field === "days" ? days : start).removeAttribute("aria-invalid");
    }
    const number = /^\d+$/.test(days.value) ? Number(days.value) : days.value;
    try {
      await busy(box, () => results.forecast({ start_date: start.value || null, days: number }));
      app.go({ phase: "results" });
    } catch (error) {
      const fields = error.fields || {};
      for (const [field, fault] of Object.entries(faults)) {
        if (!fields[field]) continue;
        fault.textContent = fields[field];
        (field === "days" ? days : start).setAttribute("aria-invalid", "true");
      }
      if (!Object.keys(fields).length) app.say(error.message, true);
    }
  }
  return { box, show };
}

export function results(app) {
  let made = null; // of which network, asked with what, and the answer
  const box = h("div.phase", {}, h("p", {}, "No forecast yet: train a network, then ask under Predicting."));
  const latest = newest();
  const usual = { start_date: null, days: app.info.days.usual };

  async function forecast(asked) {
    const network = app.trained;
    const answer = await latest(() => app.ask("POST", "dashboard/forecast", { network, theme: app.theme, ...asked }));
    if (answer) made = { network, asked, theme: app.theme, answer };
    app.tell("forecast");
  }

  async function show() {
    if (!app.trained) return box.replaceChildren(h("p", {}, NONE));
    try {
      if (made?.network !== app.trained || made.theme !== app.theme) {
        if (made?.network !== app.trained) box.replaceChildren(h("p", {}, "Forecasting ..."));
        await busy(box, () => forecast(made?.network === app.trained ? made.asked : usual));
      }
      if (made?.network === app.trained) draw(made.answer);
    } catch (error) {
      showError(box, error);
    }
  }

  function draw(answer) {
    const chart = h("div.plot.forecast");
    const file = new Blob([answer.csv], { type: "text/csv" });
    const save = h("button", { type: "button", onclick: () => {
      const link = h("a", { href: URL.createObjectURL(file), download: answer.file });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } }, "Save as CSV");
    const days = answer.rows.map((row) => h(`li.${row.verdict.kind}`, {}, String(row.horizon)));
    const age = Math.floor((Date.now() - Date.parse(answer.rows[0].date)) / 864e5);
    box.replaceChildren(
      h("p.headline", {}, badge(answer.badge), ` ${answer.model} on ${answer.ticker}, first day ${answer.rows[0].date}`),
      age > 0 ? h("p.warn", {}, `These prices end ${age} day${age > 1 ? "s" : ""} before today: this looks at a day that is over.`) : "",
      h("p.sentence", {}, said(answer.sentence)), chart,
      h("div.row", {}, h("span.small", {}, "Skill by day ahead ", help(app, "Skill")), h("ol.skills", { "aria-hidden": "true" }, days), h("span.small", {}, skillsInWords(answer.rows)), save),
      h("details", {}, h("summary", {}, `All ${answer.rows.length} days`), table(app, {
        label: "Forecast", rows: answer.rows, key: (row) => row.date, columns: [
          { name: "date", label: "Day", word: true, cell: (row) => row.date },
          { name: "naive", label: "No model (USD)", term: "Naive forecast", cell: (row) => price(row.naive_usd) },
          { name: "range", label: `No model, ${Math.round(100 * answer.level)} % interval`, cell: (row) => between(row.naive_lower_usd, row.naive_upper_usd) },
          { name: "path", label: `${answer.model} (USD)`, cell: (row) => price(row.path_usd) },
          { name: "bounds", label: `${answer.model}, interval`, cell: (row) => between(row.lower_usd, row.upper_usd) },
          { name: "coverage", label: "Held", term: "Coverage", cell: (row) => (row.coverage === null ? "" : `${Math.round(100 * row.coverage)} % of ${row.evaluated_on}`) },
          { name: "skill", label: "Skill", cell: (row) => signed(row.skill) },
          { name: "verdict", label: "Against no model", word: true, cell: (row) => badge(row.verdict) },
          { name: "actual", label: "Actual (USD)", cell: (row) => price(row.actual_usd) },
        ] })));
    // Its title is above it already.
    const { title, ...layout } = answer.figure.layout;
    const figure = { ...answer.figure, layout: { ...layout, height: 300, margin: { ...layout.margin, t: 10 } } };
    plot(app, chart, figure, answer.file.replace(".csv", ""), answer.sentence);
  }

  app.on("theme", () => app.phase === "results" && show());
  return { box, show, forecast, has: () => made?.network === app.trained };
}

// "Day 1 worse than no model, days 2 to 15 no better than no model".
function skillsInWords(rows) {
  const spans = [];
  for (const row of rows) {
    if (spans.at(-1)?.words === row.verdict.words) spans.at(-1).last = row.horizon;
    else spans.push({ words: row.verdict.words, first: row.horizon, last: row.horizon });
  }
  const text = spans.map(({ words, first, last }) => `${first === last ? `day ${first}` : `days ${first} to ${last}`} ${words}`).join(", ");
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

const between = (low, high) => (low === null || high === null ? "no limit" : `${price(low)} to ${price(high)}`);
