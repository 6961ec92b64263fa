#pragma once
// Where a backward kernel puts one gradient, and whether it overwrites or adds.

#include "core/host_device.h"

namespace ethreed {

/// data == nullptr: the gradient is not wanted, the kernel must not compute it.
/// accumulate == false: every element is overwritten (elements that receive nothing are set to zero).
/// accumulate == true: the gradient is added to what is there.
template <class T> struct GradientSink {
  T* data = nullptr;
  bool accumulate = false;
  ETHREED_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
};

}  // namespace ethreed
