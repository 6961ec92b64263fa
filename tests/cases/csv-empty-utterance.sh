prepare_here o --dimension 8
refused_or_continue "a line" '\.csv:(2|5)'
empty='empty|no text|without text|no words?|without a word'
note "$empty" >/dev/null || wrong "an empty post and an empty reply are kept in silence"
told=$(note "$empty" 2) || wrong "empty utterances are not told with their first line, 2"
right "counted, with the first line: $told"
