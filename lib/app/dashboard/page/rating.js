// The technical rating: a gauge, each vote, how such ratings did on past days, and the settings of the indicators.

import { fresh, h, help, percent, price, said, table } from "./parts.js";

// Of the score, where one word ends and the next begins.
const ENDS = [-1, -0.5, -0.1, 0.1, 0.5, 1];
const WORDS = ["strong sell", "sell", "neutral", "buy", "strong buy"];

export function rating(app) {
  const body = h("div", {}, h("p.soft", {}, "Choose a coin in the watchlist."));
  const levels = h("div");
  const gauges = h("div.gauges");
  const details = h("div");
  const settings = indicatorSettings(app);
  const box = h("section.panel.rating", { "aria-label": "Technical rating" },
    h("h2", {}, "Technical rating ", help(app, "Rating")), gauges, h("div.parts", {}, body, levels), details, settings);
  let open = false;

  function draw(data) {
    const { past, groups, votes } = data.rating;
    details.replaceChildren(h("details", { open, ontoggle: (event) => { open = event.target.open; } },
      h("summary", {}, `Each of the ${votes.length} votes`),
      table(app, {
        label: "Votes", key: (row) => row.indicator, rows: votes,
        columns: [
          { name: "indicator", label: "Indicator", word: true, cell: (row) => row.indicator },
          { name: "value", label: "Value", cell: (row) => (row.value === null ? "" : price(row.value)) },
          { name: "vote", label: "Vote", word: true, cell: (row) => row.vote, kind: (row) => `vote-${row.vote}` },
          { name: "rule", label: "Rule", word: true, cell: (row) => h("span.wrap", {}, `${row.rule} (${row.unit})`) },
        ],
      })));
    gauges.replaceChildren(gauge("Rating", data.rating, true), ...Object.entries(groups).map(([name, one]) => gauge(name, one, false)));
    body.replaceChildren(h("h3", {}, "How such ratings did"), h("p", {}, h("span.badge.same", {}, past.verdict)), h("p.small", {}, said(past.sentence)));
    levels.replaceChildren(h("h3", {}, "Nearest levels ", help(app, "Support, resistance")), table(app, {
      label: "Price levels", key: (row) => row.price_usd, rows: data.levels, empty: "No level was touched twice in the last year.",
      columns: [
        { name: "kind", label: "Level", word: true, cell: (row) => row.kind, kind: (row) => `level-${row.kind}` },
        { name: "price_usd", label: "Price (USD)", cell: (row) => price(row.price_usd) },
        { name: "distance", label: "Away", cell: (row) => percent(row.distance_percent, true) },
        { name: "touches", label: "Touched", title: "How often in the last year", cell: (row) => `${row.touches} times` },
      ],
    }));
  }

  app.on("data", draw);
  return { box };
}

// A half circle from strong sell to strong buy with a needle; the same is said in words beside it.
function gauge(name, one, big) {
  const angle = Math.PI * (1 - (one.score + 1) / 2);
  const arc = (k) => {
    const [a, b] = [ENDS[k], ENDS[k + 1]].map((score, n) => Math.PI * (1 - (score + 1) / 2) + (n ? 0.02 : -0.02));
    const at = (t) => `${(50 + 42 * Math.cos(t)).toFixed(1)} ${(50 - 42 * Math.sin(t)).toFixed(1)}`;
    return `<path class="arc arc-${k}" d="M ${at(a)} A 42 42 0 0 1 ${at(b)}"/>`;
  };
  const tip = `${(50 + 34 * Math.cos(angle)).toFixed(1)} ${(50 - 34 * Math.sin(angle)).toFixed(1)}`;
  const label = `${name}: ${one.overall}, ${one.buy} buy, ${one.neutral} neutral, ${one.sell} sell`;
  return h(`div.gauge${big ? ".big" : ""}`, {},
    h("span", { html: `<svg viewBox="0 0 100 56" role="img" aria-label="${label}">${WORDS.map((_, k) => arc(k)).join("")}`
      + `<path class="needle" d="M 50 50 L ${tip}"/><circle class="needle" cx="50" cy="50" r="3"/></svg>` }),
    h(`strong.vote-${one.overall.replace("strong ", "")}`, {}, one.overall),
    h("span.small.soft", {}, name === "Rating" ? "all votes" : name),
    h("span.small", {}, `${one.buy} buy \u00b7 ${one.neutral} neutral \u00b7 ${one.sell} sell`));
}

function indicatorSettings(app) {
  const inputs = new Map();
  const rows = app.info.indicators.map((one) => {
    const fault = h("span.fault", { id: fresh("fault") });
    const hint = h("span.hint", { id: fresh("hint") }, `${one.low} to ${one.high} ${one.unit}`);
    const input = h("input", { id: fresh("setting"), type: "text", inputMode: "decimal", value: String(one.value),
      title: one.meaning, "aria-describedby": `${hint.id} ${fault.id}`, onchange: changed });
    inputs.set(one.name, { input, fault });
    return h("div.field", {}, h("label", { for: input.id, title: one.meaning }, one.label), input, hint, fault);
  });

  async function changed() {
    const values = Object.fromEntries([...inputs].map(([name, { input }]) => [name, input.value.trim()]));
    for (const { input, fault } of inputs.values()) {
      fault.textContent = "";
      input.removeAttribute("aria-invalid");
    }
    try {
      const asked = new URLSearchParams({ source: app.source, ticker: app.coin, ...values });
      await app.ask("GET", `dashboard/coin?${asked}`);
      app.indicators = values;
      app.tell("indicators");
    } catch (error) {
      const fields = error.fields || {};
      for (const [name, { input, fault }] of inputs) {
        if (!fields[name]) continue;
        fault.textContent = fields[name];
        input.setAttribute("aria-invalid", "true");
      }
      if (!Object.keys(fields).some((name) => inputs.has(name))) app.say(error.message, true);
    }
  }

  return h("details", {}, h("summary", {}, "Settings of the indicators"), h("div.fields", {}, rows));
}
