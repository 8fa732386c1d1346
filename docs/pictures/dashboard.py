"""Draw dashboard.png, the thumbnail of the README: python docs/pictures/dashboard.py

Serves the dashboard on the packaged sample, trains one small network on its page, and takes a picture of the result in
Chromium: Debian's, or the one that the variable CHROMIUM names.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from lib.report.readme import THUMBNAIL  # noqa: E402

PORT = 8877
PATIENCE_S = 180
SIZE = {"width": 1440, "height": 960}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        own = {name: f"{folder}/{name.lower()}" for name in ("OUTPUT_BASE", "TRAINING_CACHE")}
        words = [sys.executable, "-m", "lib.app.serve", "--no-browser", "--port", str(PORT)]
        server = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **own})
        try:
            wait_for_server()
            draw(Path(folder) / "page.png")
        finally:
            server.terminate()
            server.wait(30)


def wait_for_server() -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def draw(whole: Path) -> None:
    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--disable-dev-shm-usage", *as_root]
        )
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(f"http://127.0.0.1:{PORT}/")
        page.locator("#forecasts[data-ready=true]").wait_for()
        page.locator("[data-phase=parameters]").click()
        page.get_by_role("group", name="Presets").get_by_role("button", name="Quick").click()
        page.locator(".phase:visible .primary").click()
        page.locator("[data-phase=results][aria-current]").wait_for()
        page.locator(".plot.forecast .main-svg").first.wait_for()
        page.evaluate("window.scrollTo(0, 0)")
        page.wait_for_timeout(1500)  # until nothing moves any more
        page.screenshot(path=whole)
        browser.close()
    with Image.open(whole) as picture:
        small = picture.convert("RGB").resize(THUMBNAIL, Image.Resampling.LANCZOS)
    small.quantize(128).save(HERE / "dashboard.png", optimize=True)
    print(f"Written: {HERE / 'dashboard.png'}")


if __name__ == "__main__":
    main()
