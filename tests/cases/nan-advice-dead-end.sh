ethreed train --data "$DATA" --out "$T/nan" --config "$SAMPLES/train.json" --learning-rate 10 --epochs 1 --quiet
refused || wrong "training at a learning rate of 10 ends with status $status: $(message)"
cp "$T/err" "$T/advice"
if grep -qi 'resume' "$T/advice"; then
  limit=120 ethreed train --data "$DATA" --out "$T/nan" --resume --learning-rate 0.001 --max-steps 12 --quiet
  ((status == 0)) || wrong "the advice is refused: $(message)"
  right "the advice (resume with a smaller learning rate) works"
fi
grep -qi 'new run' "$T/advice" || wrong "the message gives no advice: $(head -n 1 "$T/advice")"
right "the message says: start a new run"
