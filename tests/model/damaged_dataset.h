#pragma once
// A data set's file with one thing in it changed.

#include "core/error.h"
#include "core/safetensors.h"
#include "model/text/dataset.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

namespace ethreed {

/// Of the data set in the folder `out`; damaged copies lie in the folder `bad` beside it. Both functions check (Catch2)
/// that such a copy is refused when it is opened, by its path and for the reason that is given.
class DamagedDataset {
 public:
  explicit DamagedDataset(const TemporaryFolder& folder) : folder_(folder), file_(folder / "out/dataset.safetensors") {
    std::memcpy(&header_bytes_, whole_.data(), sizeof header_bytes_);
    std::filesystem::create_directory(folder / "bad");
  }

  /// Another value, `offset` bytes into a tensor.
  template <class Value>
  void put(std::string_view tensor, std::size_t offset, Value value, std::string_view reason) const {
    std::string bytes = whole_;
    std::memcpy(bytes.data() + sizeof header_bytes_ + header_bytes_ + file_.info(tensor).begin + offset, &value,
                sizeof value);
    refuses(bytes, reason);
  }
  /// Another text of the same length in the header.
  void edit(std::string_view from, std::string_view to, std::string_view reason) const {
    REQUIRE(from.size() == to.size());
    std::string bytes = whole_;
    const std::size_t at = bytes.find(from);
    REQUIRE(at < header_bytes_);
    refuses(bytes.replace(at, from.size(), to), reason);
  }

 private:
  void refuses(const std::string& bytes, std::string_view reason) const {
    CHECK_THROWS_WITH(Dataset::open(folder_.file("bad/dataset.safetensors", bytes).parent_path()),
                      Catch::Contains("bad/dataset.safetensors") && Catch::Contains(std::string(reason)));
  }

  const TemporaryFolder& folder_;
  SafetensorsFile file_;
  std::string whole_ = content_of(folder_ / "out/dataset.safetensors");
  std::uint64_t header_bytes_ = 0;
};

}  // namespace ethreed
