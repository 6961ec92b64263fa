# Posts with one end and different beginnings and posts with one beginning and different ends: where a part is not read,
# the program says so.
tells='[0-9]+ of (the |its )?[0-9]+|were read|was cut|cut (off|at)|not read|left out|passed over'
must chat "$RUN" --policy mean <posts.txt
cp "$T/out" "$T/ends"
said "$tells" && right "told: $(grep -aiE -m 1 "$tells" "$T/out" "$T/err" | sed 's/^[^:]*://')"
blocks() { python3 - "$1" <<'P'
import re, sys
groups = re.split(r"(?m)^you> .*$", open(sys.argv[1], errors="replace").read())[1:]
groups = [g.replace("-- new conversation --", "").strip() for g in groups]
sys.exit(len(groups) != 2 or groups[0] == groups[1])
P
}
blocks "$T/ends" || wrong "posts with opposite ends get the same answer, and nothing says that the end was not read"
python3 - posts.txt >"$T/beginnings" <<'P'
import sys
middle = open(sys.argv[1]).read().split("\n")[0].split(" then my mother")[0]
print("my mother died and i cannot stop crying then " + middle + "\n\ni won a prize and i am so happy then " + middle)
P
must chat "$RUN" --policy mean <"$T/beginnings"
said "$tells" && right "told where the beginning is cut"
blocks "$T/out" || wrong "posts with opposite beginnings get the same answer, and nothing says that the beginning was not read"
right "long posts are read in full"
