#!/usr/bin/env bash
# Everything that only a GPU can tell, in one command: see usage below, and docs/gpu.md.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/gpu_check.sh --pack FILE.tar.gz [--build DIR]
       tools/gpu_check.sh [--from DIR] [--device cuda|emulated] [--out DIR] [--parts LIST] [--scale PERCENT]

The first form makes an archive from a build, made anywhere, for one architecture:
  cmake --preset cuda -DETHREED_CUDA_ARCHITECTURES=90 -DETHREED_BENCHMARKS=ON && cmake --build build/cuda
Stripped programs, this script and a small data set; it refuses to write more than 60 MiB. The second form runs there, in
at most eight minutes, and writes report.md and report.json. Each part has its own time limit: one that hangs costs itself.

  --build DIR      build to pack or to run from, without it build/cuda
  --from DIR       an unpacked archive; without it the programs of --build
  --device NAME    emulated runs as far as it goes without a GPU; what needs one is "not run", which is no pass
  --out DIR        where the reports go, without it gpu-check
  --parts LIST     only these parts, such as device,kernels
  --scale PERCENT  time limits, without it 100
  --help           this text

The exit status is 0 if every part passed, 1 if one failed or hung, 3 if none did but some could not run.
TEXT
}

die() { echo "gpu_check.sh: $*" >&2; exit 1; }

pack='' build='' from='' device=cuda out=gpu-check parts='' scale=100
while [[ $# -gt 0 ]]; do
  case $1 in
    --pack | --build | --from | --device | --out | --parts | --scale)
      [[ $# -ge 2 ]] || { echo "gpu_check.sh: $1 wants a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "gpu_check.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
[[ $device == cuda || $device == emulated ]] || { echo "gpu_check.sh: --device is cuda or emulated, not '$device'" >&2; exit 2; }
[[ $scale =~ ^[1-9][0-9]*$ ]] || { echo "gpu_check.sh: --scale wants a number of percent" >&2; exit 2; }
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
readonly root build=${build:-$root/build/cuda}
exec </dev/null

# The small data set: 16 words wide, from the sample corpus.
make_data() {
  "$build/tools/ethreed" prepare "$root/samples/corpus" --labels "$root/samples/corpus/labels.csv" --dimension 16 --out "$1" >/dev/null
}

if [[ -n $pack ]]; then
  readonly most_bytes=$((60 << 20))
  staging=$(mktemp -d)
  trap 'rm -rf "$staging"' EXIT
  mkdir -p "$staging/gpu-check/bin" "$staging/gpu-check/tools"
  for program in tools/ethreed tools/ethreed-gradcheck tests/test_kernels benchmarks/bench_training_step benchmarks/peers/cudnn/bench_cudnn; do
    if [[ -x $build/$program ]]; then
      strip -o "$staging/gpu-check/bin/${program##*/}" "$build/$program"
    elif [[ $program == tools/* || $program == tests/* ]]; then
      die "$build/$program is not built"
    else
      echo "gpu_check.sh: without ${program##*/}, which is not built: its part will not run" >&2
    fi
  done
  cp "$root/tools/gpu_check.sh" "$staging/gpu-check/tools/"
  make_data "$staging/gpu-check/data"
  tar -C "$staging" -czf "$pack" gpu-check
  bytes=$(stat -c %s "$pack")
  [[ $bytes -le $most_bytes ]] || { rm -f "$pack"; die "the archive would have $bytes bytes, at most $most_bytes are wanted: build for one architecture"; }
  echo "$pack: $bytes bytes; there: tar xzf ${pack##*/} && gpu-check/tools/gpu_check.sh --from gpu-check"
  exit 0
fi

# program NAME: where it is.
program() {
  if [[ -n $from ]]; then echo "$from/bin/$1"; return; fi
  local found
  for found in "$build"/tools/"$1" "$build"/tests/"$1" "$build"/benchmarks/"$1" "$build"/benchmarks/peers/cudnn/"$1"; do
    if [[ -x $found ]]; then echo "$found"; return; fi
  done
  echo "$build/$1"
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
if [[ -n $from ]]; then from=$(cd "$from" && pwd); fi
work=$out/work
rm -rf "$work"
mkdir -p "$work"
ethreed=$(program ethreed) gradcheck=$(program ethreed-gradcheck) kernels=$(program test_kernels)
[[ -x $ethreed ]] || die "$ethreed: no such program; give --from DIR or --build DIR"
if [[ -n $from ]]; then data=$from/data; else data=$work/data; make_data "$data"; fi
echo '{"model": {"encoder": 32, "global_state": 32, "party_state": 32, "emotion_state": 32, "content_state": 32, "decoder_state": 32, "bottleneck": 32}, "training": {"batch": 4, "epochs": 1}}' >"$work/config.json"

# --- the parts: each is a function that fails, or ends with status 77 where it cannot run here --------------------------

train() { # NAME DEVICE OPTION…: 20 steps
  local name=$1 on=$2
  shift 2
  "$ethreed" train --data "$data" --out "$work/$name" --config "$work/config.json" --device "$on" --max-steps 20 --log-every 1 --seed 3 --quiet "$@" && [[ -s $work/$name/log.csv ]]
}
part_device() { "$ethreed" devices && { [[ $device == emulated ]] || ! "$ethreed" devices | grep -q 'cuda: built in,\|cuda: not built'; }; }
part_kernels() { # what stands under __CUDACC__ is used by every one of them: launches, barriers, products, shared memory
  local tests="the GPU's kernels*"
  if [[ $device == emulated ]]; then tests="the emulated kernels agree with textbook and CPU in float*"; fi
  "$kernels" "$tests" | tee "$work/kernels.log"
  ! grep -q "not run\|No test cases" "$work/kernels.log"
}
part_gradcheck() { "$gradcheck" --device "$device"; }
part_parity() {
  train cpu cpu && train device "$device" --no-graphs || return 1
  # Columns by name; losses of 20 steps in float.
  paste -d, "$work/cpu/log.csv" "$work/device/log.csv" | awk -F, '
    NR == 1 { n = NF / 2; for (i = 1; i <= n; ++i) if ($i ~ /^loss_/ || $i == "gradient_norm") column[i] = $i; next }
    $1 == "step" { ++steps; for (i in column) { a = $i; b = $(n + i); if (a == "" && b == "") continue
      far = (a > b ? a - b : b - a) / (a > 1e-3 ? a : 1e-3); if (far > worst) { worst = far; where = column[i] " at step " $3 } } }
    END { printf "%d steps, worst relative difference %.2e (%s), wanted at most 1e-3\n", steps, worst, where; exit !(steps == 20 && worst <= 1e-3) }'
}
part_graphs() {
  train graphs "$device" && train no_graphs "$device" --no-graphs || return 1
  cmp "$work/graphs/last/model.safetensors" "$work/no_graphs/last/model.safetensors" && echo "20 steps as graphs and without: the same bits"
}
part_times() {
  local bench
  bench=$(program bench_training_step)
  [[ -x $bench ]] || { echo "bench_training_step is not built"; return 77; }
  "$bench" "$data" --device "$device" --steps 20 --batch 8 && "$bench" "$data" --device "$device" --graphs --steps 20 --batch 8
}
sanitize() { # TOOL: on the small cases
  [[ $device == cuda ]] || { echo "needs a GPU"; return 77; }
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer on the PATH"; return 77; }
  compute-sanitizer --tool "$1" --error-exitcode 1 "$gradcheck" --device cuda --case one
}
part_memcheck() { sanitize memcheck; }
part_racecheck() { sanitize racecheck; }
part_cudnn() {
  local bench
  [[ $device == cuda ]] || { echo "needs a GPU"; return 77; }
  bench=$(program bench_cudnn)
  [[ -x $bench ]] || { echo "bench_cudnn is not built"; return 77; }
  "$bench"
}

# Seconds of each, 480 in all.
readonly limits="device:10 kernels:90 gradcheck:90 parity:50 graphs:40 times:50 memcheck:60 racecheck:50 cudnn:40"
[[ -z $parts ]] || for part in ${parts//,/ }; do [[ " $limits" == *" $part:"* ]] || { echo "gpu_check.sh: there is no part '$part'" >&2; exit 2; }; done

# The text between JSON's quotes.
as_json() { sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/ /g' -e 's/[[:cntrl:]]//g' | sed ':a;N;$!ba;s/\n/\\n/g'; }

failed=0 left=0 rows='' entries=''
details=$work/details.md
: >"$details"
for item in $limits; do
  part=${item%%:*} limit=$((${item##*:} * scale / 100))
  [[ -z $parts || ",$parts," == *",$part,"* ]] || continue
  log=$work/$part.txt status=0 start=$SECONDS
  # A group of its own, so that a hang's children end with it.
  set -m
  (set +e; "part_$part") >"$log" 2>&1 &
  child=$!
  set +m
  (sleep "$limit"; kill -KILL -- -"$child") 2>/dev/null &
  watch=$!
  wait "$child" 2>/dev/null || status=$?
  kill "$watch" 2>/dev/null || true
  wait "$watch" 2>/dev/null || true
  seconds=$((SECONDS - start))
  case $status in
    0) verdict=passed ;;
    77) verdict="not run" left=1 ;;
    137) verdict=$([[ $seconds -ge $limit ]] && echo "hung" || echo "failed") failed=1 ;;
    *) verdict=failed failed=1 ;;
  esac
  echo "$part: $verdict ($seconds s)"
  rows+="| $part | $verdict | $seconds | $limit |"$'\n'
  printf '\n## %s: %s\n```\n%s\n```\n' "$part" "$verdict" "$(tail -n 40 "$log")" >>"$details"
  entries+="${entries:+,}{\"part\": \"$part\", \"result\": \"$verdict\", \"seconds\": $seconds, \"limit\": $limit, \"output\": \"$(tail -n 40 "$log" | as_json)\"}"
done

described=$("$ethreed" devices 2>&1 || true)
{
  printf '# GPU check on %s\n\n```\n%s\n```\n\n| part | result | seconds | limit |\n|---|---|---:|---:|\n%s' "$device" "$described" "$rows"
  cat "$details"
} >"$out/report.md"
printf '{"device": "%s", "devices": "%s", "parts": [%s]}\n' "$device" "$(as_json <<<"$described")" "$entries" >"$out/report.json"
echo "$out/report.md, $out/report.json"
if [[ $failed -eq 1 ]]; then exit 1; fi
if [[ $left -eq 1 ]]; then exit 3; fi
