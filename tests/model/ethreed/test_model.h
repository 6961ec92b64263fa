#pragma once
// What several tests of ETHREED run: parameters beside their configuration.

#include "tests/model/tiny_model.h"

namespace ethreed::test {

/// Parameters and the configuration that they are of.
template <class T> struct TestModel : ModelState<T> {
  EthreedConfig config;
  explicit TestModel(const EthreedConfig& config_) : ModelState<T>(make_state<T>(config_, true)), config(config_) {}
};

/// Runs of nine steps on a tiny data set.
inline Recipe tiny_recipe() {
  Recipe training;
  training.epochs = 3;
  training.batch = 4;
  training.learning_rate = 0.01;
  training.learning_rate_epochs = 2;
  training.seed = 5;
  return training;
}

}  // namespace ethreed::test
