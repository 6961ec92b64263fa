#include "kernels/adam/adam_device.h"

namespace ethreed {

template <class T> void adam_update(ThisDevice, Context& context, const Adam<T>& args) {
  check_adam(args);
  if (args.count == 0) return;
  if (adam_decays(args))
    run_adam_with_decay(context, args);
  else
    run_adam<false>(context, args);
}

template void adam_update(ThisDevice, Context&, const Adam<float>&);
template void adam_update(ThisDevice, Context&, const Adam<double>&);

}  // namespace ethreed
