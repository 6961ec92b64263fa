python3 "$SOURCE/tests/cases/terminal.py" "$T/log" "$PROGRAM" train --data "$DATA" --out "$T/bar" --config "$TINY" --epochs 2 --threads 1 -- || wrong "training on a terminal does not end"
python3 - "$T/log" <<'P' || wrong "a line of the progress bar is wider than 80 columns"
import re, sys
text = open(sys.argv[1], "rb").read().decode("utf-8", "replace")
pieces = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", piece) for piece in re.split("[\r\n]", text)]
drawn = [piece for piece in pieces if re.search(r"left|/s|ETA", piece) and piece.startswith("epoch")]
sys.exit(not drawn or max(map(len, drawn)) > 80)
P
TERM=dumb python3 "$SOURCE/tests/cases/terminal.py" "$T/dumb" "$PROGRAM" train --data "$DATA" --out "$T/plain" --config "$TINY" --epochs 1 --threads 1 -- || wrong "training on a dumb terminal does not end"
grep -aq $'\x1b' "$T/dumb" && wrong "TERM=dumb gets escape sequences"
right "the bar keeps to 80 columns, and a dumb terminal gets plain lines"
