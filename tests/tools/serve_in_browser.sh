#!/usr/bin/env bash
# serve_in_browser.py, where there is Python. Skipped (status 77) where Python or Chromium is absent.
set -euo pipefail

command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
exec python3 -B "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/serve_in_browser.py" "$@"
