prepare_here o --dimension 8
refused_or_continue "who begins" 'speaker|listener|first|role'
begins='dialogues? .*(listener|speaker|party|role).*(first|begin|start|open)|dialogues? .*(first|begin|start|open).*(listener|speaker|party|role)|(listener|speaker|party|role).*(first|begin|start|open).*dialogues?'
told=$(note "$begins") || wrong "the listener's sentences are taken for posts, and no note says that dialogues begin with the listener"
grep -qE '(^|[^0-9])2([^0-9]|$)' <<<"$told" || wrong "the note does not count the two dialogues: $told"
right "told: $told"
