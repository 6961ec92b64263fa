#!/usr/bin/env bash
# The kernels as nvcc makes them, executed on the emulated device, for every architecture: see usage below.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/ptx_check.sh [--build DIR] [--flops NUMBER] [--operations LIST] [--parts LIST] [--limit SECONDS]
                          [--out DIR] [--all | ARCHITECTURE…]

Makes PTX of every CUDA source for each architecture (75, 90, …), without one for all that the CUDA build lists, and runs
the table's cases on it. Needs nvcc and a build of test_ptx, no GPU. Parts, each a test of test_ptx:

  double, float    forward against textbook and CPU, backward against the CPU, every access checked; every kernel runs
  approximations   the same with approximate instructions as far off as the ISA allows, below and above
  order            the same bits with threads and blocks reversed and shuffled
  devices          agreement with the CPU on devices of other sizes: 64 KiB of shared memory, 99 KiB, 40 multiprocessors
  gradcheck        finite differences, of a case of every operation, in double and float

A line for each architecture says what ran and how far off it was; the whole output is in DIR/ARCHITECTURE-PART.log.

  --build DIR        build with tests/test_ptx, without it build/cpu
  --flops NUMBER     cases of at most so many FLOPs, and those that kernels need which these do not launch; without it all
  --operations LIST  only these operations, such as adam,linear: not every kernel runs then
  --parts LIST       only these parts, such as float,order
  --limit SECONDS    of a part, without it 7200; one that takes longer has failed
  --out DIR          where the output goes, without it BUILD/ptx/check

The exit status is 0 if every part passed, 1 if one failed or took too long, 2 if the command line was wrong, 77 if there is
no nvcc.
TEXT
}

build=build/cpu flops='' operations='' parts=double,float,approximations,order,devices,gradcheck limit=7200 out=''
architectures=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --build | --flops | --operations | --parts | --limit | --out)
      [[ $# -ge 2 ]] || { echo "ptx_check.sh: $1 wants a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --all) shift ;;
    -h | --help) usage; exit 0 ;;
    *)
      [[ $1 =~ ^[0-9]+[af]?$ ]] || { echo "ptx_check.sh: '$1' is no architecture (75, 90, …)" >&2; usage >&2; exit 2; }
      architectures+=("$1")
      shift
      ;;
  esac
done
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null
if [[ ${#architectures[@]} -eq 0 ]]; then
  IFS=';' read -ra architectures < <(sed -nE 's/^set\(ETHREED_CUDA_ARCHITECTURES "([^"]*)".*/\1/p' cmake/cuda.cmake)
fi
out=${out:-$build/ptx/check}
test=$build/tests/test_ptx
[[ -x $test ]] || { echo "ptx_check.sh: there is no $test; build it: cmake --build $build --target test_ptx" >&2; exit 2; }
mkdir -p "$out"

declare -A tests=(
  [double]='the kernels in PTX agree with textbook and CPU in double*'
  [float]='the kernels in PTX agree with textbook and CPU in float*'
  [approximations]='the kernels in PTX agree with the CPU however far*'
  [order]='the kernels in PTX give the same bits*'
  [devices]='the kernels in PTX agree with the CPU on devices*'
  [gradcheck]='the gradients of the kernels in PTX*'
)
IFS=, read -ra wanted <<<"$parts"
for part in "${wanted[@]}"; do
  [[ -n ${tests[$part]:-} ]] || { echo "ptx_check.sh: there is no part '$part'" >&2; exit 2; }
done

failed=0
for architecture in "${architectures[@]}"; do
  folder=$build/ptx/compute_$architecture
  if tests/kernels/compile_cuda_sources.sh "$folder" "$architecture" >"$out/$architecture-nvcc.log" 2>&1; then
    :
  else
    status=$?
    if ((status == 77)); then
      echo "compute_$architecture: ptx: not run: there is no nvcc"
      exit 77
    fi
    echo "compute_$architecture: nvcc FAILED, see $out/$architecture-nvcc.log"
    failed=1
    continue
  fi
  began=$SECONDS details='' verdict=passed
  for part in "${wanted[@]}"; do
    log=$out/$architecture-$part.log status=0 part_verdict=passed part_began=$SECONDS
    environment=(ETHREED_PTX="$folder" ETHREED_TEST_FLOPS="${flops:-1e18}")
    [[ -z $operations ]] || environment+=(ETHREED_TEST_OPERATIONS="$operations")
    timeout --kill-after=10 "$limit" env "${environment[@]}" "$test" "${tests[$part]}" >"$log" 2>&1 || status=$?
    ((status == 0)) || part_verdict="FAILED ($status)" verdict=FAILED failed=1
    ((status != 124 && status != 137)) || part_verdict="FAILED, longer than $limit s"
    said=$(sed -nE 's/^ptx, (.*)$/\1/p' "$log" | paste -sd '|' | sed 's/|/; /g')
    details+="  $part: $part_verdict in $((SECONDS - part_began)) s: ${said:-see $log}"$'\n'
  done
  # From "ptx, double: 4 operations, …, worst error 1e-12, …" and "ptx, double: 12 of 12 kernels launched, 30 of 30 cases …".
  figures=''
  for type in double float; do
    [[ ,$parts, == *,$type,* ]] || continue
    log=$out/$architecture-$type.log
    figures+=$(sed -nE "s/^ptx, $type: ([0-9]+ operations), .*(worst error [^,]*),.*/; $type: \\1, \\2/p" "$log" | head -1)
    figures+=$(sed -nE "s/^ptx, $type: ([0-9]+ of [0-9]+ kernels launched, .*)$/, \\1/p" "$log" | head -1)
  done
  printf '%s\n%s' "compute_$architecture: $verdict in $((SECONDS - began)) s$figures" "$details"
done
exit $failed
