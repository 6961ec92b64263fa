#!/usr/bin/env bash
# Runs every case of a folder by a check of the behaviour that is right. Works from any directory.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/run_cases.sh CASES_DIR [NAME…] [--program PATH] [--jobs N] [--keep]

A case is a folder of CASES_DIR: an input on which the program once erred. tests/cases/NAME.sh checks that it now does what is
right; a case without such a check counts as not checked. With NAME… these cases alone.

  --program PATH  the program (build/cpu/tools/ethreed)
  --jobs N        checks at a time (one a processor)
  --keep          leave what the checks made, and say where

Prints a table and a count. The exit status is 0 only if every case is right, 1 if one is wrong or not checked, 2 if the
command line was wrong.
TEXT
}

source_root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
cases='' names=() program=$source_root/build/cpu/tools/ethreed jobs=$(nproc) keep=false
complain() { echo "run_cases.sh: $*" >&2; exit 2; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --program | --jobs)
      [[ $# -ge 2 ]] || complain "$1 wants a value"
      [[ $1 == --jobs ]] && jobs=$2 || program=$2
      shift 2
      ;;
    --program=*) program=${1#*=}; shift ;;
    --jobs=*) jobs=${1#*=}; shift ;;
    --keep) keep=true; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) complain "unknown argument '$1'; see --help" ;;
    *) if [[ -z $cases ]]; then cases=$1; else names+=("$1"); fi; shift ;;
  esac
done
[[ -n $cases ]] || { usage >&2; exit 2; }
[[ -d $cases ]] || complain "'$cases' is no folder"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || complain "--jobs is '$jobs', wanted a number from 1"
[[ -x $program ]] || complain "'$program' is no program; build it (cmake --build build/cpu --target ethreed), or give --program"
command -v python3 >/dev/null || complain "needs python3; tools/install_packages.sh python3 installs it"
program=$(readlink -f "$program")
cases=$(readlink -f "$cases")
if [[ ${#names[@]} -eq 0 ]]; then
  mapfile -t names < <(find "$cases" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | LC_ALL=C sort)
fi
[[ ${#names[@]} -gt 0 ]] || complain "'$cases' holds no case"
for name in "${names[@]}"; do [[ -d $cases/$name ]] || complain "there is no case '$name' in $cases"; done

work=$(mktemp -d)
if $keep; then echo "what the checks make is in $work"; else trap 'rm -rf "$work"' EXIT; fi
export SOURCE=$source_root SAMPLES=$source_root/samples PROGRAM=$program
export DATA=$work/data RUN=$work/run TINY=$work/tiny.json CASES=$cases WORK=$work
unset CDPATH
export LC_ALL=C.UTF-8

# What several checks use.
cat >"$TINY" <<'JSON'
{"model":{"encoder":16,"global_state":16,"party_state":16,"emotion_state":16,"content_state":16,"decoder_state":16,"bottleneck":16}}
JSON
if ! { "$PROGRAM" prepare "$SAMPLES/corpus" --labels "$SAMPLES/corpus/labels.csv" --dimension 64 --out "$DATA" &&
  "$PROGRAM" train --data "$DATA" --out "$RUN" --config "$SAMPLES/train.json" --epochs 8 --quiet; } >"$work/setup" 2>&1; then
  cat "$work/setup" >&2
  echo "run_cases.sh: preparing and training on the sample corpus failed; the lines above are what the program said" >&2
  exit 1
fi

run_check() {
  local name=$1 check=$SOURCE/tests/cases/$1.sh
  export T=$WORK/$name.case
  mkdir "$T"
  if [[ ! -f $check ]]; then
    printf 'not checked\tthere is no tests/cases/%s.sh\n' "$name" >"$WORK/$name.verdict"
    return
  fi
  # `set -e` stays off: a check looks at statuses itself. A check that ends without a verdict is wrong itself.
  (cd "$CASES/$name" && . "$SOURCE/tests/cases/helpers.sh" && . "$check") >"$T.out" 2>"$T.err" </dev/null
  grep -aE $'^(right|wrong|not checked)\t' "$T.out" | tail -n 1 >"$WORK/$name.verdict"
  [[ -s $WORK/$name.verdict ]] || printf 'not checked\tthe check ended without a verdict: %s\n' "$(tail -n 1 "$T.err")" >"$WORK/$name.verdict"
  $KEEP || rm -rf "$T"
}
export -f run_check
export KEEP=$keep
printf '%s\0' "${names[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'run_check "$1"' bash

right=0 wrong=0 unchecked=0
printf '%-50s %-12s %s\n' case verdict why
for name in "${names[@]}"; do
  IFS=$'\t' read -r verdict why <"$work/$name.verdict"
  why=${why//"$work/$name.case/"/}
  printf '%-50s %-12s %.200s\n' "$name" "$verdict" "$why"
  case $verdict in
    right) ((++right)) ;;
    wrong) ((++wrong)) ;;
    *) ((++unchecked)) ;;
  esac
done
echo "${#names[@]} cases: $right right, $wrong wrong, $unchecked not checked ($SECONDS s)"
((wrong + unchecked == 0))
