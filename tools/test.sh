#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test. Works from any directory.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/test.sh [--preset NAME]

  --preset NAME   cpu (release, the default), cpu-debug (with assertions), asan (AddressSanitizer and
                  UndefinedBehaviorSanitizer), tsan (ThreadSanitizer) or cuda (release with the
                  kernels for NVIDIA GPUs; needs nvcc); built in build/NAME
  --help          this text

The exit status is 0 only if everything was built and every test passed.
TEXT
}

preset=cpu
while [[ $# -gt 0 ]]; do
  case $1 in
    --preset)
      [[ $# -ge 2 ]] || { echo "test.sh: --preset wants a name" >&2; exit 2; }
      preset=$2
      shift 2
      ;;
    --preset=*) preset=${1#--preset=}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "test.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
case $preset in
  cpu | cpu-debug | asan | tsan | cuda) ;;
  *) echo "test.sh: no preset '$preset'; there are cpu, cpu-debug, asan, tsan and cuda" >&2; exit 2 ;;
esac

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null  # nothing may wait for a person

# ThreadSanitizer of GCC 12 does not start where the kernel spreads addresses widely; the build runs test programs as
# well (ctest asks them for their tests), so both get fixed addresses where that is allowed.
runner=()
if [[ $preset == tsan ]] && setarch "$(uname -m)" --addr-no-randomize true 2>/dev/null; then
  runner=(setarch "$(uname -m)" --addr-no-randomize)
fi

# An emulated kernel under a sanitizer takes seconds where it takes milliseconds: there the tests over the whole table of
# operations leave out the largest cases, and say so. ETHREED_TEST_FLOPS=1e99 runs them all.
if [[ $preset == asan || $preset == tsan ]]; then
  export ETHREED_TEST_FLOPS=${ETHREED_TEST_FLOPS:-2e5}
fi

tools/install_packages.sh
cmake --preset "$preset"
"${runner[@]}" cmake --build "build/$preset" --parallel "$(nproc)"
echo "Packages and build: $SECONDS s"

status=0
"${runner[@]}" ctest --test-dir "build/$preset" --output-on-failure --parallel "$(nproc)" --no-tests=error || status=$?
echo "tools/test.sh --preset $preset: $SECONDS s in all"
exit "$status"
