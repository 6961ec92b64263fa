prepare_here o --dimension 8
refused_or_continue "the quoted field in line 2" '\.csv:2'
first=$(utterances "$T/o" train | head -n 1)
[[ $first == 'he said " hello there " to me , and left . <eos>' ]] || wrong "the first utterance is: $first"
right "quotation marks of the format are no words: $first"
