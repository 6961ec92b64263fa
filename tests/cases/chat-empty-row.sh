# The case's four cells, the third of them empty: one record in must be one record out, in its place.
python3 - posts.txt "$T/posts.jsonl" <<'P'
import json, sys
cells = open(sys.argv[1]).read().rstrip("\n").split("\n")[::2]
with open(sys.argv[2], "w") as out:
    for cell in cells:
        out.write(json.dumps({"post": cell, "text": cell, "utterance": cell}) + "\n")
P
ethreed reply "$RUN" --in "$T/posts.jsonl" --out "$T/replies.jsonl"
((status == 0)) || wrong "there is no mode in which one record in is one record out: $(message)"
python3 - "$T/posts.jsonl" "$T/replies.jsonl" <<'P' || wrong "records out are not records in: $(wc -l <"$T/replies.jsonl") for $(wc -l <"$T/posts.jsonl")"
import json, sys
posts = [json.loads(line)["post"] for line in open(sys.argv[1])]
replies = [json.loads(line) for line in open(sys.argv[2])]
lines = [reply.get("line") for reply in replies]
sys.exit(len(replies) != len(posts) or lines != sorted(lines) or len(set(lines)) != len(lines))
P
right "four records, the empty one too, give four records with their lines"
