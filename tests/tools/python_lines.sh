#!/usr/bin/env bash
# Runs the Python lines of docs/python.md as they stand there, on a run of the sample corpus. Skipped (status 77) where
# Python or a package is absent.
set -euo pipefail

if [[ $# -ne 2 ]]; then
  echo "usage: tests/tools/python_lines.sh ETHREED SOURCE_DIR" >&2
  exit 2
fi
ethreed=$(readlink -f "$1")
source_dir=$(readlink -f "$2")

command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
for package in safetensors pandas torch; do
  python3 -c "import $package" 2>/dev/null || { echo "skipped: the Python package '$package' is absent"; exit 77; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
samples=$source_dir/samples
"$ethreed" prepare "$samples/corpus" --labels "$samples/corpus/labels.csv" --dimension 16 --out data >/dev/null
"$ethreed" train --data data --out run --config "$samples/train.json" --epochs 1 --quiet >/dev/null
"$ethreed" reply run --in "$samples/posts.txt" --out replies.jsonl --quiet
"$ethreed" attention run --in "$samples/posts.txt" --out attention.jsonl

# Every block of Python, then what each line must have brought.
{
  sed -n '/^```python$/,/^```$/p' "$source_dir/docs/python.md" | sed '/^```/d'
  cat <<'PYTHON'
assert len(words) == embedding.num_embeddings and abs(like_happy[words.index("happy")].item() - 1) < 1e-5
assert len(log) == 1 and len(replies) > 0 and emotions.shape[1] == 64
assert abs(heat.sum(axis=1) - 1).max() < 1e-4
hidden = gru(embedding(torch.tensor([4, 5, 3])))[0]
assert hidden.shape == (3, 2 * parameters["encoder.weight_hh_l0"].shape[1])
print("every line of docs/python.md runs")
PYTHON
} >lines.py
python3 lines.py
