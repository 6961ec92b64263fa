#!/usr/bin/env bash
# What can be said of the CUDA kernels without a GPU: see usage below, and docs/gpu.md for what the columns mean.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/kernel_report.sh [--json FILE] [--operations NAME] [--architectures LIST] [--ptx LIST] [--ptx-only]

Compiles every CUDA kernel for every architecture and runs the model's shapes on the emulated device. Prints, as
Markdown: registers, shared memory, stack, spills and theoretical occupancy of each kernel; the least time of each
operation on A100, H100 and RTX 4090; what each kernel is launched with and what it reads and writes; its instructions
by kind, in nvcc's PTX and as the model's shapes execute them, and how long it takes to issue them. Needs nvcc (CUDA
12.8 or later), but no GPU. Everything is written below build/; what is up to date is not done again.

  --json FILE           write the same figures to FILE as well
  --operations NAME     run only operations whose name contains NAME (all kernels are compiled)
  --architectures LIST  compute capabilities, such as 80,90; without it 75,80,86,89,90,100,120
  --ptx LIST            those whose PTX is read and run; without it 75,90,120
  --ptx-only            nothing but that
  --help                this text

The exit status is 0 only if everything was compiled and run, no kernel spills registers, and in PTX none writes what it
reads by ld.global.nc and every barrier of the grid orders memory.
TEXT
}

die() { echo "kernel_report.sh: $*" >&2; exit 1; }

json='' operations='' architectures=75,80,86,89,90,100,120 ptx=75,90,120 ptx_only=0
while [[ $# -gt 0 ]]; do
  case $1 in
    --json | --operations | --architectures | --ptx)
      [[ $# -ge 2 ]] || { echo "kernel_report.sh: $1 wants a value" >&2; usage >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --ptx-only)
      ptx_only=1
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "kernel_report.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
[[ $architectures =~ ^[0-9]+(,[0-9]+)*$ ]] || { echo "kernel_report.sh: --architectures wants 80,90, not '$architectures'" >&2; exit 2; }
[[ $ptx =~ ^[0-9]+(,[0-9]+)*$ ]] || { echo "kernel_report.sh: --ptx wants 75,90, not '$ptx'" >&2; exit 2; }
[[ -z $json ]] || json=$(realpath -m "$json")

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null

nvcc=$(tools/find_nvcc.sh || true)
[[ -n $nvcc ]] || die "no nvcc on the PATH, in \$CUDA_PATH/bin or in /usr/local/cuda/bin. Install the CUDA toolkit 12.8 or later; a GPU is not needed"
command -v ninja >/dev/null || die "no ninja; run tools/install_packages.sh"

readonly work=build/kernel-report
mkdir -p "$work"

machine_code() {
  # One rule and one statement for each file and architecture: ninja keeps two compilers busy where there are two processors,
  # and repeats only what a changed header reaches. The log of ptxas lands beside the code.
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
}
((ptx_only)) || machine_code

tools/install_packages.sh >&2
log=$work/configure.log
cmake --preset cpu >"$log" 2>&1 || { cat "$log" >&2; die "cmake --preset cpu failed"; }
cmake --build build/cpu --target ethreed-kernel-report --parallel "$(nproc)" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; die "building ethreed-kernel-report failed"; }

# The PTX that is run, and the machine code of it.
ptxas=$(dirname "$nvcc")/ptxas
for architecture in ${ptx//,/ }; do
  folder=build/cpu/ptx/compute_$architecture
  tests/kernels/compile_cuda_sources.sh "$folder" "$architecture" >&2 || die "nvcc failed; its messages are above"
  mkdir -p "$work/ptx/sm_$architecture"
  printf '%s\n' "$folder"/*.ptx | xargs -P "$(nproc)" -I{} bash -c '"$1" -arch="sm_$2" -o "$3/$(basename "$4" .ptx).cubin" "$4"' \
    _ "$ptxas" "$architecture" "$work/ptx/sm_$architecture" {} >&2 || die "ptxas failed; its messages are above"
done

arguments=(--logs "$work/logs" --cubins "$work/ptx" --ptx build/cpu/ptx --ptx-architectures "$ptx")
((ptx_only == 0)) || arguments+=(--ptx-only)
[[ -z $operations ]] || arguments+=(--operations "$operations")
[[ -z $json ]] || arguments+=(--json "$json")
exec build/cpu/tools/kernel_report/ethreed-kernel-report "${arguments[@]}"
