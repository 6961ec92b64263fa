ethreed train --data "$DATA" --out "$T/twice" --config "$PWD/config.json" --max-steps 1 --quiet
((status != 0)) || wrong "the last of two equal keys wins without a word"
refused && said 'epochs|twice|repeat|dupl' || wrong "status $status: $(message)"
right "refused: $(message)"
