for ending in "'s" "s'"; do
  python3 -c "print(\"$ending\" * 100000)" >"$T/post"
  must chat "$RUN" --checkpoint last <"$T/post"
  said '^(ethreed>|.*nothing to answer)' || wrong "the post is not answered"
done
mkdir "$T/corpus"
python3 - "$T/corpus/train.csv" <<'P'
import sys
with open(sys.argv[1], "w") as file:
    file.write("conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n")
    file.write("c:0,1,sad,p,1," + "'s" * 100000 + ",,\nc:0,2,sad,p,0,oh,,\n")
P
ethreed prepare "$T/corpus" --out "$T/o" --min-frequency 1 --dimension 8
((status == 0)) || refused || wrong "prepare ends with status $status: $(message)"
right "chat answers both, prepare ends with status $status"
