ethreed attention "$RUN" --data "$DATA" --split valid --out "$T/attention.json"
((status == 0)) || wrong "there is no way to the attention of chosen dialogues with their words: $(message)"
[[ -s $T/attention.json ]] || wrong "ethreed attention writes nothing"
python3 - "$T/attention.json" "$RUN/best/vocabulary.txt" <<'P' || wrong "the file does not name words outside the vocabulary"
import json, sys
text = open(sys.argv[1]).read()
try:
    document = json.loads(text)
except ValueError:
    document = [json.loads(line) for line in text.splitlines() if line]
known = set(open(sys.argv[2]).read().split("\n"))
strings = set()
def walk(node):
    if isinstance(node, str): strings.add(node)
    elif isinstance(node, list): [walk(n) for n in node]
    elif isinstance(node, dict): [walk(n) for n in node.values()]
walk(document)
sys.exit(not any(s.islower() and s.isalpha() and s not in known for s in strings) or "attention" not in text)
P
right "the attention comes with words, those outside the vocabulary by name"
