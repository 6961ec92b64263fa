#!/usr/bin/env bash
# Every CUDA source, its CUDA-only half too (which no other test compiles), through nvcc to PTX. 77: there is no nvcc.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

if ! nvcc=$(tools/find_nvcc.sh); then
  echo "nvcc: not run (not on the PATH, in \$CUDA_PATH/bin or in /usr/local/cuda/bin)"
  exit 77
fi
export nvcc
printf '%s\0' kernels/*/*_cuda.cu | xargs -0 -P "$(nproc)" -I{} bash -c \
  '"$nvcc" -std=c++20 --expt-relaxed-constexpr -DFMT_USE_CONSTEXPR=1 -DETHREED_CUDA -I. -arch=compute_90 -ptx -o /dev/null "$1" ||
     { echo "$1 does not compile" >&2; exit 255; }' _ {}
