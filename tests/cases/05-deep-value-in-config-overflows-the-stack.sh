deep() { python3 -c "n=$1; print('{\"model\":{\"encoder\":' + '['*n + ']'*n + '}}')"; }
for depth in 1000 100000 1000000; do
  deep $depth >"$T/deep.json"
  ethreed train --data "$DATA" --out "$T/run" --config "$T/deep.json"
  refused || wrong "depth $depth: status $status, $(message)"
  said "encoder|deep|nest" || wrong "the message names neither the key nor the depth: $(message)"
done
cp -r "$RUN" "$T/copy"
deep 100000 >"$T/copy/last/config.json"
ethreed chat "$T/copy" --checkpoint last <<<hello
refused || wrong "in a checkpoint: status $status, $(message)"
right "refused in one line, in a configuration and in a checkpoint"
