prepare_here o --dimension 8
((status == 0)) || refused || wrong "status $status: $(message)"
told=$(note 'row before|consecutive|twice|in a row|same (party|speaker)' 3) ||
  wrong "the note about a party that writes twice has no line: $(note 'row before|consecutive|twice|in a row')"
ethreed prepare . --out "$T/joined" --min-frequency 1 --dimension 8 --join-consecutive
((status == 0)) || wrong "no option joins consecutive rows of one party: $(message)"
utterances "$T/joined" train | head -n 1 | grep -q 'miss her \..*were you close' || wrong "the first two rows are not joined"
right "--join-consecutive joins; without it: $told"
