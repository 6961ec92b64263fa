prepare_here o --dimension 8
((status == 0)) || wrong "another order of columns is refused: $(message)"
all_words "$T/o" neighbour miss talked sorry cake lemon
utterances "$T/o" train | head -n 1 | grep -q '^my neighbour moved away , and i miss her \.' || wrong "the first utterance is another one"
# The same with no unused columns.
mkdir "$T/less"
python3 - train.csv "$T/less/train.csv" <<'P'
import csv, sys
wanted = ["utterance", "conv_id", "context", "utterance_idx"]
rows = list(csv.DictReader(open(sys.argv[1])))
with open(sys.argv[2], "w", newline="") as out:
    writer = csv.DictWriter(out, wanted, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
P
ethreed prepare "$T/less" --out "$T/p" --min-frequency 1 --dimension 8
((status == 0)) || wrong "a file without the columns that are not used is refused: $(message)"
cmp -s "$T/o/vocabulary.txt" "$T/p/vocabulary.txt" || wrong "without unused columns the vocabulary is another one"
right "columns are found by name, unused ones may be absent"
