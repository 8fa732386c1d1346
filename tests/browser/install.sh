#!/usr/bin/env bash
# Installs what slow tests need beside the Python packages: Debian's Chromium and its driver, nginx with openssl for its
# certificate, Redis, and Node.js with the Socket.IO client that pages use. Nothing is done if they are there. CHROMIUM
# names another browser of the Chromium family.
set -euo pipefail
chromium="${CHROMIUM:-/usr/bin/chromium}"
PATH="$PATH:/usr/sbin"
lacking=()
[ -x "$chromium" ] || lacking+=(chromium chromium-driver fonts-dejavu-core)
command -v nginx > /dev/null || lacking+=(nginx-light)
command -v openssl > /dev/null || lacking+=(openssl)
command -v redis-server > /dev/null || lacking+=(redis-server)
command -v node > /dev/null || lacking+=(nodejs)
command -v npm > /dev/null || lacking+=(npm)
if [ "${#lacking[@]}" -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        echo "Some slow tests need ${lacking[*]}, and this script can install them only as root with apt-get." >&2
        echo "Install these packages (for a browser elsewhere than $chromium set the variable CHROMIUM)." >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    policy=/usr/sbin/policy-rc.d  # the tests start servers of their own: those of the packages stay off
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
    fi
    apt-get install -y -qq --no-install-recommends "${lacking[@]}" > /dev/null
    echo "installed ${lacking[*]}"
fi
javascript="$(dirname "$0")/../app/javascript"
[ -d "$javascript/node_modules/socket.io-client" ] || (cd "$javascript" && npm install --silent)
echo "slow tests use $("$chromium" --version 2> /dev/null || echo "$chromium"), $(nginx -v 2>&1), $(redis-server --version), Node.js $(node --version)"
