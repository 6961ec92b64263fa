#pragma once
// The folder of a pretrained encoder: config.json and model.safetensors.

#include "core/tensor.h"
#include "model/encoders/encoder_parameters.h"

#include <filesystem>

namespace ethreed {

/// Layout and block of an encoder. Optimizers, devices and fused products want one block.
template <class T> struct PretrainedEncoder {
  EncoderLayout layout;
  Tensor<T> values;     ///< [layout.block.size()]
  bool mapped = false;  ///< values are pages of the file, shared with whoever reads it; what is written stays here
};

/// Reads F32, F16, BF16 and F64 into T. Where the file's data are the block, as in a folder that `ethreed import` or
/// `ethreed fine-tune` wrote, floats are mapped; else each tensor is copied once to its place. Names may lack the
/// family's prefix; layer norms may be called gamma and beta; what heads of language models and other tasks have, and
/// stored position ids, are passed over. Throws Error, naming file and tensor, for a file that is damaged or was
/// changed after its import, a tensor that is absent, of another shape than config.json says or not of these types, a
/// number that is not finite, and tensors of an encoder with more layers or parts.
template <class T>
PretrainedEncoder<T> read_encoder(const std::filesystem::path& folder, EncoderHead head = EncoderHead::none);

}  // namespace ethreed
