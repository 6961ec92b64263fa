prepare_here o --dimension 8
((status == 0)) || wrong "an emotion for every utterance is refused: $(message)"
all_words "$T/o" neighbour miss talked sorry cake lemon
grep -aq hopeful "$T/o/dataset.safetensors" || python3 - "$T/o/dataset.safetensors" <<'P' ||
import json, struct, sys
content = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", content[:8])[0]
header = json.loads(content[8:8 + size])
good = False
for name, entry in header.items():
    if name.startswith("train.") and ("emotion" in name or "label" in name):
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        values = set(struct.unpack("<%di" % ((end - begin) // 4), content[begin:end])) if entry["dtype"] == "I32" else set()
        good = good or len(values - {-1}) >= 2
sys.exit(not good)
P
  wrong "prepared, but the second post's emotion (hopeful) is in no tensor of the data set"
said 'utterance' || wrong "prepared, but the summary does not say that emotions are those of utterances"
right "prepared, with the emotions of utterances"
