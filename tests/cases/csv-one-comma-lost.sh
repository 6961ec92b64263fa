prepare_here o --dimension 8
refused_or_continue "the line 2" '\.csv:2'
all_words "$T/o" miss talked good every her and ,
vocabulary_has "$T/o" '"' && wrong "the quotation mark of the format became a word"
# The same text where nothing is quoted: a raw comma.
mkdir "$T/raw"
tr -d '"' <train.csv >"$T/raw/train.csv"
ethreed prepare "$T/raw" --out "$T/p" --min-frequency 1 --dimension 8
if ((status == 0)); then
  for word in miss talked good; do
    vocabulary_has "$T/p" "$word" || said 'comma|columns|fields' || wrong "without quotation marks '$word' is lost in silence"
  done
else
  refused && said '\.csv:2' || wrong "a raw comma: status $status, $(message)"
fi
right "every word after a comma is there, a raw comma is refused or told"
