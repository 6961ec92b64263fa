#pragma once
// What several tests of ETHREED run: parameters beside their configuration.

#include "tests/model/tiny_model.h"

namespace ethreed::test {

/// Parameters and the configuration that they are of.
template <class T> struct TestModel : ModelState<T> {
  EthreedConfig config;
  explicit TestModel(const EthreedConfig& config_) : ModelState<T>(make_state<T>(config_, true)), config(config_) {}
};

}  // namespace ethreed::test
