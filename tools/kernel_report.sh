#!/usr/bin/env bash
# What can be said of the CUDA kernels without a GPU: see usage below, and docs/gpu.md for what the columns mean.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/kernel_report.sh [--json FILE] [--operations NAME] [--architectures LIST]

Compiles every CUDA kernel for every architecture and runs the model's shapes on the emulated device. Prints, as
Markdown: registers, shared memory, stack, spills and theoretical occupancy of each kernel; the least time of each
operation on A100, H100 and RTX 4090; what each kernel is launched with and what it reads and writes. Needs nvcc
(CUDA 12.8 or later), but no GPU. Everything is written below build/; what is up to date is not done again.

  --json FILE           write the same figures to FILE as well
  --operations NAME     run only operations whose name contains NAME (all kernels are compiled)
  --architectures LIST  compute capabilities, such as 80,90; without it 75,80,86,89,90,100,120
  --help                this text

The exit status is 0 only if everything was compiled and run and no kernel spills registers.
TEXT
}

die() { echo "kernel_report.sh: $*" >&2; exit 1; }

json='' operations='' architectures=75,80,86,89,90,100,120
while [[ $# -gt 0 ]]; do
  case $1 in
    --json | --operations | --architectures)
      [[ $# -ge 2 ]] || { echo "kernel_report.sh: $1 wants a value" >&2; usage >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "kernel_report.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
[[ $architectures =~ ^[0-9]+(,[0-9]+)*$ ]] || { echo "kernel_report.sh: --architectures wants 80,90, not '$architectures'" >&2; exit 2; }
[[ -z $json ]] || json=$(realpath -m "$json")

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null

nvcc=$(tools/find_nvcc.sh || true)
[[ -n $nvcc ]] || die "no nvcc on the PATH, in \$CUDA_PATH/bin or in /usr/local/cuda/bin. Install the CUDA toolkit 12.8 or later; a GPU is not needed"
command -v ninja >/dev/null || die "no ninja; run tools/install_packages.sh"

# One rule and one statement for each file and architecture: ninja keeps two compilers busy where there are two processors,
# and repeats only what a changed header reaches. The log of ptxas lands beside the code.
readonly work=build/kernel-report
mkdir -p "$work"
{
  echo "builddir = $work"  # where ninja keeps its log
  echo "nvcc = $nvcc"
  echo 'flags = -std=c++20 -O3 --expt-relaxed-constexpr -DFMT_USE_CONSTEXPR=1 -DETHREED_CUDA -I.'
  echo 'rule ptxas'
  echo '  command = $nvcc $flags -arch=sm_$sm -cubin -Xptxas=-v -MD -MT $out -MF $out.d -o $out $in >$log.new 2>&1 &&' \
       'mv $log.new $log || { cat $log.new; rm -f $log; exit 1; }'
  echo '  depfile = $out.d'
  echo '  deps = gcc'
  echo '  description = nvcc sm_$sm $in'
  while IFS= read -r source; do
    name=$(basename "$source" .cu)
    for sm in ${architectures//,/ }; do
      out=$work/sm_$sm/$name
      printf 'build %s.cubin: ptxas %s\n  sm = %s\n  log = %s.log\n' "$out" "$source" "$sm" "$out"
    done
  done < <(find kernels -name '*.cu' -not -path 'kernels/emulation/*' | sort)
} >"$work/build.ninja.new"
cmp --silent "$work/build.ninja.new" "$work/build.ninja" || cp "$work/build.ninja.new" "$work/build.ninja"
ninja -f "$work/build.ninja" -j "$(nproc)" --quiet >&2 || die "nvcc failed; its messages are above"

# Only logs of the files and architectures of this run.
rm -rf "$work/logs"
for sm in ${architectures//,/ }; do
  mkdir -p "$work/logs/sm_$sm"
  while IFS= read -r source; do
    cp "$work/sm_$sm/$(basename "$source" .cu).log" "$work/logs/sm_$sm/"
  done < <(find kernels -name '*.cu' -not -path 'kernels/emulation/*')
done

tools/install_packages.sh >&2
log=$work/configure.log
cmake --preset cpu >"$log" 2>&1 || { cat "$log" >&2; die "cmake --preset cpu failed"; }
cmake --build build/cpu --target ethreed-kernel-report --parallel "$(nproc)" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; die "building ethreed-kernel-report failed"; }

arguments=(--logs "$work/logs")
[[ -z $operations ]] || arguments+=(--operations "$operations")
[[ -z $json ]] || arguments+=(--json "$json")
exec build/cpu/tools/kernel_report/ethreed-kernel-report "${arguments[@]}"
