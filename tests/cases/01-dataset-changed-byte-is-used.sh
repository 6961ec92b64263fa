config=$PWD/small.json
must prepare "$SAMPLES/corpus" --labels "$SAMPLES/corpus/labels.csv" --dimension 16 --out "$T/data"
must train --data "$T/data" --out "$T/run" --config "$config" --max-steps 5 --threads 1
cp -r "$T/data" "$T/bad"
python3 flip.py "$T/bad/dataset.safetensors" || not_checked "flip.py does not know this data set"
cmp -s "$T/data/dataset.safetensors" "$T/bad/dataset.safetensors" && not_checked "flip.py changed nothing"
ethreed evaluate "$T/run" --checkpoint last --data "$T/bad"
refused || wrong "evaluate takes the changed data set (status $status)"
said 'dataset\.safetensors.*(changed|damaged|checksum|fingerprint)' || wrong "the message does not say what is wrong: $(message)"
ethreed train --data "$T/bad" --out "$T/run" --resume --max-steps 8 --threads 1
refused || wrong "--resume takes the changed data set (status $status)"
ethreed train --data "$T/bad" --out "$T/run2" --config "$config" --max-steps 5 --threads 1
refused || wrong "a new run takes the changed data set (status $status)"
must evaluate "$T/run" --checkpoint last --data "$T/data"
right "evaluate, --resume and a new run refuse it, and take the good one"
