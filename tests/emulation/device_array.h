#pragma once
// Memory of the emulated device for a test, with copies to and from the host.

#include "kernels/common/cuda.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <vector>

namespace ethreed::test {

template <class T> class DeviceArray {
 public:
  /// Nobody has written there.
  explicit DeviceArray(std::size_t count) : count_(count) {
    REQUIRE(cudaMalloc(&data_, count * sizeof(T)) == cudaSuccess);
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    REQUIRE(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> host(count_);
    REQUIRE(cudaMemcpy(host.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return host;
  }

 private:
  std::size_t count_;
  T* data_ = nullptr;
};

template <class T> std::vector<T> zeros(std::size_t count) { return std::vector<T>(count, T{}); }
template <class T> std::vector<T> counting(std::size_t count) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), T{});
  return values;
}

/// Sets back the emulation's switches at the end of a scope.
class KeepSettings {
 public:
  KeepSettings() : was_(emulation::settings()) {}
  ~KeepSettings() { emulation::settings() = was_; }
  KeepSettings(const KeepSettings&) = delete;
  KeepSettings& operator=(const KeepSettings&) = delete;

 private:
  emulation::Settings was_;
};

}  // namespace ethreed::test
