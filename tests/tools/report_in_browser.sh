#!/usr/bin/env bash
# Opens a page of `ethreed report` in a browser without a window: no script error, and every figure is drawn. Skipped
# (status 77) where Chromium is absent.
set -euo pipefail

if [[ $# -ne 2 ]]; then
  echo "usage: tests/tools/report_in_browser.sh ETHREED SOURCE_DIR" >&2
  exit 2
fi
ethreed=$(readlink -f "$1")
samples=$(readlink -f "$2")/samples

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[[ -n $chromium ]] || { echo "skipped: there is no chromium (Debian's package chromium)"; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir corpus
for split in train valid; do
  head -n 121 "$samples/corpus/$split.csv" >"corpus/$split.csv"
  # The labels of what is left.
  awk -F, -v part="$split" 'NR == FNR { kept[$1, $2] = 1; next } FNR == 1 ? part == "train" : ($1, $2) in kept' \
    "corpus/$split.csv" "$samples/corpus/labels.csv" >>labels.csv
done
"$ethreed" prepare corpus --labels labels.csv --dimension 16 --out data >/dev/null
cat >small.json <<'JSON'
{"model": {"encoder": 8, "global_state": 8, "party_state": 8, "emotion_state": 8, "content_state": 8,
           "decoder_state": 8, "bottleneck": 8}}
JSON
echo '{"model": {"encoder": 8, "context_state": 8, "decoder_state": 8}}' >hred.json
"$ethreed" train --data data --out tracker --config small.json --epochs 2 --log-every 2 --quiet >/dev/null
"$ethreed" train --data data --out plain --model hred --config hred.json --epochs 2 --log-every 2 --quiet >/dev/null
"$ethreed" train --data data --out bags --model linear_classifier --epochs 1 --quiet >/dev/null
"$ethreed" report tracker plain bags --out page.html --dialogues 2 --latents sample,mean,shuffled --classifier bags --quiet

# Its own profile, and no sandbox: tests may run as root, and the page is our own.
dump() {
  timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$folder/profile" \
    --window-size=1280,900 --virtual-time-budget=10000 --dump-dom "file://$folder/$1" 2>chromium.log || {
    echo "chromium failed on $1:" >&2
    tail -n 20 chromium.log >&2
    return 1
  }
}

# The page as it came to be, without the scripts that made it.
dump 'page.html#all' | sed '/^<script>$/,/^<\/script>/d; /<script type="application\/json"/d' >drawn.html
fail() { echo "report_in_browser.sh: $*" >&2; exit 1; }
grep -q '<html[^>]* data-ready="yes"' drawn.html || fail "the script did not come to its end: $(grep -A5 'id="errors"' drawn.html)"
grep -q '<ul id="errors" hidden=""></ul>' drawn.html || fail "script errors: $(grep -A5 'id="errors"' drawn.html)"
figures=$(grep -o '<figure [^>]*>' drawn.html)
if grep -v 'data-drawn="yes"' <<<"$figures" >&2; then fail "the figures above are not drawn"; fi
for name in 'curve loss_total' 'curve perplexity_token' 'confusion tracker emotion of the speaker' 'confusion bags' \
            'calibration emotion of the listener' 'policy tracker' p_gen lengths 'attention ' 'tracked '; do
  grep -qF "data-figure=\"$name" <<<"$figures" || fail "there is no figure '$name'"
done
grep -q 'shuffled − sample' drawn.html || fail "modes of the latent variables are not compared"
grep -q 'class="other"' drawn.html || fail "replies of other modes are not shown"
grep -q 'class="best"' drawn.html || fail "no best value is marked"
grep -q 'Not compared, as shares of unknown words differ' drawn.html || fail "perplexities of models that copy and of such that cannot are compared"
grep -q 'plain: has no pointer' drawn.html || fail "what a model does not have is not said"

# The same eyes see a page that is broken.
sed 's/^const report = /const report = no_such_name + /' page.html >broken.html
dump broken.html | grep -q 'no_such_name is not defined' || fail "an error of the script goes unseen"
echo "$(wc -l <<<"$figures") figures drawn, no script error"
