#!/usr/bin/env bash
# The programs of samples/programs against the library as it is installed from a build that is there, and fit_function as
# a project that takes ETHREED by add_subdirectory. Nothing of the engine is compiled, unless --full is given: then that
# project compiles it.
set -euo pipefail

if [[ $# -lt 3 || ($# -eq 4 && $4 != --full) || $# -gt 4 ]]; then
  echo "usage: tests/library/samples.sh BUILD_DIR ETHREED SOURCE_DIR [--full]" >&2
  exit 2
fi
build=$(readlink -f "$1") ethreed=$(readlink -f "$2") source_dir=$(readlink -f "$3") full=${4:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export CMAKE_EXPORT_COMPILE_COMMANDS=ON CMAKE_GENERATOR=Ninja

fail() { echo "FAILED: $*" >&2; exit 1; }
has() { grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "$1 lacks '$2'"; }; }
lacks() { if grep -nE -- "$2" "$1" >&2; then fail "$1 has '$2'"; fi; }
# Flags of our own build reach nobody: no warnings, no processor, no choice of the optimizer.
own_flags='-(march|mprefer|Werror|Wconversion|ffp-contract|fno-)'

echo "== installed"
cmake --install "$build" --prefix "$folder/prefix" --component library >install.txt
targets=$(find prefix -name ethreed-targets.cmake)
lacks "$targets" "$own_flags"
lacks "$targets" "$source_dir|$build"
cmake -S "$source_dir/samples/programs" -B installed -DCMAKE_PREFIX_PATH="$folder/prefix" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON >configure.txt
lacks installed/compile_commands.json '-(march|Wconversion|ffp-contract)'
cmake --build installed --parallel 1 >build.txt || { cat build.txt >&2; fail "the samples do not compile"; }

echo "== fit_function"
installed/fit_function >fit.txt || { cat fit.txt >&2; fail "the fit is not good"; }
has fit.txt '^fitted$'
if installed/fit_function 3 >short.txt; then fail "three steps cannot be enough"; fi
has short.txt '^not fitted'

echo "== bracket_tagger"
installed/bracket_tagger >tagger.txt || { cat tagger.txt >&2; fail "the tagger is wrong on sequences it has not seen"; }
has tagger.txt '^right: [0-9]+ of 610$'
if installed/bracket_tagger 1 >untrained.txt; then fail "one step cannot be enough"; fi

echo "== reply_to_post"
samples=$source_dir/samples
"$ethreed" prepare "$samples/corpus" --labels "$samples/corpus/labels.csv" --dimension 8 --out data >prepare.txt
cat >small.json <<'JSON'
{"model": {"encoder": 8, "global_state": 8, "party_state": 8, "emotion_state": 8, "content_state": 8, "decoder_state": 8,
           "bottleneck": 8},
 "training": {"epochs": 1, "batch": 64}}
JSON
"$ethreed" train --data data --out run --config small.json --quiet >train.txt
installed/reply_to_post run "I lost my dog." "His name was Rex." >replies.txt
has replies.txt '^> I lost my dog\.$'
has replies.txt '^> His name was Rex\.$'
has replies.txt 'emotion.*: [a-z]+ \([01]\.[0-9]+\)$'
[[ $(wc -l <replies.txt) -ge 6 ]] || { cat replies.txt >&2; fail "two posts have two replies and what is said of them"; }
# The same words as the program's own.
echo "I lost my dog." >post.txt
"$ethreed" reply run --in post.txt --out own.jsonl --decode beam --beam 4 --latent mean --quiet
reply=$(sed -n 2p replies.txt)
grep -qF "\"reply\":\"$reply\"" own.jsonl || { cat own.jsonl replies.txt >&2; fail "ethreed replies otherwise"; }
if installed/reply_to_post nowhere "Hello." 2>error.txt; then fail "a run that is not there has a reply"; fi
has error.txt '^nowhere'
[[ $(wc -l <error.txt) == 1 ]] || fail "an error is one line"

echo "== as a part of another project"
cmake -S "$source_dir/samples/programs" -B part -DETHREED_SOURCE="$source_dir" -DCMAKE_BUILD_TYPE=Release >part.txt
ninja -C part -t targets all | sed 's/:.*//' >targets.txt
lacks targets.txt '(^|/)(test_|bench_)|ethreed-gradcheck|tools/ethreed$|^install/.*ethreed'
ninja -C part -t commands CMakeFiles/fit_function.dir/fit_function.cpp.o >command.txt
has command.txt "(-I|-isystem )$source_dir .*fit_function\.cpp"
lacks command.txt "$own_flags"
ninja -C part -t commands fit_function | tail -1 >part/link.sh
has part/link.sh 'libethreed\.a'
# It is linked as that project would link it, with what was compiled before in the place of what it would compile.
mkdir -p part/CMakeFiles/fit_function.dir
cp installed/CMakeFiles/fit_function.dir/fit_function.cpp.o part/CMakeFiles/fit_function.dir/
cp "$(find prefix -name libethreed.a)" part/ethreed/
(cd part && bash link.sh)
part/fit_function >part_fit.txt
has part_fit.txt '^fitted$'
if [[ $full == --full ]]; then
  cmake --build part --parallel "$(nproc)" --target fit_function >part_build.txt || { cat part_build.txt >&2; exit 1; }
  part/fit_function >fit.txt
  has fit.txt '^fitted$'
fi
echo "the samples work"
