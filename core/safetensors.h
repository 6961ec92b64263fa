#pragma once
// Reader and writer of safetensors files: 8 bytes of header length (little-endian), a JSON header
// {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, .., "__metadata__": {"key": "text"}}, padded
// with spaces, and one gap-free block of tensor data, little-endian and row-major.
// https://github.com/huggingface/safetensors#format

#include "core/atomic_file.h"
#include "core/dtype.h"
#include "core/mapped_file.h"
#include "core/tensor.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace ethreed {

/// Collects named tensors and texts and writes them in one go. The tensors' memory is borrowed: it must live and keep
/// its values until write() returns. The header lists the tensors in the order of the add() calls. The data block holds
/// those with the widest elements first (in that order), so that without gaps every element is aligned to its size
/// and the first tensor to 8 bytes.
class SafetensorsWriter {
 public:
  /// Throws Error on an empty or repeated name, and on "__metadata__".
  template <class T> void add(std::string name, View<T> tensor) {
    add(std::move(name), dtype_of<std::remove_const_t<T>>, tensor.shape, tensor.data);
  }
  /// One-dimensional.
  template <class T> void add(std::string name, std::span<T> values) {
    add(std::move(name), View<T>(values.data(), Shape{static_cast<std::int64_t>(values.size())}));
  }
  /// Of a type of the format that the engine does not compute with: "F16", "BF16". Throws Error, too, for a type that
  /// is not known or bytes that are not the shape's.
  void add_bytes(std::string name, std::string_view dtype, const Shape& shape, std::span<const std::byte> bytes);
  /// Throws Error if the key is there already.
  void add_metadata(std::string key, std::string value);
  /// Lets the data block start at a multiple of `bytes`, itself a multiple of 8 (the default): of 64, a tensor that is
  /// mapped lies as one that is owned does. The header is padded with spaces, which the format allows.
  void align_data(std::size_t bytes);

  /// Writes the file atomically. Throws Error if a name or text is not UTF-8, or if writing fails.
  void write(const std::filesystem::path& path) const;
  /// Writes into a file that the caller commits (for files that are replaced together).
  void write(AtomicFile& file) const;
  /// The bytes of the file, for a reader in the same process.
  std::vector<std::byte> bytes() const;

 private:
  struct Entry {
    std::string name;
    std::string_view dtype;  // as the file has it
    std::size_t element_bytes;
    Shape shape;
    const void* data;
    std::size_t bytes() const { return static_cast<std::size_t>(shape.count()) * element_bytes; }
  };
  void add(std::string name, Dtype dtype, const Shape& shape, const void* data);
  void add(Entry entry);
  std::string header(std::span<const std::size_t> begins) const;
  void write(const std::function<void(std::span<const std::byte>)>& sink) const;

  std::vector<Entry> entries_;
  std::unordered_set<std::string> names_;
  std::map<std::string, std::string> metadata_;
  std::size_t alignment_ = 8;
};

/// A safetensors file mapped into memory. The constructor checks everything the header says against the file (lengths,
/// JSON, duplicate names, dtypes, shapes, offsets without gap or overlap), so that tensors can be used without a check.
/// Headers need no padding: tensors that do not lie at a multiple of their elements' size are copied once, on opening.
/// Move-only; views point into the map (or such a copy) and live as long as the object that holds it.
class SafetensorsFile {
 public:
  struct Info {
    std::string dtype;  ///< as in the file: "F32", "F64", "I32", "I64", "U8", "BF16", ..
    std::vector<std::int64_t> shape;
    std::size_t begin = 0;  ///< bytes from the start of the data block
    std::size_t end = 0;
  };

  /// Throws Error (one line: file, tensor, what is wrong, what to do) for a file that is missing or not valid.
  explicit SafetensorsFile(const std::filesystem::path& path);
  /// The same for bytes in memory (SafetensorsWriter::bytes); `name` stands for the path in messages.
  SafetensorsFile(const std::filesystem::path& name, std::vector<std::byte> bytes);

  const std::filesystem::path& path() const { return path_; }
  /// In the order of the header.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const { return infos_.contains(std::string(name)); }
  /// Throws Error if there is no such tensor.
  const Info& info(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// Throws Error if the metadata has no such key.
  const std::string& metadata(std::string_view key) const;

  /// The tensor in the map. Throws Error if it is absent, has another dtype than T or more than four dimensions.
  template <class T> View<const T> tensor(std::string_view name) const {
    const auto [data, shape] = find(name, dtype_of<T>);
    return {static_cast<const T*>(data), shape};
  }
  /// The same, and throws Error if the shape is not `wanted`.
  template <class T> View<const T> tensor(std::string_view name, const Shape& wanted) const {
    const View<const T> view = tensor<T>(name);
    ETHREED_CHECK(view.shape == wanted,
                  "{}: tensor '{}' has shape {}, wanted {}; the file was made for another configuration",
                  path_.string(), name, view.shape.text(), wanted.text());
    return view;
  }

  /// The bytes of a tensor of any type and any number of dimensions, as they lie in the file, aligned or not. Throws
  /// Error if it is absent.
  std::span<const std::byte> bytes(std::string_view name) const;
  /// Where the data block starts, in bytes from the file's start, and how long it is.
  std::size_t data_offset() const { return data_offset_; }
  std::size_t data_bytes() const { return data_bytes_; }
  /// The mapped file itself, empty for bytes in memory. Once it is taken, nothing is to be asked of this object.
  const MappedFile& map() const { return file_; }
  MappedFile take_map() && { return std::move(file_); }

 private:
  void read(std::span<const std::byte> bytes);
  void parse_header(std::string_view header, std::size_t data_bytes);
  void check_layout(std::size_t data_bytes) const;
  void copy_unaligned();
  std::pair<const void*, Shape> find(std::string_view name, Dtype dtype) const;

  std::filesystem::path path_;
  MappedFile file_;
  std::vector<std::byte> bytes_;  // in place of a file
  const std::byte* data_ = nullptr;
  std::size_t data_offset_ = 0, data_bytes_ = 0;
  std::unordered_map<std::string, std::unique_ptr<std::byte[]>> copies_;  // of tensors that are not aligned
  std::vector<std::string> names_;
  std::unordered_map<std::string, Info> infos_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace ethreed
