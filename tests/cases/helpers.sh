# What the checks of cases share; tools/run_cases.sh runs each check after this file.
#
# A check is tests/cases/NAME.sh for the folder NAME of cases. It is started in that folder, which it leaves as it is, and
# ends by right, wrong or not_checked with one line that says why. It asks for the behaviour that is right, whatever the
# wording: exit status, no crash, no word lost in silence, what the message speaks of.
#
#   PROGRAM   ethreed                       T        an empty folder of this check
#   SOURCE    the project                   SAMPLES  its samples/
#   DATA, RUN prepared sample corpus, a model trained on it (to read, not to change)
#   TINY      configuration of a tiny model

right() { printf 'right\t%s\n' "$*"; exit 0; }
wrong() { printf 'wrong\t%s\n' "$*"; exit 0; }
not_checked() { printf 'not checked\t%s\n' "$*"; exit 0; }

# ethreed ARGUMENT… — runs the program; then `status` is its exit status, $T/out and $T/err what it wrote. A crash or a
# hang is wrong in every case. `limit` seconds (60) are allowed; standard input is that of the call.
ethreed() {
  status=0
  timeout --kill-after=2 "${limit:-60}" "$PROGRAM" "$@" >"$T/out" 2>"$T/err" || status=$?
  case $status in
    124 | 137) wrong "ethreed $1 takes more than ${limit:-60} s" ;;
    139) wrong "ethreed $1 ends by a segmentation fault" ;;
    134) wrong "ethreed $1 aborts: $(tail -n 1 "$T/err")" ;;
  esac
  ((status < 128)) || wrong "ethreed $1 ends by signal $((status - 128))"
}

message() { head -c 300 "$T/err" | tr '\n\t' '  '; }

# must ARGUMENT… — the same, and success is the only right end.
must() {
  ethreed "$@"
  ((status == 0)) || wrong "ethreed $1 ends with status $status: $(message)"
}

# Whether the last call ended as an error should: a status of 1 or 2 and one line on standard error.
refused() {
  ((status == 1 || status == 2)) && [[ $(wc -l <"$T/err") -eq 1 ]] && grep -q '^ethreed: ' "$T/err" &&
    (($(wc -c <"$T/err") < 1500))
}

# Whether the last call wrote a line like this (extended regular expression, any case).
said() { grep -aqiE -- "$1" "$T/out" "$T/err"; }

# note PATTERN [LINE] — the first line of the last call that is like PATTERN, without the file's name in front; status 1 if
# there is none. With LINE, one that also names this line of a file: train.csv:3, "line 3" or "lines 3 and 5".
note() {
  local found
  found=$(cat "$T/out" "$T/err" | grep -aiE -- "$1" | grep -aE -- "${2:+(:|[Ll]ines? |at )$2([^0-9]|\$)}" | head -n 1)
  [[ -n $found ]] && printf '%s' "$found" | sed 's/^ *//'
}

# vocabulary_has DATA_SET WORD
vocabulary_has() { grep -qxF -- "$2" "$1/vocabulary.txt"; }

# all_words DATA_SET WORD… — wrong if the vocabulary lacks one of them.
all_words() {
  local data=$1 word
  shift
  for word in "$@"; do vocabulary_has "$data" "$word" || wrong "the word '$word' is lost: it is not in the vocabulary"; done
}

# utterances DATA_SET SPLIT — the tokens of every utterance, one utterance a line.
utterances() { python3 "$SOURCE/tests/cases/utterances.py" "$@"; }

# refused_or_continue WHAT PATTERN — right if the last call refused and its message is like PATTERN, wrong if it refused
# otherwise; goes on where it succeeded.
refused_or_continue() {
  ((status == 0)) && return
  refused || wrong "status $status without a message in one line: $(message)"
  said "$2" || wrong "refused, but the message does not tell $1: $(message)"
  right "refused: $(message)"
}

# prepare_here NAME ARGUMENT… — prepares the case's folder into $T/NAME.
prepare_here() {
  local out=$T/$1
  shift
  ethreed prepare . --out "$out" --min-frequency 1 "$@" </dev/null
}
