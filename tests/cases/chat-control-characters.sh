must chat "$RUN" <posts.txt
python3 - "$T/out" <<'P' || wrong "control characters of the posts, or bytes that are no UTF-8, reach the output"
import sys
text = open(sys.argv[1], "rb").read().decode("utf-8")
sys.exit(any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 for c in text))
P
[[ $(grep -c '^ethreed>' "$T/out") -eq 3 ]] || wrong "three posts do not get three replies"
right "three posts, three replies, no control character"
