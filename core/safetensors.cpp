#include "core/safetensors.h"

#include "core/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

namespace ethreed {

static_assert(std::endian::native == std::endian::little, "tensors are written and mapped as they lie in memory");

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view metadata_key = "__metadata__";
constexpr std::size_t length_bytes = 8;
constexpr std::size_t most_header_bytes = 100'000'000;  // the limit of the format's own library

struct FileDtype {
  std::string_view name;
  std::size_t bytes;
};
// Every type of the format that has whole bytes: a file that we read may also hold those we do not compute with.
constexpr std::array<FileDtype, 15> file_dtypes{{{"F64", 8},
                                                 {"I64", 8},
                                                 {"U64", 8},
                                                 {"F32", 4},
                                                 {"I32", 4},
                                                 {"U32", 4},
                                                 {"F16", 2},
                                                 {"BF16", 2},
                                                 {"I16", 2},
                                                 {"U16", 2},
                                                 {"I8", 1},
                                                 {"U8", 1},
                                                 {"BOOL", 1},
                                                 {"F8_E4M3", 1},
                                                 {"F8_E5M2", 1}}};

const FileDtype* dtype_called(std::string_view name) {
  const auto found =
      std::find_if(file_dtypes.begin(), file_dtypes.end(), [&](const FileDtype& d) { return d.name == name; });
  return found == file_dtypes.end() ? nullptr : &*found;
}

std::string_view file_name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32: return "F32";
    case Dtype::float64: return "F64";
    case Dtype::int32: return "I32";
    case Dtype::int64: return "I64";
    case Dtype::uint8: return "U8";
  }
  return "?";
}

std::string shape_text(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// The bytes a tensor of this shape takes, or nothing if that number does not fit.
std::optional<std::size_t> byte_count(std::span<const std::int64_t> shape, std::size_t element_bytes) {
  std::size_t total = element_bytes;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(total, static_cast<std::size_t>(size), &total)) return std::nullopt;
  return total;
}

// An entry of the header is two objects deep, its lists have a few numbers.
constexpr JsonLimits header_limits{.depth = 3, .array = 64};

// One entry of the header; throws Json::exception where a field is absent or has the wrong type.
SafetensorsFile::Info parse_info(const Json& entry, const std::string& file, const std::string& name) {
  SafetensorsFile::Info info;
  info.dtype = entry.at("dtype").get<std::string>();
  const Json& shape = entry.at("shape");
  ETHREED_CHECK(shape.is_array(), "{}: tensor '{}' has the shape {}, wanted a list; the file is damaged", file, name,
                shown(shape));
  for (const Json& size : shape) {
    ETHREED_CHECK(size.is_number_unsigned() && size.get<std::uint64_t>() <= INT64_MAX,
                  "{}: tensor '{}' has the size {} in its shape, wanted whole numbers from 0; the file is damaged",
                  file, name, shown(size));
    info.shape.push_back(size.get<std::int64_t>());
  }
  const Json& offsets = entry.at("data_offsets");
  ETHREED_CHECK(
      offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
      "{}: tensor '{}' has data_offsets {}, wanted [begin, end]; the file is damaged", file, name, shown(offsets));
  info.begin = offsets[0].get<std::size_t>();
  info.end = offsets[1].get<std::size_t>();
  return info;
}

void check_info(const SafetensorsFile::Info& info, std::size_t data_bytes, const std::string& file,
                const std::string& name) {
  const FileDtype* dtype = dtype_called(info.dtype);
  ETHREED_CHECK(dtype != nullptr, "{}: tensor '{}' has the unknown dtype '{}'; store it as F32 or F64", file, name,
                info.dtype);
  ETHREED_CHECK(info.begin <= info.end && info.end <= data_bytes,
                "{}: tensor '{}' lies at bytes {} to {} of {} bytes of data; the file is truncated or damaged", file,
                name, info.begin, info.end, data_bytes);
  const std::optional<std::size_t> wanted = byte_count(info.shape, dtype->bytes);
  ETHREED_CHECK(wanted && *wanted == info.end - info.begin,
                "{}: tensor '{}' has {} bytes, which is not what {} {} takes; the file is damaged", file, name,
                info.end - info.begin, info.dtype, shape_text(info.shape));
}

}  // namespace

void SafetensorsWriter::add(std::string name, Dtype dtype, const Shape& shape, const void* data) {
  add(Entry{std::move(name), file_name_of(dtype), size_of(dtype), shape, data});
}

void SafetensorsWriter::add_bytes(std::string name, std::string_view dtype, const Shape& shape,
                                  std::span<const std::byte> bytes) {
  const FileDtype* known = dtype_called(dtype);
  ETHREED_CHECK(known != nullptr, "SafetensorsWriter::add_bytes: '{}' is no type of the format", dtype);
  Entry entry{std::move(name), known->name, known->bytes, shape, bytes.data()};
  ETHREED_CHECK(entry.bytes() == bytes.size(), "SafetensorsWriter::add_bytes: '{}' has {} bytes, {} of {} takes {}",
                entry.name, bytes.size(), shape.text(), dtype, entry.bytes());
  add(std::move(entry));
}

void SafetensorsWriter::add(Entry entry) {
  const std::string& name = entry.name;
  ETHREED_CHECK(!name.empty() && name != metadata_key,
                "SafetensorsWriter::add: '{}' cannot be the name of a tensor; choose another", name);
  ETHREED_CHECK(names_.insert(name).second, "SafetensorsWriter::add: there is a tensor '{}' already; names are unique",
                name);
  entries_.push_back(std::move(entry));
}

void SafetensorsWriter::align_data(std::size_t bytes) {
  ETHREED_CHECK(bytes > 0 && bytes % 8 == 0, "SafetensorsWriter::align_data: {} is no multiple of 8", bytes);
  alignment_ = bytes;
}

void SafetensorsWriter::add_metadata(std::string key, std::string value) {
  const auto [place, added] = metadata_.emplace(std::move(key), std::move(value));
  ETHREED_CHECK(added, "SafetensorsWriter::add_metadata: there is a text '{}' already; keys are unique", place->first);
}

std::string SafetensorsWriter::header(std::span<const std::size_t> begins) const {
  Json json = Json::object();
  if (!metadata_.empty()) json[std::string(metadata_key)] = metadata_;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    json[entry.name] = {{"dtype", entry.dtype},
                        {"shape", std::vector<std::int64_t>(entry.shape.sizes().begin(), entry.shape.sizes().end())},
                        {"data_offsets", {begins[i], begins[i] + entry.bytes()}}};
  }
  try {
    std::string text = json.dump();
    text.append((alignment_ - (length_bytes + text.size()) % alignment_) % alignment_, ' ');
    return text;
  } catch (const Json::exception& error) {
    fail("SafetensorsWriter::write: a name or a metadata text is not UTF-8 ({}); store such bytes as a U8 tensor",
         error.what());
  }
}

void SafetensorsWriter::write(const std::function<void(std::span<const std::byte>)>& sink) const {
  std::vector<std::size_t> order(entries_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return entries_[a].element_bytes > entries_[b].element_bytes; });
  std::vector<std::size_t> begins(entries_.size());
  std::size_t next = 0;
  for (const std::size_t i : order) {
    begins[i] = next;
    next += entries_[i].bytes();
  }
  const std::string text = header(begins);
  const std::uint64_t length = text.size();
  sink(std::as_bytes(std::span(&length, 1)));
  sink(std::as_bytes(std::span(text)));
  for (const std::size_t i : order)
    sink(std::span(static_cast<const std::byte*>(entries_[i].data), entries_[i].bytes()));
}

void SafetensorsWriter::write(AtomicFile& file) const {
  write([&](std::span<const std::byte> bytes) { file.write(bytes); });
}

std::vector<std::byte> SafetensorsWriter::bytes() const {
  std::vector<std::byte> all;
  write([&](std::span<const std::byte> bytes) { all.insert(all.end(), bytes.begin(), bytes.end()); });
  return all;
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  write(file);
  file.commit();
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), file_(path) { read(file_.bytes()); }

SafetensorsFile::SafetensorsFile(const std::filesystem::path& name, std::vector<std::byte> bytes)
    : path_(name), bytes_(std::move(bytes)) {
  read(bytes_);
}

void SafetensorsFile::read(std::span<const std::byte> bytes) {
  ETHREED_CHECK(bytes.size() >= length_bytes,
                "{}: has {} bytes, a safetensors file has at least 8; it is truncated, write it anew", path_.string(),
                bytes.size());
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), length_bytes);
  ETHREED_CHECK(header_bytes <= most_header_bytes && header_bytes <= bytes.size() - length_bytes,
                "{}: says its header has {} bytes, but the file has {}; it is truncated or no safetensors file",
                path_.string(), header_bytes, bytes.size());
  data_offset_ = length_bytes + header_bytes;
  data_ = bytes.data() + data_offset_;
  data_bytes_ = bytes.size() - data_offset_;
  parse_header({reinterpret_cast<const char*>(bytes.data()) + length_bytes, header_bytes}, data_bytes_);
  check_layout(data_bytes_);
  copy_unaligned();
}

// The format asks for no padding, and some writers pad nothing.
void SafetensorsFile::copy_unaligned() {
  for (const auto& [name, info] : infos_) {
    const FileDtype* dtype = dtype_called(info.dtype);
    const std::byte* address = data_ + info.begin;
    const std::size_t bytes = info.end - info.begin;
    if (reinterpret_cast<std::uintptr_t>(address) % dtype->bytes == 0) continue;
    auto& copy = copies_[name] = std::make_unique<std::byte[]>(bytes);
    if (bytes > 0) std::memcpy(copy.get(), address, bytes);
  }
}

void SafetensorsFile::parse_header(std::string_view header, std::size_t data_bytes) {
  const Json json = parse_json<Json>(header, path_.string() + ": the header",
                                     "the file is damaged or no safetensors file, write it anew", header_limits);
  ETHREED_CHECK(json.is_object(), "{}: the header is not a JSON object; the file is damaged or no safetensors file",
                path_.string());
  for (const auto& [name, entry] : json.items()) {
    const std::string shown_name = cut_text(name);
    try {
      if (name == metadata_key) {
        metadata_ = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      Info info = parse_info(entry, path_.string(), shown_name);
      check_info(info, data_bytes, path_.string(), shown_name);
      names_.push_back(name);
      infos_.emplace(name, std::move(info));
    } catch (const Json::exception& error) {
      fail("{}: the header's entry '{}' is not as the format has it ({}); the file is damaged", path_.string(),
           shown_name, reason_of(error));
    }
  }
}

void SafetensorsFile::check_layout(std::size_t data_bytes) const {
  std::vector<std::string> order = names_;
  std::sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
    const Info &x = infos_.at(a), &y = infos_.at(b);
    return std::pair(x.begin, x.end) < std::pair(y.begin, y.end);
  });
  std::size_t next = 0;
  for (const std::string& name : order) {
    const Info& info = infos_.at(name);
    ETHREED_CHECK(info.begin == next,
                  "{}: tensor '{}' starts at byte {} of the data, but byte {} is next (tensors may neither overlap nor "
                  "leave gaps); the file is damaged",
                  path_.string(), name, info.begin, next);
    next = info.end;
  }
  ETHREED_CHECK(next == data_bytes, "{}: has {} bytes of data, but its tensors take {}; the file is damaged",
                path_.string(), data_bytes, next);
}

const SafetensorsFile::Info& SafetensorsFile::info(std::string_view name) const {
  const auto place = infos_.find(std::string(name));
  ETHREED_CHECK(place != infos_.end(), "{}: has no tensor '{}'; the file was made for another purpose or configuration",
                path_.string(), name);
  return place->second;
}

const std::string& SafetensorsFile::metadata(std::string_view key) const {
  const auto place = metadata_.find(std::string(key));
  ETHREED_CHECK(place != metadata_.end(), "{}: its metadata has no '{}'; the file was made for another purpose",
                path_.string(), key);
  return place->second;
}

std::span<const std::byte> SafetensorsFile::bytes(std::string_view name) const {
  const Info& found = info(name);
  return {data_ + found.begin, found.end - found.begin};
}

std::pair<const void*, Shape> SafetensorsFile::find(std::string_view name, Dtype dtype) const {
  const Info& found = info(name);
  ETHREED_CHECK(found.dtype == file_name_of(dtype),
                "{}: tensor '{}' is {}, wanted {}; convert it or use a file written for this", path_.string(), name,
                found.dtype, file_name_of(dtype));
  ETHREED_CHECK(found.shape.size() <= Shape::max_rank, "{}: tensor '{}' has {} dimensions {}, at most {} can be read",
                path_.string(), name, found.shape.size(), shape_text(found.shape), Shape::max_rank);
  const auto copy = copies_.find(std::string(name));
  const std::byte* address = copy == copies_.end() ? data_ + found.begin : copy->second.get();
  return {address, Shape(found.shape)};
}

}  // namespace ethreed
