prepare_here o --vectors vectors.txt
((status == 0)) || wrong "a word with blanks is refused: $(message)"
said 'vectors:.*4 dimensions' || wrong "the width is not 4: $(grep -a '^vectors' "$T/out")"
said 'passed over|skipped|left out|with (spaces|blanks)|not used|blank|space' || wrong "such lines are not counted: $(grep -a '^vectors' "$T/out")"
# The first line may be one.
{ sed -n 5p vectors.txt; cat vectors.txt; } >"$T/first.txt"
ethreed prepare . --vectors "$T/first.txt" --out "$T/p" --min-frequency 1
((status == 0)) && said 'vectors:.*4 dimensions' || wrong "a word with blanks in the first line: status $status, $(message) $(grep -a '^vectors' "$T/out")"
right "passed over and counted, also in the first line"
