mkdir "$T/own"
cp dialogues.csv "$T/own/train.csv"
ways=0
ethreed prepare "$T/own" --like "$RUN" --out "$T/data"
if ((status == 0)); then
  cmp -s "$T/data/vocabulary.txt" "$RUN/best/vocabulary.txt" || wrong "prepare --like has another vocabulary than the run"
  must generate "$RUN" --data "$T/data" --split train --format jsonl
  [[ $(wc -l <"$T/out") -eq 4 ]] || wrong "generate gives $(wc -l <"$T/out") replies to 4 posts"
  ((++ways))
fi
ethreed emotions "$RUN" --in dialogues.csv --out "$T/emotions.jsonl"
if ((status == 0)); then
  [[ -s $T/emotions.jsonl ]] || wrong "ethreed emotions writes nothing"
  ((++ways))
fi
((ways == 2)) || wrong "a trained model can $([[ $ways == 1 ]] && echo "answer or label dialogues, not both" || echo "neither answer nor label dialogues of one's own"): $(message)"
right "prepare --like and generate answer, emotions labels dialogues of one's own"
