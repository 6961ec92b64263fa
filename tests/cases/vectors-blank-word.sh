prepare_here o --vectors vectors.txt
((status == 0)) || wrong "a line without a word is refused: $(message)"
said 'vectors:.* [4-8] of ' || wrong "not all words of the file reached the vocabulary: $(grep -a '^vectors' "$T/out")"
said 'passed over|skipped|left out|without a word|no word|not used|blank' || wrong "the line is not counted: $(grep -a '^vectors' "$T/out")"
right "passed over and counted: $(note "passed over|skipped|left out|without a word|no word|not used|blank")"
