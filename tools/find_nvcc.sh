#!/usr/bin/env bash
# Prints where nvcc is: on the PATH, in $CUDA_PATH/bin, in $CUDA_HOME/bin or where toolkits are usually installed.
# Status 1 and nothing: nowhere there.
set -euo pipefail
command -v nvcc && exit
for folder in "${CUDA_PATH:-}" "${CUDA_HOME:-}" /usr/local/cuda /opt/cuda; do
  if [[ -n $folder && -x $folder/bin/nvcc ]]; then
    echo "$folder/bin/nvcc"
    exit
  fi
done
exit 1
