prepare_here o --dimension 8
if ((status != 0)); then
  # Then there is an option that names the set.
  refused && said '--emotions' || wrong "seven emotions of another study are refused: $(message)"
  printf 'sadness\nhappiness\n' >"$T/emotions.txt"
  prepare_here o --dimension 8 --emotions "$T/emotions.txt"
  ((status == 0)) || wrong "--emotions FILE does not help: $(message)"
fi
grep -aq happiness "$T/o/dataset.safetensors" || wrong "the data set does not hold the names of the emotions"
cp train.csv "$T/valid.csv"
mkdir "$T/corpus"
cp train.csv "$T/corpus/train.csv"
sed 's/^c:/v:/' train.csv >"$T/corpus/valid.csv"
more=()
[[ ! -e $T/emotions.txt ]] || more=(--emotions "$T/emotions.txt")
must prepare "$T/corpus" --out "$T/data" --min-frequency 1 --dimension 8 "${more[@]}"
must train --data "$T/data" --out "$T/run" --config "$TINY" --epochs 1 --quiet
must chat "$T/run" --checkpoint last <<<"i won a cake"
said 'you seem: (sadness|happiness)' || wrong "the trained model does not speak of these emotions: $(grep -a seem "$T/out")"
right "prepared, trained, and chat names them"
