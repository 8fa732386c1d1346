#!/usr/bin/env bash
# Installs what the browser tests need beside the Python packages: Debian's Chromium and its driver.
# Nothing is done if they are there. CHROMIUM names another browser of the Chromium family.
set -euo pipefail
chromium="${CHROMIUM:-/usr/bin/chromium}"
if [ -x "$chromium" ]; then
    echo "browser tests use $("$chromium" --version 2>/dev/null || echo "$chromium")"
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "The browser tests need Chromium at $chromium, and this script can install it only as root with apt-get." >&2
    echo "Install the packages chromium and chromium-driver (or name a Chromium in the variable CHROMIUM)." >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core > /dev/null
echo "installed $("$chromium" --version)"
