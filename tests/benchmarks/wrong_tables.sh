#!/usr/bin/env bash
# Pages and results that are wrong, one mistake each, with the exit status and the message that bench_tables owes them:
#   wrong_tables.sh BENCH_TABLES
set -euo pipefail
bench_tables=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
results=$folder/results page=$folder/page.md file=$folder/results/box-step.json
failed=0

fresh() {
  rm -rf "$results" && mkdir "$results"
  cat >"$file" <<'JSON'
{
  "format": "ethreed-results", "format_version": 1, "subject": "step", "title": "A step",
  "machine": {"id": "box", "processor": "Two cores", "cores": 2},
  "commit": null, "date": "2026-11-28", "command": "bench_all",
  "rows": [{"name": "ours", "figures": {"ms": 23.7, "theirs / ours": {"median": 4.22, "low": 4.0, "high": 4.26}}}],
  "page": [
    {"order": 1, "title": "a step", "row": "ours", "figure": "ms"},
    {"order": 2, "title": "compared", "row": "ours", "figure": "theirs / ours", "unit": "times"}
  ]
}
JSON
  cat >"$page" <<'MARKDOWN'
# A page

<!-- bench_tables: box -->
| measured | median | 10 % – 90 % | unit | commit | raw |
|---|---:|---:|---|---|---|
| a step | 23.7 |  | ms | not recorded | [JSON](../benchmarks/results/box-step.json) |
| compared | 4.22 | 4.00 – 4.26 | times | not recorded | [JSON](../benchmarks/results/box-step.json) |
<!-- /bench_tables -->

Its end.
MARKDOWN
}

# edit SED_SCRIPT FILE: the edit must change something, or the case proves nothing.
edit() {
  cp "$2" "$folder/before"
  sed -i "$1" "$2"
  if cmp -s "$folder/before" "$2"; then
    echo "the edit '$1' changes nothing in $2"
    failed=1
  fi
}

# expect STATUS MESSAGE: the check of page and results ends so and says so.
expect() {
  local status=0 said
  said=$("$bench_tables" "$results" --check "$page" 2>&1) || status=$?
  if [[ $status -ne $1 || $said != *"$2"* ]]; then
    echo "wanted status $1 and '$2', got status $status and: $said"
    failed=1
  fi
}

fresh && expect 0 ""
fresh && edit 's/| 4\.22 |/| 4.23 |/' "$page" && expect 1 "its tables are not those of the results"
fresh && edit 's/4\.22/4.21/' "$file" && expect 1 "| compared | 4.21 |"
fresh && edit '/^| compared/d' "$page" && expect 1 "its tables are not those of the results"
fresh && edit '/bench_tables: box/d' "$page" && expect 2 "for the table of that machine"
fresh && edit 's/bench_tables: box/bench_tables: bag/' "$page" && expect 2 "a table of bag"
fresh && edit '/\/bench_tables/d' "$page" && expect 2 "after the table of box"
fresh && edit 's/4\.22/4.27/' "$file" && expect 2 "are not in order"
fresh && edit 's/"median": 4\.22/"middle": 4.22/' "$file" && expect 2 "got middle"
fresh && edit 's/"row": "ours", "figure": "ms"/"row": "nobody", "figure": "ms"/' "$file" && expect 2 "which is not in its rows"
fresh && edit 's/"order": 2/"order": 1/' "$file" && expect 2 "is taken by"
fresh && edit 's/"subject": "step"/"subject": "epoch"/' "$file" && expect 2 "it is called box-epoch.json"
fresh && edit '1s/{//' "$file" && expect 2 "not JSON"
fresh && edit 's/"format_version": 1/"format_version": 2/' "$file" && expect 2 "of version 1"
fresh && edit 's/"command"/"order"/' "$file" && expect 2 "not a file of results"
fresh && rm "$file" && expect 2 "no file of results"

# --update puts right what --check found, and leaves the rest of the page as it is.
fresh && cp "$page" "$folder/right" && edit 's/23\.7/99/' "$page" && "$bench_tables" "$results" --update "$page"
cmp "$page" "$folder/right" || failed=1
exit $failed
