#!/usr/bin/env bash
# Checks what needs no build: layout, subjects of commits, length of files and the like. With --tidy: clang-tidy.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/lint.sh                  layout, subjects of commits, length of files, and the like (seconds)
       tools/lint.sh --tidy [FILE…]   clang-tidy, with the checks of .clang-tidy, on these .cpp files, or on all of
                                      core, autograd, model and tools (slow); needs build/cpu (cmake --preset cpu)

  layout     every .h, .cpp and .cu file is as clang-format 14 leaves it (.clang-format)
  subjects   those of commits since 2026-11-28, merges aside, have at most 72 characters; not checked where there is
             no git history
  length     a file of code has at most 400 lines
  names      no name of a test has a semicolon, at which CMake would split it into two that run nothing
  merges     no file has the marks of a merge that was not finished

Installs clang-format 14 or clang-tidy 14 where it is missing (Debian). The exit status is 0 without findings, 1 with
some, 2 if the command line was wrong.
TEXT
}

readonly clang_version=14  # versions differ in the layout they give and in the checks they have
readonly subjects_since=2026-11-28T12:41:00Z  # earlier ones cannot be changed any more
readonly longest_subject=72
readonly longest_file=400
# Files that may be longer, each with the reason.
readonly long_files=(
  benchmarks/peers/pytorch/bench_step.py  # needs PyTorch, which no test has: a split of it would go untested
)

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null        # nothing may wait for a person
export LC_ALL=C.UTF-8  # characters are counted, not bytes

has_history() { [[ -e .git ]] && command -v git >/dev/null && git rev-parse --quiet --verify HEAD >/dev/null; }

# Prints the name of clang-format or clang-tidy in the version wanted. Installs it where there is none.
llvm_tool() {
  local tool=$1 command
  for command in "$tool-$clang_version" "$tool"; do
    if command -v "$command" >/dev/null && [[ $("$command" --version) == *"version $clang_version."* ]]; then
      echo "$command"
      return
    fi
  done
  tools/install_packages.sh "$tool-$clang_version" >&2 || return 1
  echo "$tool-$clang_version"
}

# Prints the files whose names match a pattern, a NUL after each: those in git, or all where there is no git history.
files_like() {
  if has_history; then
    git ls-files -z -- "$@"
    return
  fi
  local pattern names=()
  for pattern in "$@"; do names+=(-o -path "./$pattern"); done
  find . \( -path ./build -o -path ./runs -o -path ./data \) -prune -o -type f \( "${names[@]:1}" \) -printf '%P\0'
}

# The checks end with status 1 if they found something.
check_layout() {
  local clang_format files
  clang_format=$(llvm_tool clang-format) || return 1
  mapfile -d '' -t files < <(files_like '*.h' '*.cpp' '*.cu')
  if ! "$clang_format" --dry-run -Werror "${files[@]}"; then
    echo "lint.sh: the layout of the files above is not that of .clang-format: $clang_format -i FILE mends it" >&2
    return 1
  fi
}

check_subjects() {
  if ! has_history; then
    echo "lint.sh: no git history here, so the subjects of commits are not checked"
    return
  fi
  local hash subject status=0
  while read -r hash subject; do
    if [[ ${#subject} -gt $longest_subject ]]; then
      echo "lint.sh: commit $hash: its subject has ${#subject} characters, the most is $longest_subject: $subject" >&2
      status=1
    fi
  done < <(git log --no-merges --since="$subjects_since" --format='%h %s')
  return "$status"
}

check_length() {
  local file lines status=0
  while IFS= read -r -d '' file; do
    lines=$(wc -l <"$file")
    if [[ $lines -gt $longest_file && " ${long_files[*]} " != *" $file "* ]]; then
      echo "lint.sh: $file has $lines lines, the most is $longest_file: split it by subjects" >&2
      status=1
    fi
  done < <(files_like '*.h' '*.cpp' '*.cu' '*.def' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt')
  return "$status"
}

check_merges() {
  local files
  mapfile -d '' -t files < <(files_like '*.h' '*.cpp' '*.cu' '*.def' '*.py' '*.sh' '*.cmake' '*.txt' '*.md' '*.json')
  if grep -nE '^(<{7}|>{7})( |$)' -- "${files[@]}"; then
    echo "lint.sh: a merge left its marks in the lines above" >&2
    return 1
  fi
}

check_names() {
  local files
  mapfile -d '' -t files < <(files_like 'tests/*.cpp')
  if grep -nE 'TEST_CASE\("[^"]*;' -- "${files[@]}"; then
    echo "lint.sh: the names above hold a semicolon: CMake makes two tests of each, which run nothing and pass" >&2
    return 1
  fi
}

check_tidy() {
  local database=build/cpu clang_tidy files=("$@")
  if [[ ! -f $database/compile_commands.json ]]; then
    echo "lint.sh: there is no $database/compile_commands.json; run cmake --preset cpu" >&2
    return 1
  fi
  if [[ ${#files[@]} -eq 0 ]]; then
    mapfile -d '' -t files < <(files_like 'core/*.cpp' 'autograd/*.cpp' 'model/*.cpp' 'tools/*.cpp')
  fi
  clang_tidy=$(llvm_tool clang-tidy) || return 1
  # The commands are GCC's: Clang does not know all their warnings.
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" \
    "$clang_tidy" -p "$database" --quiet --extra-arg=-Wno-unknown-warning-option || {
    echo "lint.sh: clang-tidy has findings in ${#files[@]} files" >&2
    return 1
  }
}

status=0
case ${1:-} in
  '')
    check_layout || status=1
    check_subjects || status=1
    check_length || status=1
    check_merges || status=1
    check_names || status=1
    ;;
  --tidy)
    shift
    check_tidy "$@" || status=1
    ;;
  -h | --help) usage ;;
  *) echo "lint.sh: unknown argument '$1'" >&2; usage >&2; status=2 ;;
esac
exit "$status"
