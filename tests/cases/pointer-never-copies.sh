# The full model is not here; what the program and the project say of copying is.
must evaluate "$RUN"
said 'cop(y|ied|ies)' || wrong "evaluate does not say how many replies hold a copied word"
said 'unknown|outside the vocabulary' || wrong "evaluate does not say how many replies hold an unknown word"
said 'common' || wrong "evaluate does not say what share of replies the ten commonest are"
grep -qiE 'copie[sd]' "$SOURCE/docs/results.md" && grep -qE '5,259' "$SOURCE/docs/results.md" && grep -qiE 'ten commonest|commonest' "$SOURCE/docs/results.md" ||
  wrong "docs/results.md does not state how rarely the full model copies an unknown word"
python3 - "$SOURCE/README.md" <<'P' || wrong "README promises copying and does not say for which corpus"
import re, sys
text = re.sub(r"\s+", " ", open(sys.argv[1]).read())
places = [m.start() for m in re.finditer(r"cop(y|ies|ied)", text)]
sys.exit(not any(re.search(r"sample|public corpus|real corpus|EmpatheticDialogues", text[max(0, p - 300):p + 400]) for p in places))
P
right "evaluate, docs/results.md and README say it"
