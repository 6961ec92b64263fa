"""Reads and writes the safetensors format with numpy alone.

A file is: the header's length (uint64, little-endian), the header (JSON: name -> dtype, shape, [begin, end) in the
data; `__metadata__` maps strings to strings), the data. Only the three types that a trace holds are known here.
"""

import json
import struct

import numpy

DTYPES = {"F64": numpy.dtype("<f8"), "F32": numpy.dtype("<f4"), "I64": numpy.dtype("<i8")}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ALIGNMENT = 8  # the header is padded with spaces so that the data begins at a multiple of this


def read(path):
  """Returns (tensors: name -> numpy array, metadata: str -> str). Raises ValueError on a malformed file."""
  with open(path, "rb") as file:
    content = file.read()
  if len(content) < 8:
    raise ValueError(f"{path}: {len(content)} bytes are too few for a safetensors file")
  (header_length,) = struct.unpack("<Q", content[:8])
  if header_length > len(content) - 8:
    raise ValueError(f"{path}: the header claims {header_length} bytes, {len(content) - 8} follow its length")
  header = json.loads(content[8:8 + header_length].decode("utf-8"))
  metadata = header.pop("__metadata__", {})
  data = content[8 + header_length:]

  tensors = {}
  end_of_previous = 0
  for name, entry in sorted(header.items(), key=lambda item: (item[1]["data_offsets"], item[0])):
    begin, end = entry["data_offsets"]
    if entry["dtype"] not in DTYPES:
      raise ValueError(f"{path}: {name} is {entry['dtype']}; a trace holds {', '.join(DTYPES)}")
    dtype = DTYPES[entry["dtype"]]
    count = int(numpy.prod(entry["shape"], dtype=numpy.int64))
    if begin != end_of_previous or end - begin != count * dtype.itemsize or end > len(data):
      raise ValueError(f"{path}: {name} lies at [{begin}, {end}), which does not fit shape {entry['shape']}, "
                       f"the tensor before it (ends at {end_of_previous}) or the file ({len(data)} bytes of data)")
    end_of_previous = end
    tensors[name] = numpy.frombuffer(data, dtype, count, begin).reshape(entry["shape"])
  if end_of_previous != len(data):
    raise ValueError(f"{path}: {len(data) - end_of_previous} bytes after the last tensor belong to none")
  return tensors, metadata


def write(path, tensors, metadata=None):
  """Writes numpy arrays of float64, float32 or int64 in the order of the mapping."""
  header = {"__metadata__": metadata} if metadata else {}
  chunks = []
  offset = 0
  for name, array in tensors.items():
    array = numpy.asarray(array)
    if array.dtype not in NAMES:
      raise ValueError(f"{name} is {array.dtype}; a trace holds {', '.join(map(str, NAMES))}")
    chunk = array.tobytes(order="C")  # not ascontiguousarray: that turns a scalar's shape [] into [1]
    header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                    "data_offsets": [offset, offset + len(chunk)]}
    chunks.append(chunk)
    offset += len(chunk)
  text = json.dumps(header).encode("utf-8")
  text += b" " * (-len(text) % ALIGNMENT)
  with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)))
    file.write(text)
    file.writelines(chunks)
