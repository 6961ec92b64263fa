#include "kernels/adam/adam_device.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

template <class T> void run_adam_with_decay(Context& context, const Adam<T>& args) { run_adam<true>(context, args); }

template void run_adam_with_decay(Context&, const Adam<float>&);
template void run_adam_with_decay(Context&, const Adam<double>&);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
