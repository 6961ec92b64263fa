#pragma once
// The functions that may follow a layer's sum.

namespace ethreed {

/// The identity; tanh; a·Φ(a) (math::gelu()).
enum class Activation { none, tanh, gelu };

}  // namespace ethreed
