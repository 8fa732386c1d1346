// The price chart: TradingView's Lightweight Charts in up to three panes that share days and crosshair.

import { recall, remember } from "./ask.js";
import { busy, fresh, h, large, newest, percent, price } from "./parts.js";

const TYPES = { candles: "Candles", bars: "Bars", line: "Line", area: "Area" };
const RANGES = [["1 M", 30], ["3 M", 91], ["6 M", 182], ["1 Y", 365], ["All", 0]];
const SHOWN = { volume: "Volume", SMA: "SMA", EMA: "EMA", BB: "Bollinger bands", levels: "Support, resistance", RSI: "RSI", MACD: "MACD" };
const LATEST = 3; // days free at the right edge

export function priceChart(app) {
  const look = recall("price chart", () => ({ type: "candles", log: false, range: 182, shown: { volume: true, SMA: true, levels: true } }));
  const state = { data: null, panes: [], series: {}, tool: null, from: null, drawn: [] };
  const legend = h("p.legend", { "aria-live": "off" });
  const panes = h("div.panes", { tabIndex: 0, role: "img", "aria-label": "Price chart", onkeydown: keyed });
  const drawings = h("ul.drawings", { "aria-label": "Drawings" });
  const note = h("p.small.soft.note", { role: "status" });
  const latest = newest();

  const tools = h("div.tools", { role: "toolbar", "aria-label": "Chart" });
  const value = h("input", { type: "text", inputMode: "decimal", id: fresh("level"), size: 8 });
  const byHand = h("form.inline", { onsubmit: levelTyped },
    h("label", { for: value.id }, "Line at (USD)"), value, h("button", { type: "submit" }, "Draw"));
  const title = h("h2", {}, "Price");
  const box = h("section.panel.price", { "aria-label": "Price chart" }, h("div.head", {}, title, legend), tools, panes,
    h("div.row.below", {}, byHand, drawings, note),
    h("p.small.soft", {}, "Wheel or pinch zooms, drag moves, arrow keys and + and \u2212 do the same. Chart: ",
      h("a", { href: "https://www.tradingview.com/lightweight-charts/", target: "_blank", rel: "noopener" },
        "TradingView Lightweight Charts"), "."));

  function controls() {
    const press = (text, on, act, more = {}) =>
      h("button", { type: "button", "aria-pressed": on === null ? null : String(on), onclick: act, ...more }, text);
    const focused = tools.contains(document.activeElement) ? document.activeElement.textContent : null;
    tools.replaceChildren(
      h("span.group", { role: "group", "aria-label": "Chart type" }, Object.entries(TYPES).map(([name, text]) =>
        press(text, look.type === name, () => change({ type: name })))),
      h("span.group", { role: "group", "aria-label": "Range" }, RANGES.map(([text, days]) =>
        press(text, look.range === days, () => {
          look.range = days;
          remember("price chart", look);
          range();
          controls();
        }))),
      press("Log scale", look.log, () => change({ log: !look.log }), { title: "Logarithmic prices: equal distances are equal percentages" }),
      h("span.group", { role: "group", "aria-label": "Shown" }, Object.entries(SHOWN).map(([name, text]) =>
        press(text, Boolean(look.shown[name]), () => change({ shown: { ...look.shown, [name]: !look.shown[name] } })))),
      h("span.group", { role: "group", "aria-label": "Drawing" },
        press("Horizontal line", state.tool === "level", () => tool("level")),
        press("Trend line", state.tool === "trend", () => tool("trend")),
        press("Erase all", null, () => draw([]), { disabled: !own().length })));
    if (focused) [...tools.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
  }

  function change(what) {
    const before = state.panes[0]?.timeScale().getVisibleLogicalRange();
    Object.assign(look, what);
    remember("price chart", look);
    build(before);
  }

  // -- data ---------------------------------------------------------------------------------

  async function load() {
    const asked = new URLSearchParams({ source: app.source, ticker: app.coin, ...app.indicators });
    const data = await latest(() => busy(box, () => app.ask("GET", `dashboard/coin?${asked}`)));
    if (!data) return;
    const same = state.data && state.data.ticker === data.ticker && state.data.day.length === data.day.length;
    const before = same ? state.panes[0]?.timeScale().getVisibleLogicalRange() : null;
    state.data = data;
    await app.transport.library("lightweight-charts.js");
    build(before);
    app.tell("data", data);
  }

  // -- drawing ------------------------------------------------------------------------------

  const colour = (name) => getComputedStyle(box).getPropertyValue(name).trim();

  function pane(height, last) {
    const made = h("div.pane", { style: `height: ${height}px` });
    panes.append(made);
    const chart = window.LightweightCharts.createChart(made, {
      autoSize: true,
      layout: { background: { type: "solid", color: "transparent" }, textColor: colour("--soft"), fontSize: 11 },
      grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
      rightPriceScale: { borderColor: colour("--line"), minimumWidth: 72 },
      timeScale: { borderColor: colour("--line"), rightOffset: LATEST, visible: last, minBarSpacing: 0.2 },
      crosshair: { mode: 0 },
      localization: { locale: "en-US", dateFormat: "yyyy-MM-dd" },
      handleScroll: { vertTouchDrag: false },
    });
    state.panes.push(chart);
    return chart;
  }

  function build(before) {
    const { data } = state;
    if (!data) return;
    const height = panes.clientHeight;
    for (const chart of state.panes) chart.remove();
    Object.assign(state, { panes: [], series: {}, drawn: [] });
    panes.replaceChildren();
    const below = ["RSI", "MACD"].filter((name) => look.shown[name]);
    const room = Math.max(height, 260);
    const part = below.length ? Math.round(room * (below.length === 1 ? 0.25 : 0.2)) : 0;
    prices(pane(room - part * below.length, !below.length));
    below.forEach((name, place) => (name === "RSI" ? rsi : macd)(pane(part, place === below.length - 1)));
    link();
    if (before) state.panes.forEach((chart) => chart.timeScale().setVisibleLogicalRange(before));
    else range();
    title.textContent = data.ticker;
    panes.setAttribute("aria-label", words());
    controls();
    show(data.day.length - 1);
    listed();
  }

  const points = (values) => state.data.day.map((time, k) => (values[k] === null ? { time } : { time, value: values[k] }));
  const precision = () => {
    const last = state.data.close.at(-1);
    const digits = last >= 1000 ? 0 : last >= 1 ? 2 : Math.min(10, 3 - Math.floor(Math.log10(last)));
    return { type: "price", precision: digits, minMove: 10 ** -digits };
  };

  function prices(chart) {
    const { data } = state;
    const ohlc = data.open.some((value) => value !== null);
    const type = ohlc ? look.type : look.type === "area" ? "area" : "line";
    const up = colour("--c-up");
    const down = colour("--c-down");
    const common = { priceFormat: precision(), lastValueVisible: true, priceLineVisible: true };
    const make = {
      candles: () => chart.addCandlestickSeries({ ...common, upColor: "transparent", borderUpColor: up, wickUpColor: up,
        downColor: down, borderDownColor: down, wickDownColor: down }),
      bars: () => chart.addBarSeries({ ...common, upColor: up, downColor: down }),
      line: () => chart.addLineSeries({ ...common, color: colour("--text"), lineWidth: 2 }),
      area: () => chart.addAreaSeries({ ...common, lineColor: colour("--accent"), topColor: `${colour("--accent")}66`,
        bottomColor: `${colour("--accent")}08`, lineWidth: 2 }),
    };
    const main = make[type]();
    main.setData(type === "candles" || type === "bars"
      ? data.day.map((time, k) => (data.open[k] === null ? { time }
        : { time, open: data.open[k], high: data.high[k], low: data.low[k], close: data.close[k] }))
      : points(data.close));
    state.series.main = main;
    chart.priceScale("right").applyOptions({ mode: look.log ? 1 : 0, scaleMargins: { top: 0.08, bottom: look.shown.volume ? 0.22 : 0.06 } });
    if (look.shown.volume) {
      const volume = chart.addHistogramSeries({ priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false,
        priceLineVisible: false, color: `${colour("--c-volume")}80` });
      chart.priceScale("").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
      volume.setData(points(data.volume));
    }
    for (const [name, keys, variable] of [["SMA", ["SMA"], "--c-sma"], ["EMA", ["EMA"], "--c-ema"],
      ["BB", ["BB_upper", "BB_middle", "BB_lower"], "--c-band"]]) {
      if (!look.shown[name]) continue;
      for (const key of keys) {
        chart.addLineSeries({ color: colour(variable), lineWidth: key === "BB_middle" ? 1 : 2, lastValueVisible: false,
          lineStyle: key === "BB_middle" ? 2 : 0, priceLineVisible: false, crosshairMarkerVisible: false })
          .setData(points(data.indicators[key]));
      }
    }
    if (look.shown.levels) for (const level of data.levels) levelLine(main, level);
    for (const one of own()) attach(one);
    chart.subscribeClick(clicked);
  }

  function levelLine(main, level) {
    main.createPriceLine({ price: level.price_usd, color: colour(`--c-${level.kind}`), lineWidth: 1, lineStyle: 2,
      axisLabelVisible: true, title: `${level.kind === "support" ? "S" : "R"} ${percent(level.distance_percent, true)}` });
  }

  function rsi(chart) {
    const { settings, indicators } = state.data;
    const line = chart.addLineSeries({ color: colour("--c-rsi"), lineWidth: 2, priceLineVisible: false,
      priceFormat: { type: "price", precision: 0, minMove: 1 } });
    line.setData(points(indicators.RSI));
    for (const limit of [settings.rsi_low, settings.rsi_high]) {
      line.createPriceLine({ price: limit, color: colour("--c-reference"), lineWidth: 1, lineStyle: 2, axisLabelVisible: false });
    }
    state.series.RSI = line;
  }

  function macd(chart) {
    const { indicators } = state.data;
    const quiet = { lastValueVisible: false, priceLineVisible: false, priceFormat: precision() };
    const bars = chart.addHistogramSeries({ ...quiet, color: colour("--c-histogram") });
    bars.setData(points(indicators.MACD_hist));
    chart.addLineSeries({ ...quiet, color: colour("--c-macd"), lineWidth: 2 }).setData(points(indicators.MACD));
    chart.addLineSeries({ ...quiet, color: colour("--c-signal"), lineWidth: 1 }).setData(points(indicators.MACD_signal));
    state.series.MACD = bars;
  }

  // Days and crosshair of one pane are those of all.
  function link() {
    const lead = Object.values(state.series);
    let busyWith = null;
    state.panes.forEach((chart, place) => {
      chart.timeScale().subscribeVisibleLogicalRangeChange((seen) => {
        if (!seen || (busyWith !== null && busyWith !== place)) return;
        busyWith = place;
        state.panes.forEach((other, k) => k !== place && other.timeScale().setVisibleLogicalRange(seen));
        busyWith = null;
      });
      chart.subscribeCrosshairMove((at) => {
        const k = at.time === undefined ? state.data.day.length - 1 : Math.round(at.logical ?? state.data.day.indexOf(at.time));
        show(k);
        if (at.sourceEvent === undefined && at.point === undefined) return;
        state.panes.forEach((other, n) => {
          if (n === place) return;
          if (at.time === undefined) other.clearCrosshairPosition();
          else other.setCrosshairPosition(lastOf(n, k), at.time, lead[n]);
        });
      });
    });
  }

  const lastOf = (place, k) => [state.data.close, ...["RSI", "MACD"].filter((name) => look.shown[name])
    .map((name) => state.data.indicators[name])][place][k] ?? 0;

  function range() {
    const days = state.data?.day.length;
    if (!days) return;
    const from = look.range ? Math.max(0, days - look.range) : 0;
    // Room at the right for the labels of levels, which must not cover the newest candles.
    const free = look.shown.levels ? Math.max(LATEST, (days - from) * (panes.clientWidth < 500 ? 0.3 : 0.14)) : LATEST;
    state.panes.forEach((chart) => chart.timeScale().setVisibleLogicalRange({ from, to: days - 1 + free }));
  }

  // One line at the top that follows the crosshair over all panes.
  function show(k) {
    const { data } = state;
    const at = Math.min(Math.max(k, 0), data.day.length - 1);
    const before = at ? data.close[at - 1] : null;
    const moved = before ? 100 * (data.close[at] / before - 1) : null;
    const pieces = [h("strong", {}, data.day[at])];
    for (const [name, values] of [["O", data.open], ["H", data.high], ["L", data.low], ["C", data.close]]) {
      if (values[at] !== null) pieces.push(`${name} ${price(values[at])}`);
    }
    pieces.push(h(`span.${moved > 0 ? "up" : moved < 0 ? "down" : "still"}`, {}, percent(moved, true)));
    if (look.shown.volume && data.volume[at] !== null) pieces.push(`Vol ${large(data.volume[at])}`);
    const named = { SMA: ["SMA"], EMA: ["EMA"], BB: ["BB_lower", "BB_upper"], RSI: ["RSI"], MACD: ["MACD"] };
    for (const [name, keys] of Object.entries(named)) {
      if (look.shown[name]) {
        pieces.push(h(`span.in-${name.toLowerCase()}`, {}, `${named_(name)} ${keys.map((key) => price(data.indicators[key][at])).join(" to ")}`));
      }
    }
    legend.replaceChildren(...pieces.map((piece) => h("span", {}, piece)));
  }

  const named_ = (name) => {
    const { settings } = state.data;
    return { SMA: `SMA ${settings.sma_days}`, EMA: `EMA ${settings.ema_days}`, RSI: `RSI ${settings.rsi_days}` }[name] || name;
  };

  function words() {
    const { data } = state;
    return `${data.ticker}, ${data.day.length} days from ${data.day[0]} to ${data.day.at(-1)}, last close ${price(data.close.at(-1))} US dollars`;
  }

  function keyed(event) {
    if (event.target !== panes || !state.panes.length) return;
    const scale = state.panes[0].timeScale();
    const seen = scale.getVisibleLogicalRange();
    const width = seen.to - seen.from;
    const moves = { ArrowLeft: [-0.1, -0.1], ArrowRight: [0.1, 0.1], "+": [0.1, 0], "=": [0.1, 0], "-": [-0.125, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    scale.setVisibleLogicalRange({ from: seen.from + move[0] * width, to: seen.to + move[1] * width });
  }

  // -- drawings, remembered for each coin -----------------------------------------------------------

  const shelf = () => `drawings ${app.coin}`;
  const own = () => recall(shelf(), () => []);

  function tool(name) {
    state.tool = state.tool === name ? null : name;
    state.from = null;
    note.textContent = { level: "Click on the chart where the line belongs.", trend: "Click where the line begins, then where it ends." }[state.tool] || "";
    controls();
  }

  function clicked(at) {
    if (!state.tool || !at.point) return;
    const seenPrice = state.series.main.coordinateToPrice(at.point.y);
    if (seenPrice === null || seenPrice <= 0) return;
    if (state.tool === "level") draw([...own(), { kind: "level", price: seenPrice }]);
    else if (at.time === undefined) note.textContent = "A trend line needs days that have prices: click inside the chart.";
    else if (!state.from) {
      state.from = { day: at.time, price: seenPrice };
      note.textContent = "Now click where the line ends.";
      return;
    } else draw([...own(), { kind: "trend", from: state.from, to: { day: at.time, price: seenPrice } }]);
    tool(state.tool);
  }

  function levelTyped(event) {
    event.preventDefault();
    const typed = Number(value.value.trim().replace(",", "."));
    value.toggleAttribute("aria-invalid", !(typed > 0));
    if (!(typed > 0)) {
      note.textContent = `${value.value || "Nothing"} is no price: type US dollars above 0.`;
      return;
    }
    value.value = "";
    note.textContent = "";
    draw([...own(), { kind: "level", price: typed }]);
  }

  function draw(all) {
    remember(shelf(), all);
    for (const remove of state.drawn) remove();
    state.drawn = [];
    for (const one of all) attach(one);
    controls();
    listed();
  }

  function attach(one) {
    const { main } = state.series;
    if (one.kind === "level") {
      const line = main.createPriceLine({ price: one.price, color: colour("--accent"), lineWidth: 2, axisLabelVisible: true, title: "" });
      state.drawn.push(() => main.removePriceLine(line));
    } else {
      const line = new TrendLine(one, state.panes[0], main, colour("--accent"));
      main.attachPrimitive(line);
      state.drawn.push(() => main.detachPrimitive(line));
    }
  }

  function listed() {
    drawings.replaceChildren(...own().map((one, place) => {
      const text = one.kind === "level" ? price(one.price) : `${one.from.day} to ${one.to.day}`;
      const gone = () => draw(own().filter((_, k) => k !== place));
      return h("li", {}, text, h("button", { type: "button", "aria-label": `Erase ${text}`, onclick: gone }, "\u00d7"));
    }));
  }

  const shown = () => load().catch((error) => error.status !== 0 && app.say(error.message, true));
  for (const change of ["coin", "indicators", "back"]) app.on(change, shown);
  app.on("theme", () => change({}));
  new ResizeObserver(() => {
    const total = state.panes.length && [...panes.children].reduce((sum, one) => sum + one.offsetHeight, 0);
    if (total && Math.abs(total - panes.clientHeight) > 2) change({});
  }).observe(panes);
  controls();
  return { box, load };
}

// A line between two days: a primitive of the chart library, drawn with every frame.
class TrendLine {
  constructor(line, chart, series, colour) {
    Object.assign(this, { line, chart, series, colour });
  }

  paneViews() {
    const at = (end) => [this.chart.timeScale().timeToCoordinate(end.day), this.series.priceToCoordinate(end.price)];
    const draw = (target) => target.useMediaCoordinateSpace(({ context }) => {
      const [[x1, y1], [x2, y2]] = [at(this.line.from), at(this.line.to)];
      if ([x1, y1, x2, y2].includes(null)) return;
      context.strokeStyle = this.colour;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      context.stroke();
    });
    return [{ renderer: () => ({ draw }), zOrder: () => "top" }];
  }
}
