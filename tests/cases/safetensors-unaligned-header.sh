mkdir "$T/copy"
cp -r "$RUN/best" "$T/copy/"
python3 - "$T/copy/best" <<'P'
import json, struct, sys
path = sys.argv[1] + "/model.safetensors"
content = open(path, "rb").read()
size = struct.unpack("<Q", content[:8])[0]
header = content[8:8 + size].rstrip()
header += b" " * (3 - len(header) % 4 if len(header) % 4 != 3 else 4)
open(path, "wb").write(struct.pack("<Q", len(header)) + header + content[8 + size:])
path = sys.argv[1] + "/state.json"
state = json.load(open(path))
for key in [key for key in state if "fingerprint" in key or "checksum" in key]:
    state.pop(key)
json.dump(state, open(path, "w"))
P
ethreed chat "$T/copy" <<<hello
((status == 0)) || wrong "a valid file whose header is not padded is refused: $(message)"
cp "$T/out" "$T/unaligned"
must chat "$RUN" <<<hello
cmp -s "$T/out" "$T/unaligned" || wrong "the model answers otherwise than from the padded file"
right "read, and the answer is that of the padded file"
