#pragma once
// linear with one output on a device: a dot product a row. For .cu files.

#include "kernels/common/cuda.h"
#include "kernels/linear/linear.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

/// One launch. Order of reduction: a lane of a warp adds the columns lane, lane + 32, …, part after part; the lanes are
/// added by warp_sum.
template <class T> void linear_single_forward(Context& context, const LinearForward<T>& args);
/// One launch for all dx, one for dW and db (lane l of eight adds rows l, l + 8, …; the lanes are added from first to
/// last); each only if asked for.
template <class T> void linear_single_backward(Context& context, const LinearBackward<T>& args);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
