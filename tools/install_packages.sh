#!/usr/bin/env bash
# Installs the Debian packages that the project needs, or those it is given, where the machine lacks them. Quick and silent
# when nothing is missing.
# Made for Debian 12 (bookworm). Needs root or sudo only to install.
set -euo pipefail

packages=(
  g++ cmake ninja-build               # to build
  libfmt-dev                         # text formatting
  nlohmann-json3-dev libcli11-dev    # configuration files, command lines
  libedit-dev                        # lines typed in a chat
  libboost-context-dev               # fibers, one per emulated CUDA thread
  libutf8proc-dev                    # letters and punctuation beyond ASCII
  libstemmer-dev                     # stems of words, for METEOR
  zlib1g-dev libzip-dev              # packed word vectors
  libjs-chart.js                     # charts of `ethreed report`
  libcpp-httplib-dev                 # HTTP, for `ethreed serve`
  catch2                             # tests
)

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: tools/install_packages.sh [--list | PACKAGE…]"
  echo "Installs what is missing of these Debian packages, or of: ${packages[*]}"
  echo "--list only prints these names, one a line."
  exit 0
fi
if [[ ${1:-} == --list && $# -eq 1 ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi
if [[ ${1:-} == -* ]]; then
  echo "install_packages.sh: unknown option '$1'; it takes the names of packages, or nothing" >&2
  exit 2
fi
[[ $# -eq 0 ]] || packages=("$@")

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  if [[ $# -gt 0 ]]; then
    echo "install_packages.sh: this is no Debian-like system (no apt-get). Install what Debian 12 has as: $*" >&2
    exit 1
  fi
  echo "install_packages.sh: this is no Debian-like system (no apt-get). Install these yourself and run" \
       "cmake --preset cpu: a C++20 compiler (GCC 12 or later), CMake 3.25 or later, Ninja, fmt 9, nlohmann-json 3.11," \
       "CLI11 2.1, libedit 3.1, Boost.Context 1.74, utf8proc 2.8, libstemmer 2.2, zlib 1.2, libzip 1.7, Chart.js 3.9, cpp-httplib 0.11," \
       "Catch2 version 2" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "install_packages.sh: these packages are missing: ${missing[*]}. Installing them takes root or sudo, and here is" \
         "neither; ask an administrator to run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${apt[@]}" update && "${apt[@]}" install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "install_packages.sh: installing ${missing[*]} failed; the lines above are what apt-get said" >&2
  exit 1
fi
