prepare_here o --vectors vectors.txt
((status == 0)) || wrong "1e-50 is refused: $(message)"
sed 's/ 0\.1000/ +0.1000/g' vectors.txt >"$T/plus.txt"
ethreed prepare . --vectors "$T/plus.txt" --out "$T/p" --min-frequency 1
((status == 0)) || wrong "a leading plus sign is refused: $(message)"
sed 's/1e-50/1e50/' vectors.txt >"$T/large.txt"
ethreed prepare . --vectors "$T/large.txt" --out "$T/q" --min-frequency 1
refused || wrong "1e50, which float32 cannot hold, is taken: status $status"
right "1e-50 and +0.1 are read, 1e50 is refused"
