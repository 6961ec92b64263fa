#!/usr/bin/env bash
# Every CUDA source, its CUDA-only half too (which no other test compiles), through nvcc to PTX.
#   compile_cuda_sources.sh [FOLDER [ARCHITECTURE]]
# FOLDER: keeps the PTX there, NAME_cuda.ptx, and compiles only what changed since. ARCHITECTURE: 90 unless it is said.
# 77: there is no nvcc.
set -euo pipefail
folder=${1:-} architecture=${2:-90}
[[ -z $folder ]] || { mkdir -p "$folder" && folder=$(readlink -f "$folder"); }
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

if ! nvcc=$(tools/find_nvcc.sh); then
  echo "nvcc: not run (not on the PATH, in \$CUDA_PATH/bin or in /usr/local/cuda/bin)"
  exit 77
fi
compile() {
  local source=$1 out target=/dev/null dependencies=() file
  if [[ -n $folder ]]; then
    out=$folder/$(basename "$source" .cu).ptx
    if [[ -s $out && -s $out.d ]]; then
      local changed=0
      for file in $(sed 's/^[^:]*://; s/\\$//' "$out.d"); do
        [[ $out -nt $file ]] || changed=1
      done
      ((changed)) || return 0
    fi
    target=$out.new dependencies=(-MD -MF "$out.d")
  fi
  if ! "$nvcc" -std=c++20 --expt-relaxed-constexpr -DFMT_USE_CONSTEXPR=1 -DETHREED_CUDA -I. -arch="compute_$architecture" -ptx \
    "${dependencies[@]}" -o "$target" "$source"; then
    echo "$source does not compile" >&2
    return 255
  fi
  [[ -z $folder ]] || mv "$target" "$out"
}
export -f compile
export nvcc folder architecture
if [[ -n $folder ]]; then  # of sources that are gone
  for file in "$folder"/*.ptx; do
    name=$(basename "$file" _cuda.ptx)
    compgen -G "kernels/*/${name}_cuda.cu" > /dev/null || rm -f "$file" "$file.d"
  done
fi
printf '%s\0' kernels/*/*_cuda.cu | xargs -0 -P "$(nproc)" -I{} bash -c 'compile "$1"' _ {}
