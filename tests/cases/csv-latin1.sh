prepare_here o --dimension 8
refused_or_continue "the line 6" '\.csv:6'
encoding='utf-?8|latin|encoding'
note "$encoding" >/dev/null || wrong "bytes that are no UTF-8 are read without a word"
told=$(note "$encoding" 6) || wrong "the note about the encoding does not name the first line, 6"
grep -qE '(^|[^0-9])3([^0-9]|$)' <<<"$told" || wrong "the note does not count the three rows: $told"
right "told: $told"
