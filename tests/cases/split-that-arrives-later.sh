mkdir "$T/corpus"
cp "$SAMPLES"/corpus/*.csv "$T/corpus/"
must prepare "$T/corpus" --dimension 16 --out "$T/first"
must train --data "$T/first" --out "$T/run" --config "$TINY" --epochs 1 --quiet
cp test.csv "$T/corpus/"
ethreed prepare "$T/corpus" --dimension 16 --out "$T/second"
((status == 0)) || wrong "the corpus with a test split is refused: $(message)"
cmp -s "$T/first/vocabulary.txt" "$T/second/vocabulary.txt" || wrong "the vocabulary changed"
ethreed evaluate "$T/run" --data "$T/second" --split test
((status == 0)) || wrong "a data set with the same vocabulary and one more split is refused: $(message)"
right "evaluate takes it: the vocabulary is the same"
