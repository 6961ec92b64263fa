"""Prints the tokens of every utterance of a split: utterances.py DATA_SET SPLIT."""
import json
import struct
import sys

folder, split = sys.argv[1:]
with open(folder + "/dataset.safetensors", "rb") as file:
    content = file.read()
size = struct.unpack("<Q", content[:8])[0]
header = json.loads(content[8 : 8 + size])


def numbers(name, code, width):
    begin, end = header[name]["data_offsets"]
    return struct.unpack("<%d%s" % ((end - begin) // width, code), content[8 + size + begin : 8 + size + end])


offsets = numbers("words.offsets", "q", 8)
text = bytes(numbers("words.bytes", "B", 1))
words = [text[a:b].decode("utf-8", "replace") for a, b in zip(offsets, offsets[1:])]
tokens = numbers(split + ".tokens", "i", 4)
ends = numbers(split + ".utterance_offsets", "q", 8)
for begin, end in zip(ends, ends[1:]):
    print(" ".join(words[token] for token in tokens[begin:end]))
