#pragma once
// The blocks of a model where the kernels of a device can reach them.

#include "core/context.h"
#include "core/indices.h"
#include "model/interface/model_state.h"

#include <array>
#include <optional>
#include <utility>

namespace ethreed {

/// On the CPU the model itself; on a device a copy of it, whose changes reach the model by to_host().
template <class T> class DeviceModel {
 public:
  /// Copies all blocks to the device of the context. Both must outlive this object. Throws Error if there is too little
  /// memory on the device.
  DeviceModel(Context& context, ModelState<T>& host) : context_(context), host_(host) {
    if (context.on_host()) return;
    copy_.emplace(host.layout, false);
    for (const auto& [from, to] : blocks()) {
      *to = from->count() == 0 ? Tensor<T>() : Tensor<T>::uninitialised(from->shape(), context.runtime->memory());
      context.runtime->upload(to->data(), from->data(), bytes_of(*from));
    }
    context.runtime->synchronize();
  }

  /// The model to run: its blocks are in the memory of the device.
  ModelState<T>& model() { return copy_ ? *copy_ : host_; }

  /// Brings parameters, moments and the average back, before they are saved. Gradients stay where they are.
  void to_host() {
    if (!copy_) return;
    for (const auto& [to, from] : blocks())
      if (from != &copy_->gradients && from->count() > 0)
        context_.runtime->download(to->data(), from->data(), bytes_of(*from));
  }
  /// Gradients too, for a trace.
  void gradients_to_host() {
    if (copy_) context_.runtime->download(host_.gradients.data(), copy_->gradients.data(), bytes_of(copy_->gradients));
  }

 private:
  static std::size_t bytes_of(const Tensor<T>& block) { return ethreed::bytes_of<T>(block.count()); }
  std::array<std::pair<Tensor<T>*, Tensor<T>*>, 5> blocks() {
    return {{{&host_.values, &copy_->values},
             {&host_.gradients, &copy_->gradients},
             {&host_.first_moment, &copy_->first_moment},
             {&host_.second_moment, &copy_->second_moment},
             {&host_.average, &copy_->average}}};
  }

  Context& context_;
  ModelState<T>& host_;
  std::optional<ModelState<T>> copy_;
};

}  // namespace ethreed
