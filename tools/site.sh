#!/usr/bin/env bash
# Makes the documentation as plain HTML: the pages of Markdown, and the reference of the public headers.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/site.sh --out DIR

Writes the site into DIR, which is made anew: index.html (README.md), docs/, benchmarks/ and the other pages, and the
reference of the public headers in api/. Open DIR/index.html, or let any web server serve the folder. A warning of
Doxygen, or a link to a page, a file or a heading that is not there, fails.

  --out DIR   must not exist, be empty, or hold an earlier site
  --help      this text

Needs the Debian packages pandoc and doxygen: tools/install_packages.sh pandoc doxygen.
TEXT
}

out=
while [[ $# -gt 0 ]]; do
  case $1 in
    --out)
      [[ $# -ge 2 ]] || { echo "site.sh: --out wants a folder" >&2; exit 2; }
      out=$(readlink -m "$2")
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "site.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
[[ -n $out ]] || { echo "site.sh: say where to write it: --out DIR" >&2; exit 2; }
for tool in pandoc doxygen perl cmake; do
  command -v "$tool" >/dev/null || { echo "site.sh: there is no $tool; run tools/install_packages.sh pandoc doxygen" >&2; exit 1; }
done
if [[ -e $out && ! -f $out/api/doxygen.css && -n $(ls -A "$out") ]]; then
  echo "site.sh: $out holds something that is no earlier site; give another folder" >&2
  exit 1
fi

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null
rm -rf "$out"
mkdir -p "$out/api"

mapfile -t pages < <(find . \( -path ./build -o -path ./runs -o -path ./data -o -path ./.git -o -path "$out" \) -prune -o \
  -name '*.md' -printf '%P\n' | sort)
for page in "${pages[@]}"; do
  target=$out/${page%.md}.html
  target=${target/%README.html/index.html}
  mkdir -p "$(dirname "$target")"
  root=$(dirname "$page" | sed -E 's|^\.$||; s|[^/]+|..|g; s|(.)$|\1/|')
  pandoc --from gfm --to html5 --template docs/site/page.html --lua-filter docs/site/links.lua --toc --toc-depth 2 \
    --no-highlight --variable root="$root" --metadata pagetitle="$page" --output "$target" "$page"
done
cp docs/site/style.css "$out/style.css"

# Files and folders of the project that a page links to become part of the site; of a folder a list.
links_of() { sed '/<pre>/,/<\/pre>/d' "$1" | grep -oE '(href|src)="[^"]+"' | sed -E 's/^[a-z]+="//; s/"$//' | grep -vE '^[a-z]+:' | sort -u || true; }
while IFS= read -r -d '' file; do
  while read -r link; do
    path=${link%%#*}
    [[ -n $path ]] || continue
    path=$(realpath --canonicalize-missing --relative-to="$out" "$(dirname "$file")/$path")
    if [[ ! -e $out/$path && $path != ..* ]]; then
      if [[ -f $path ]]; then
        mkdir -p "$out/$(dirname "$path")"
        cp "$path" "$out/$path"
      elif [[ -d $path ]]; then
        mkdir -p "$out/$path"
        cp -r "$path/." "$out/$path/"
      fi
    fi
    if [[ -d $out/$path && ! -f $out/$path/index.html ]]; then
      {
        echo "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>$path</title><h1>$path</h1><ul>"
        (cd "$out/$path" && find . -type f ! -name index.html ! -name .list -printf '%P\n' | sort | sed 's|.*|<li><a href="&">&</a>|')
        echo "</ul></html>"
      } >"$out/$path/.list"
      mv "$out/$path/.list" "$out/$path/index.html"
    fi
  done < <(links_of "$file")
done < <(find "$out" -name '*.html' -print0)

# The reference.
headers=$(cmake -P cmake/public_headers.cmake | sed "s|^$PWD/||" | tr '\n' ' ')
{ cat docs/site/Doxyfile; echo "INPUT = $headers"; echo "OUTPUT_DIRECTORY = \"$out/api\""; } | doxygen - || {
  echo "site.sh: the lines above are what Doxygen warns of in comments of public headers" >&2
  exit 1
}

# Does every link of a page lead somewhere?
status=0 links=0
while IFS= read -r -d '' file; do
  while read -r link; do
    links=$((links + 1))
    path=${link%%#*} anchor=
    [[ $link != *'#'* ]] || anchor=${link#*#}
    target=$file
    [[ -z $path ]] || target=$(dirname "$file")/$path
    [[ ! -d $target ]] || target=$target/index.html
    if [[ ! -e $target ]]; then
      echo "site.sh: ${file#"$out"/} links to $link, which is not there" >&2
      status=1
    elif [[ -n $anchor ]] && ! grep -qF "id=\"$anchor\"" "$target"; then
      echo "site.sh: ${file#"$out"/} links to $link; there is no such heading" >&2
      status=1
    fi
  done < <(links_of "$file")
done < <(find "$out" -path "$out/api" -prune -o -name '*.html' -print0)
[[ $status -eq 0 ]] || exit 1
echo "${#pages[@]} pages, $links links, $(wc -w <<<"$headers") headers: $out/index.html"
