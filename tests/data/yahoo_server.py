"""A small stand-in for Yahoo on 127.0.0.1: answers in its v8 chart format, faults included."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

DAY = 86400
CHART = "/v8/finance/chart/"


def quote(day):
    """Made-up prices of a day, as Yahoo prints them: float32 widened to double, whole volumes."""
    base = 100 + day % 50
    prices = {"open": base + 0.1, "high": base + 2.3, "low": base - 1.7, "close": base + 0.7}
    return {**{k: float(np.float32(v)) for k, v in prices.items()}, "volume": 1_000_000 + day}


def chart(ticker, days, empty=(), names=None):
    """An answer for whole days since 1970-01-01; ``empty`` ones have null in every place, ``names`` are those of the
    coin as the answer has them."""
    rows = [dict.fromkeys(quote(0)) if day in empty else quote(day) for day in days]
    columns = {name: [row[name] for row in rows] for name in quote(0)}
    meta = {
        "currency": "USD",
        "symbol": ticker,
        "exchangeName": "CCC",
        "instrumentType": "CRYPTOCURRENCY",
        "firstTradeDate": 0,
        "regularMarketTime": 0,
        "gmtoffset": 0,
        "timezone": "UTC",
        "exchangeTimezoneName": "UTC",
        "priceHint": 2,
        "dataGranularity": "1d",
        "validRanges": ["1d", "max"],
        **(names or {}),
    }
    result = {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    if days:
        result["timestamp"] = [day * DAY for day in days]
        result["indicators"] = {"quote": [columns], "adjclose": [{"adjclose": columns["close"]}]}
    return {"chart": {"result": [result], "error": None}}


def refusal(code, description):
    return json.dumps({"chart": {"result": None, "error": {"code": code, "description": description}}})


class YahooServer(ThreadingHTTPServer):
    """``faults`` maps a ticker to what goes wrong with it; ``asked`` lists the price requests; ``names`` maps a ticker
    to its names; ``limited`` counts down the answers of HTTP 429, which ask to wait for ``retry_after``; ``odd`` is a
    place in the answer, as keys and numbers, and what stands there."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.faults, self.asked, self.slow_seconds = {}, [], 0.0
        self.names, self.limited, self.retry_after, self.odd = {}, 0, None, None
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that went away is what some tests are about."""

    def windows(self):
        """The requests for a window of prices, without those that only ask for the time zone."""
        return [(t, q) for t, q in self.asked if "period1" in q]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        place = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(place.query).items()}
        if not place.path.startswith(CHART):
            return self.reply(404, '{"quoteSummary": {"result": null}}')
        ticker = unquote(place.path.removeprefix(CHART))
        self.server.asked.append((ticker, query))
        time.sleep(self.server.slow_seconds)
        today = int(datetime.now(UTC).timestamp()) // DAY
        first = int(query.get("period1", today * DAY)) // DAY
        last = int(query.get("period2", (today + 1) * DAY)) // DAY
        if self.server.limited > 0:
            self.server.limited -= 1
            return self.fault_rate_limit(ticker, [])
        getattr(self, "fault_" + self.server.faults.get(ticker, "none"))(ticker, list(range(first, last)))

    def reply(self, status, text, kind="application/json", length=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length or len(body)))
        if status == 429 and self.server.retry_after is not None:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def fault_none(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, days, names=self.server.names.get(ticker))))

    def fault_rate_limit(self, ticker, days):
        self.reply(429, "Too Many Requests", "text/plain")

    def fault_hang(self, ticker, days):
        time.sleep(30)

    def fault_unknown(self, ticker, days):
        self.reply(404, refusal("Not Found", "No data found, symbol may be delisted"))

    def fault_refused(self, ticker, days):
        self.reply(400, refusal("Bad Request", "Data doesn't exist for startDate = 1, endDate = 2."))

    def fault_empty(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, days if len(days) == 1 else [])))

    def fault_none_at_all(self, ticker, days):
        self.reply(200, '{"chart": {"result": [], "error": null}}')

    def fault_late_start(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, days[2:] or days)))

    def fault_early_end(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, days[:-3] or days)))

    def fault_gap(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, days, empty=days[2:4])))

    def fault_absent_day(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, days[:2] + days[3:])))

    def fault_too_many_days(self, ticker, days):
        self.reply(200, json.dumps(chart(ticker, [days[0] - 1, *days, days[-1] + 1])))

    def fault_untrue(self, ticker, days):
        answer = chart(ticker, days)
        answer["chart"]["result"][0]["indicators"]["quote"][0]["low"][-1] = 9999.0
        self.reply(200, json.dumps(answer))

    def fault_jump(self, ticker, days):
        answer = chart(ticker, days)
        for values in answer["chart"]["result"][0]["indicators"]["quote"][0].values():
            values[4:5] = [100 * values[3]] if len(values) > 4 else values[4:5]
        self.reply(200, json.dumps(answer))

    def fault_broken(self, ticker, days):
        self.reply(500, "<html>Internal Server Error</html>", "text/html")

    def fault_down(self, ticker, days):
        self.reply(200, "<html>Will be right back</html>", "text/html")

    def fault_html(self, ticker, days):
        self.reply(200, "<html>Please agree to something</html>", "text/html")

    def fault_cut_json(self, ticker, days):
        text = json.dumps(chart(ticker, days))
        self.reply(200, text[: len(text) // 2])

    def fault_cut_line(self, ticker, days):
        text = json.dumps(chart(ticker, days))
        self.reply(200, text[: len(text) // 2], length=len(text))

    def fault_odd_types(self, ticker, days):
        answer = node = chart(ticker, days)
        (*place, last), value = self.server.odd
        for step in place:
            node = node[step]
        if not isinstance(node, list) or last < len(node):
            node[last] = value
        self.reply(200, json.dumps(answer))

    def fault_odd_columns(self, ticker, days):
        answer = chart(ticker, days)
        del answer["chart"]["result"][0]["indicators"]["quote"][0]["close"]
        self.reply(200, json.dumps(answer))


def redirect(url, patch=setattr):
    """Send yfinance's requests to ``url``, leave out its cookie, forget what it remembers of tickers."""
    import yfinance.base
    import yfinance.cache
    import yfinance.data
    import yfinance.scrapers.history
    import yfinance.scrapers.quote

    patch(yfinance.base, "_BASE_URL_", url)
    patch(yfinance.base, "_tz_info_fetch_ctr", 0)
    patch(yfinance.scrapers.history, "_BASE_URL_", url)
    patch(yfinance.scrapers.quote, "_QUOTE_SUMMARY_URL_", f"{url}/summary")
    patch(yfinance.scrapers.quote, "_QUERY1_URL_", url)
    patch(yfinance.data.YfData, "_get_cookie_and_crumb", lambda self, timeout=30: (None, "basic"))
    patch(yfinance.cache._TzCacheManager, "_tz_cache", None)
    patch(yfinance.cache._TzDBManager, "_db", None)
