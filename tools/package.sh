#!/usr/bin/env bash
# Builds the Debian package, and installs and uses it in a Debian that has nothing else.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/package.sh [--build DIR] [--no-build] [--no-check] [--deb FILE]

Builds the preset `package` (any processor of the family), makes build/package/packages/ethreed_*.deb, and checks it:
  lintian       its findings, where lintian is installed; an error or a warning fails
  contents      program, library, manual pages, completions, samples; each command has its page
  bare Debian   debootstrap makes one in a temporary folder, from the mirror that apt is configured with; there the
                package is installed with what it depends on, `ethreed` prepares and trains the sample and replies,
                `man` shows every page without a warning, and bash completes a command and an option; then what the
                package suggests for its library is installed, and the sample programs are built with find_package
                and run. Both ways of a newcomer are timed, installation included

  --build DIR   package this build instead (of another preset, say); nothing is built
  --no-build    package build/package as it is
  --no-check    build only
  --deb FILE    build nothing, check this package
  --help        this text

Needs root for the bare Debian, and the packages lintian, debootstrap and man-db: tools/install_packages.sh lintian
debootstrap man-db. The exit status is 0 only if every check was made and passed.
TEXT
}

build=build/package with_build=true with_check=true deb=
while [[ $# -gt 0 ]]; do
  case $1 in
    --build | --deb)
      [[ $# -ge 2 ]] || { echo "package.sh: $1 wants a path" >&2; exit 2; }
      if [[ $1 == --build ]]; then build=$(readlink -f "$2"); else deb=$(readlink -f "$2"); fi
      with_build=false
      shift 2
      ;;
    --no-build) with_build=false; shift ;;
    --no-check) with_check=false; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "package.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null
step() { printf '\n[%3d s] %s\n' "$SECONDS" "$*"; }
fail() { echo "package.sh: $*" >&2; exit 1; }

# Before an hour of work: is what the checks need there?
if $with_check; then
  [[ $(id -u) -eq 0 ]] || fail "a bare Debian can be made by root only; run this as root, or with --no-check"
  for tool in lintian debootstrap man; do
    command -v "$tool" >/dev/null || fail "there is no $tool; run tools/install_packages.sh lintian debootstrap man-db"
  done
fi

if $with_build; then
  step "Build: release for any processor, in $build"
  tools/install_packages.sh
  cmake --preset package >"/tmp/ethreed-configure.$$" || { cat "/tmp/ethreed-configure.$$" >&2; exit 1; }
  rm -f "/tmp/ethreed-configure.$$"
  cmake --build "$build" --parallel "$(nproc)" --target ethreed ethreed_whole ethreed_pages ethreed_documents
fi
if [[ -z $deb ]]; then
  step "Package"
  [[ -f $build/CPackConfig.cmake ]] || fail "$build: is no build that was configured with ETHREED_INSTALL and ETHREED_TOOLS"
  if grep -q '^ETHREED_NATIVE:BOOL=ON' "$build/CMakeCache.txt"; then
    echo "NOTE: $build was compiled for the processor of this machine: the package is for others like it only" >&2
  fi
  rm -f "$build"/packages/ethreed_*.deb
  (umask 022 && cd "$build" && cpack -G DEB)
  deb=$(readlink -f "$build"/packages/ethreed_*.deb)
fi
dpkg-deb --info "$deb"
$with_check || exit 0

folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT
status=0
wrong() { echo "WRONG: $*" >&2; status=1; }

step "Lintian"
lintian --fail-on error,warning "$deb" || wrong "lintian has findings"

step "Contents"
dpkg-deb --extract "$deb" "$folder/tree"
tree=$folder/tree
for path in usr/bin/ethreed usr/share/bash-completion/completions/ethreed usr/share/zsh/vendor-completions/_ethreed \
  usr/share/fish/vendor_completions.d/ethreed.fish usr/share/ethreed/samples/corpus/train.csv \
  usr/share/doc/ethreed/copyright usr/include/ethreed/autograd/tape.h; do
  [[ -f $tree/$path ]] || wrong "the package lacks /$path"
done
[[ -n $(find "$tree" -name libethreed.a) && -n $(find "$tree" -name ethreed-config.cmake) ]] || wrong "the package lacks the library"
if grep -rlF "$PWD" "$tree" >&2; then wrong "the files above name a folder of this machine"; fi

step "A bare Debian"
# shellcheck disable=SC1091
. /etc/os-release
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
  awk -v code="$VERSION_CODENAME" '$1 == code && $2 == "main" { print $3; exit }')
[[ -n $mirror ]] || fail "apt has no source of $VERSION_CODENAME main; set one up in /etc/apt"
root=$folder/root
debootstrap --variant=minbase --include=man-db,bash-completion "$VERSION_CODENAME" "$root" "$mirror" >"$folder/log" ||
  { tail -5 "$folder/log" >&2; fail "debootstrap could not make a bare Debian"; }
cp -r /etc/apt/. "$root/etc/apt/"
[[ ! -f /etc/resolv.conf ]] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
rm -f "$root/etc/dpkg/dpkg.cfg.d/"*  # nothing may leave out manual pages
cp "$deb" "$root/tmp/ethreed.deb"
cat >"$root/tmp/check.sh" <<'CHECK'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
install() {
  apt-get -qq install --yes --no-install-recommends "$@" >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
}
apt-get -qq update
SECONDS=0
install /tmp/ethreed.deb
cd /tmp
ethreed --version
samples=/usr/share/ethreed/samples
ethreed prepare $samples/corpus --labels $samples/corpus/labels.csv --dimension 32 --out data | tail -3
ethreed train --data data --out run --config $samples/train.json --epochs 2 --quiet
ethreed reply run --in $samples/posts.txt --out replies.jsonl
[[ $(wc -l <replies.jsonl) -eq $(wc -l <$samples/posts.txt) ]] && grep -q '"reply":"[^"]' replies.jsonl || { echo "a post has no reply"; exit 1; }
head -2 replies.jsonl | cut -c1-200
echo "From the package to replies of a model trained on the sample: $SECONDS s"

pages=0
for page in /usr/share/man/man1/ethreed*.1.gz; do
  name=$(basename "$page" .1.gz)
  warnings=$(MANWIDTH=80 man --warnings -E UTF-8 "$name" 2>&1 >/tmp/page)
  [[ -z $warnings && -s /tmp/page ]] || { echo "man $name: $warnings"; exit 1; }
  pages=$((pages + 1))
done
for command in $(ethreed --help | sed -n '/^Subcommands:/,$s/^  \([a-z]*\) .*/\1/p'); do
  [[ -f /usr/share/man/man1/ethreed-$command.1.gz ]] || { echo "$command has no manual page"; exit 1; }
done
echo "$pages manual pages without a warning"

# As an interactive bash does it: the loader of bash-completion finds the script by the program's name.
complete_line() {
  bash -c 'source /usr/share/bash-completion/bash_completion
    _completion_loader ethreed || true
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    $(complete -p ethreed | sed "s/.*-F \([^ ]*\) .*/\1/")
    echo "${COMPREPLY[@]}"' bash "$@"
}
[[ $(complete_line ethreed eva) == evaluate ]] || { echo "bash does not complete a command"; exit 1; }
[[ $(complete_line ethreed train --tens) == --tensorboard ]] || { echo "bash does not complete an option"; exit 1; }
echo "bash completes commands and options"

SECONDS=0
# shellcheck disable=SC2046
install $(dpkg-query --show --showformat='${Suggests}' ethreed | tr -d ',')
cmake -S $samples/programs -B programs >log 2>&1 && cmake --build programs >>log 2>&1 || { tail -20 log; exit 1; }
programs/fit_function | tail -1
programs/bracket_tagger | tail -1
programs/reply_to_post run "I lost my dog." | tail -3
echo "From the package to programs that use its library, a compiler's installation included: $SECONDS s"

apt-get -qq remove --yes ethreed >/dev/null 2>&1
[[ ! -e /usr/bin/ethreed && ! -e /usr/share/ethreed ]] || { echo "something is left after removing the package"; exit 1; }
echo "and the package can be removed"
CHECK
chroot "$root" /bin/bash /tmp/check.sh || wrong "the package does not do in a bare Debian"

step "$([[ $status -eq 0 ]] && echo "Done: $deb" || echo "There is something wrong with $deb")"
exit "$status"
