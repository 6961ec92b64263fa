must train --data "$DATA" --out "$T/run" --config "$TINY" --epochs 1 --quiet
dead=$(bash -c 'echo $$')  # the number of a process that is gone
cp -r "$T/run/last" "$T/run/last.tmp-$dead"
must train --data "$DATA" --out "$T/run" --resume
said 'done' || wrong "the run is finished, and --resume does not say so"
[[ -z $(find "$T/run" -name '*.tmp-*') ]] || wrong "the leftover last.tmp-$dead stays for good"
right "the leftover is gone after --resume of a finished run"
