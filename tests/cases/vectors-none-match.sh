prepare_here o --vectors vectors.txt
((status == 0)) || refused || wrong "status $status: $(message)"
grep -aviE '^vectors: .*(covered)' "$T/out" | cat - "$T/err" | grep -aiE 'warning|note|\*\*\*|few' | grep -aiqE 'vector|cover' ||
  grep -aiE '^vectors' "$T/out" | grep -aiqE 'warning|\*\*\*' || wrong "a coverage of 0 % is a line among others"
right "warned of: $(cat "$T/out" "$T/err" | grep -aiE 'warning|note|\*\*\*|few' | grep -aiE -m 1 'vector|cover')"
