# B is held at the moment it takes the lock, whatever the machine's pace: a library stops it there. A runs meanwhile.
command -v cc >/dev/null || not_checked "needs cc for a library that stops a process at its lock"
cat >"$T/stop.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
int flock(int descriptor, int operation) {
  static int stopped;
  if (!stopped++) raise(SIGSTOP);
  int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
  return real(descriptor, operation);
}
C
cc -shared -fPIC -o "$T/stop.so" "$T/stop.c" -ldl || not_checked "the library that stops a process does not compile"
LD_PRELOAD=$T/stop.so "$PROGRAM" train --data "$DATA" --out "$T/both" --config "$TINY" --seed 2 --max-steps 3 --quiet >"$T/b.out" 2>"$T/b.err" &
b=$!
for ((i = 0; i < 300; ++i)); do
  [[ $(cut -d' ' -f3 "/proc/$b/stat" 2>/dev/null) == T ]] && break
  sleep 0.1
done
[[ $(cut -d' ' -f3 "/proc/$b/stat" 2>/dev/null) == T ]] || { kill -9 "$b"; not_checked "the second process takes no lock by flock()"; }
ethreed train --data "$DATA" --out "$T/both" --config "$TINY" --seed 1 --max-steps 3 --quiet
first=$status
cp "$T/err" "$T/a.err"
kill -CONT "$b"
second=0
wait "$b" || second=$?
((first == 0 || second == 0)) || wrong "neither run went on: $(head -n 1 "$T/a.err") / $(head -n 1 "$T/b.err")"
((first == 0 && second == 0)) && wrong "both end with status 0, and one run is gone without a word"
((first < 128 && second < 128)) || wrong "one ended by a signal"
right "one runs, the other is refused: $(cat "$T/a.err" "$T/b.err" | head -n 1)"
