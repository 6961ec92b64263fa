#!/usr/bin/env bash
# Compiles the program and tests for 64-bit Arm on another processor, and runs them in an emulator. See usage below.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/arm64_check.sh [--no-build] [--work DIR]

Installs Debian's cross compiler and QEMU, puts the libraries of a Debian for arm64 into build/arm64-sysroot (none of the
machine's own packages changes), compiles `ethreed`, test_core and test_kernels (preset arm64), and runs under QEMU:
  disassembly  the inner loops of matrix products multiply in NEON, by an element of a vector, and keep no sum in memory
  devices      says that the kernels are those for neon
  core         all tests
  kernels      the CPU's against the textbooks, cases of at most ETHREED_TEST_FLOPS (2e5 unless it is set); those of
               emulated CUDA kernels are left out, as they would run in two emulators
  program      prepares the sample corpus, trains ten steps, and replies to every post of samples/posts.txt

  --no-build   only what is installed and the libraries: then cmake --preset arm64 && cmake --build --preset arm64
  --work DIR   where the program writes; without it build/arm64/check

Made for Debian 12; needs root or sudo only to install. An emulator says nothing about speed. The exit status is 0 only if
everything was run and passed.
TEXT
}

with_build=true work=build/arm64/check
while [[ $# -gt 0 ]]; do
  case $1 in
    --no-build) with_build=false; shift ;;
    --work) work=${2:?arm64_check.sh: --work wants a value}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "arm64_check.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null
step() { printf '\n[%3d s] %s\n' "$SECONDS" "$*"; }
fail() { echo "arm64_check.sh: $*" >&2; exit 1; }

# The packages that the project needs, for arm64, unpacked into a folder: apt resolves them with a state of its own.
readonly sysroot=$PWD/build/arm64-sysroot
make_sysroot() {
  local packages state package link codename
  # The compiler and the tools that build are this machine's.
  mapfile -t packages < <(tools/install_packages.sh --list | grep -vxE 'g\+\+|cmake|ninja-build')
  [[ ! -f $sysroot/packages || $(<"$sysroot/packages") != "${packages[*]}" ]] || return 0
  step "Libraries for arm64, in $sysroot"
  state=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$state'" EXIT
  mkdir -p "$state"/{state/lists/partial,cache/archives/partial}
  : >"$state/state/status"
  # shellcheck disable=SC1091
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v code="$codename" '$2 == "main" && ($1 == code || index($1, code "-") == 1) {
      print "deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " $3, $1, $2 }' | sort -u >"$state/sources.list"
  [[ -s $state/sources.list ]] || fail "apt has no source of $codename main; set one up in /etc/apt"
  local apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$state/state"
    -o "Dir::State::status=$state/state/status" -o "Dir::Cache=$state/cache" -o "Dir::Etc::sourcelist=$state/sources.list"
    -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User= -o Debug::NoLocking=1)
  { "${apt[@]}" update && "${apt[@]}" install --yes --download-only --no-install-recommends "${packages[@]}"; } \
    >"$state/log" 2>&1 || { cat "$state/log" >&2; fail "apt could not get the packages for arm64"; }
  rm -rf "$sysroot"
  mkdir -p "$sysroot"
  for package in "$state"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$sysroot"; done
  # Links from / would lead out of the folder.
  find "$sysroot" -lname '/*' -print0 | while IFS= read -r -d '' link; do
    ln -sfnr "$sysroot$(readlink "$link")" "$link"
  done
  echo "${packages[*]}" >"$sysroot/packages"
}

tools/install_packages.sh g++-aarch64-linux-gnu qemu-user-static cmake ninja-build
make_sysroot
$with_build || exit 0

step "Build"
cmake --preset arm64
cmake --build --preset arm64 --parallel "$(nproc)"
readonly build=build/arm64

step "The inner loops of matrix products"
# Of each tile with two vectors a row: the shortest loop with all of its multiply-adds.
aarch64-linux-gnu-objdump -d --demangle --no-show-raw-insn "$build/CMakeFiles/ethreed_kernels.dir/kernels/gemm/gemm_cpu.cpp.o" |
  awk '
    function finish() {
      if (rows == 0) return
      tiles++
      if (least == 0) { print "WRONG: " name ": no loop has " 2 * rows " multiply-adds"; wrong = 1; return }
      by_element += elements
      if (spills > 0) { print "WRONG: " name ": the inner loop moves vectors to the stack and back " spills " times"; wrong = 1 }
    }
    /^[0-9a-f]+ <.*>:$/ {
      finish()
      name = $0
      rows = name ~ /tile_kernel</ && match(name, /Full<(float|double)>, [0-9]+, 2, /) ? 1 : 0
      if (rows) { split(substr(name, RSTART, RLENGTH), part, ", "); rows = part[2] + 0 }
      n = least = elements = spills = 0
      next
    }
    rows > 0 && $1 ~ /^[0-9a-f]+:$/ {
      address[++n] = $1; line[n] = $0; at[$1] = n
      if ($2 ~ /^(b\.|cbn?z|tbn?z)/) {
        target = ($2 ~ /^b\./ ? $3 : $4) ":"
        if ($2 ~ /^tb/) target = $5 ":"
        if (!(target in at) || at[target] > n || address[at[target]] != target) next
        fused = lanes = stack = 0
        for (i = at[target]; i <= n; ++i) {
          if (line[i] ~ /[ \t]fmla[ \t]+v[0-9]+\.(4s|2d)/) fused++
          if (line[i] ~ /[ \t]fmla.*\.[sd]\[0\]/) lanes++
          if (line[i] ~ /[ \t](ldr|str|ldp|stp)[ \t]+q.*\[sp/) stack++
        }
        if (fused >= 2 * rows && (least == 0 || n - at[target] < least)) { least = n - at[target]; elements = lanes; spills = stack }
      }
    }
    END {
      finish()
      if (tiles < 40 || by_element < 10 * tiles) { print "WRONG: " tiles " tiles, " by_element + 0 " multiply-adds by an element"; wrong = 1 }
      if (!wrong) print tiles " tiles: every multiply-add in NEON, " by_element " by an element of a vector, no sum in memory"
      exit wrong
    }' || fail "the inner loops of matrix products are not what they should be"

emulated() { qemu-aarch64-static -L "$sysroot" "$@"; }
ethreed() { emulated "$build/tools/ethreed" "$@"; }

step "Devices"
ethreed devices | tee "$build/devices.txt"
grep -q 'kernels for neon, the widest that runs here of neon; this processor offers neon' "$build/devices.txt" ||
  fail "the program does not say that its kernels are those for neon"
if ETHREED_CPU=sse2 ethreed devices 2>"$build/error.txt"; then fail "ETHREED_CPU=sse2 is taken"; fi
cat "$build/error.txt"

step "Tests of core"
emulated "$build/tests/test_core"

step "Tests of the kernels"
export ETHREED_TEST_FLOPS=${ETHREED_TEST_FLOPS:-2e5}
emulated "$build/tests/test_kernels" "~*emulated*"

step "Program"
rm -rf "$work"
mkdir -p "$work"
ethreed prepare samples/corpus --labels samples/corpus/labels.csv --dimension 32 --out "$work/data" | tail -3
echo '{"model": {"encoder": 32, "global_state": 32, "party_state": 32, "emotion_state": 32, "content_state": 32,
  "decoder_state": 32, "bottleneck": 32}, "training": {"batch": 4, "epochs": 1}}' >"$work/config.json"
ethreed train --data "$work/data" --out "$work/run" --config "$work/config.json" --max-steps 10 --log-every 1 --threads 2 --quiet
[[ $(tail -n +2 "$work/run/log.csv" | wc -l) -ge 10 ]] || fail "the training has no log of ten steps"
ethreed reply "$work/run" --checkpoint last --in samples/posts.txt --out "$work/replies.jsonl" --quiet
[[ $(wc -l <"$work/replies.jsonl") -eq $(wc -l <samples/posts.txt) ]] || fail "a post has no reply"
head -2 "$work/replies.jsonl" | cut -c1-200

echo
echo "tools/arm64_check.sh: passed, $SECONDS s"
