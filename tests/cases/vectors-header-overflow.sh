for width in 9000000000000000000 4611686018427387904 3000000000 20000; do
  sed "s/9000000000000000000/$width/" vectors.txt >"$T/h.vec"
  ethreed prepare . --vectors "$T/h.vec" --out "$T/o" --min-frequency 1
  refused || wrong "a width of $width: status $status, $(message)"
  said 'out of memory|vector::|bad_alloc|length_error' && wrong "a width of $width: $(message)"
  said "h\.vec" || wrong "a width of $width: the message does not name the file: $(message)"
done
right "refused: $(message)"
