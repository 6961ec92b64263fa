#!/usr/bin/env bash
# The documentation's site: made without a warning of Doxygen, and every link leads somewhere. Skipped (status 77) where
# Pandoc or Doxygen is absent.
set -euo pipefail

if [[ $# -ne 1 ]]; then
  echo "usage: tests/tools/site_builds.sh SOURCE_DIR" >&2
  exit 2
fi
source_dir=$(readlink -f "$1")
for tool in pandoc doxygen; do
  command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

status=0
"$source_dir/tools/site.sh" 2>"$folder/error" || status=$?
[[ $status == 2 && $(wc -l <"$folder/error") == 1 ]] || fail "without --out it is refused in one line"
mkdir "$folder/full"
touch "$folder/full/mine"
if "$source_dir/tools/site.sh" --out "$folder/full" 2>"$folder/error"; then fail "a folder that holds something is taken"; fi
[[ -f $folder/full/mine ]] || fail "what the folder held is gone"

# A copy of what the site is made of, so that nothing else that lies in the folder takes part.
mkdir "$folder/project"
cd "$source_dir"
find . \( -path ./build -o -path ./runs -o -path ./data -o -path ./.git \) -prune -o -type f -print0 |
  tar --null --files-from=- -cf - | tar -xf - -C "$folder/project"
"$folder/project/tools/site.sh" --out "$folder/site" | tee "$folder/said"
grep -qE '^[0-9]+ pages, [0-9]+ links, [0-9]+ headers' "$folder/said" || fail "it says what it made"
grep -q 'id="experiment' "$folder/site/docs/guide.html" || fail "headings have names"
grep -q 'gru_sequence' "$folder/site/api/index.html" "$folder"/site/api/*.html || fail "the reference lacks an operation"

# What is wrong is found.
cd "$folder/project"
find . -name '*.md' -delete
printf '# A page\n[one](docs/absent.md), [two](#a-page), [three](#absent)\n' >README.md
sed -i 's|headers=.*|headers=core/dtype.h|' tools/site.sh
if tools/site.sh --out "$folder/wrong" 2>"$folder/error"; then fail "a link to nothing is taken"; fi
grep -q 'index.html links to docs/absent.html, which is not there' "$folder/error" || fail "a page that is not there"
grep -q 'index.html links to #absent; there is no such heading' "$folder/error" || fail "a heading that is not there"
if grep -q 'a-page' "$folder/error"; then fail "the link that is right is refused"; fi
printf '# A page\n' >README.md
printf '/// A function.\n/// <b>Not closed\nint f(int a);\n' >core/dtype.h
sed -i 's|^FILTER_PATTERNS.*||' docs/site/Doxyfile
if tools/site.sh --out "$folder/wrong" >"$folder/error" 2>&1; then fail "a wrong comment is taken"; fi
grep -q 'core/dtype.h' "$folder/error" || { cat "$folder/error" >&2; fail "the wrong comment is not named"; }
