prepare_here o --dimension 8
((status == 0)) || refused || wrong "status $status: $(message)"
said 'validation\.csv|^ *valid ' || wrong "validation.csv is passed over in silence"
if said '^ *valid '; then
  must train --data "$T/o" --out "$T/run" --config "$TINY" --max-steps 1 --quiet
  right "validation.csv is the split valid"
fi
right "told that validation.csv was not read"
