// The watchlist: all coins of a source, sortable; the coin chosen there is the coin of the whole page.

import { recall, remember } from "./ask.js";
import { busy, fresh, h, help, large, newest, percent, price, sparkline, table } from "./parts.js";

const change = (days) => ({
  name: `change_${days}d_percent`, label: `${days} d`, title: `Change over ${days === 1 ? "one day" : `${days} days`}`,
  value: (row) => row[`change_${days}d_percent`], cell: (row) => percent(row[`change_${days}d_percent`], true),
  kind: (row) => direction(row[`change_${days}d_percent`]),
});

const direction = (value) => (!value ? "still" : value > 0 ? "up" : "down");

export function watchlist(app) {
  const state = { sort: recall("watchlist sort", () => ["ticker", false]), rows: [], answer: null };
  const place = h("div.watchlist");
  const about = h("p.soft.small");
  const fault = h("p.fault", { id: fresh("fault"), role: "alert" });
  const input = h("input", { type: "text", id: fresh("add"), placeholder: "such as DOGE-USD", autocomplete: "off",
    spellcheck: false, maxLength: 32, "aria-describedby": fault.id });
  const add = h("form.add", { onsubmit: added },
    h("label", { for: input.id }, "Add a coin"), input, h("button", { type: "submit" }, "Add"), fault);
  const latest = newest();

  const columns = [
    { name: "ticker", label: "Coin", word: true, value: (row) => row.ticker, cell: (row) => coinButton(row) },
    { name: "close_usd", label: "Close, USD", value: (row) => row.close_usd, cell: (row) => close(row) },
    change(1), change(7), change(30),
    { name: "volume_usd", label: "Volume", title: "Traded on the last day, in US dollars as Yahoo gives it",
      value: (row) => row.volume_usd, cell: (row) => large(row.volume_usd) },
    { name: "volatility_daily_percent", label: "Volatility", term: "Volatility",
      title: "Standard deviation of daily returns over 30 days",
      value: (row) => row.volatility_daily_percent, cell: (row) => percent(row.volatility_daily_percent) },
    { name: "drawdown_percent", label: "Drawdown", term: "Drawdown", title: "Below the highest close of these prices",
      value: (row) => row.drawdown_percent, cell: (row) => percent(row.drawdown_percent) },
    { name: "sparkline", label: "Chart", title: "The last 30 days", cell: (row) => sparkline(row.sparkline, sparkWords(row)) },
  ];

  function coinButton(row) {
    return h("button.coin", { type: "button", "aria-pressed": String(row.ticker === app.coin), onclick: () => choose(row) },
      row.ticker);
  }

  function close(row) {
    const old = row.last_day && row.last_day < state.answer.last_day;
    return [price(row.close_usd), old ? h("small.soft", {}, ` ${row.last_day}`) : null];
  }

  function sparkWords(row) {
    const known = row.sparkline.filter((value) => value !== null);
    return known.length ? `${row.ticker}: from ${price(known[0])} to ${price(known.at(-1))} US dollars in 30 days` : "";
  }

  function choose(row) {
    app.go({ coin: row.ticker });
  }

  function draw() {
    const focused = place.contains(document.activeElement) ? document.activeElement.textContent : null;
    place.replaceChildren(table(app, {
      label: "Watchlist", columns, rows: state.rows, key: (row) => row.ticker, chosen: app.coin, onchoose: choose,
      sort: state.sort, empty: "No coin yet. Choose a source of prices above, or add a coin below.",
      onsort: (sort) => {
        state.sort = sort;
        remember("watchlist sort", sort);
        draw();
      },
    }));
    if (focused) [...place.querySelectorAll("button")].find((one) => one.textContent.startsWith(focused.slice(0, 8)))?.focus();
  }

  const mine = () => recall(`coins ${app.source}`, () => []);

  async function load() {
    fault.textContent = "";
    const source = app.source;
    const waits = setTimeout(() => app.say(`Loading prices from ${app.sourceName()} ...`), 300);
    try {
      const answer = await latest(() => busy(place, () =>
        app.ask("GET", `dashboard/market?source=${source}&more=${encodeURIComponent(mine().join(","))}`)));
      if (!answer) return;
      state.answer = answer;
      state.rows = answer.rows;
      app.rows = answer.rows;
      const gone = Object.keys(answer.missing);
      if (gone.length) remember(`coins ${source}`, mine().filter((ticker) => !gone.includes(ticker)));
      fault.textContent = Object.values(answer.missing).join(" ");
      about.replaceChildren(`Last day ${answer.last_day ?? "unknown"}, UTC. `,
        h("details.inline", {}, h("summary", {}, "Where the prices come from"), answer.origins.map((text) => h("p", {}, text))));
      app.say("");
      if (!state.rows.some((row) => row.ticker === app.coin) && state.rows.length) {
        app.go({ coin: state.rows[0].ticker }, true);
      }
      draw();
      return true;
    } catch (error) {
      if (source !== app.source) return;
      app.say(error.message, true);
      return false;
    } finally {
      clearTimeout(waits);
    }
  }

  async function added(event) {
    event.preventDefault();
    const ticker = input.value.trim().toUpperCase();
    fault.textContent = "";
    input.removeAttribute("aria-invalid");
    if (!ticker) return;
    try {
      const answer = await busy(place, () =>
        app.ask("GET", `dashboard/market?source=${app.source}&more=${encodeURIComponent(ticker)}`));
      if (answer.missing[ticker]) throw new Error(answer.missing[ticker]);
      remember(`coins ${app.source}`, [...new Set([...mine(), ticker])]);
      input.value = "";
      await load();
      app.go({ coin: ticker });
    } catch (error) {
      fault.textContent = error.message;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  }

  app.on("coin", draw);
  const box = h("section.panel.watch", { "aria-label": "Watchlist" }, h("h2", {}, "Watchlist"), place, about, add);
  return { box, load, help: () => help(app, "Volatility") };
}
