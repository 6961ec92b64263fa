#include "model/encoders/encoder_file.h"

#include "core/error.h"
#include "core/json.h"
#include "core/mapped_tensor.h"
#include "model/encoders/encoder_weights.h"

#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ethreed {

namespace {

// Do the file's data begin with the block itself? What the block has behind its last parameter is 0: behind the file's
// end it is, as far as the last page goes.
bool begins_with_block(const SafetensorsFile& file, const EncoderLayout& layout, std::span<const std::string> names) {
  if (file.data_offset() % alignment_bytes != 0) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const SafetensorsFile::Info& info = file.info(names[i]);
    if (info.dtype != "F32" || info.begin != bytes_of<float>(layout.tensors[i].offset)) return false;
  }
  const std::size_t end = file.info(names.back()).end, whole = bytes_of<float>(layout.block.size());
  return end == whole || (end == file.data_bytes() && whole <= file.map().bytes_of_pages() - file.data_offset());
}

}  // namespace

template <class T> PretrainedEncoder<T> read_encoder(const std::filesystem::path& folder, EncoderHead head) {
  EncoderWeights weights(folder);
  ETHREED_CHECK(head != EncoderHead::classifier || weights.may_classify(),
                "{}: was saved as '{}', wanted a model for sequence classification", folder.string(),
                cut_text(weights.config().architectures.front()));
  PretrainedEncoder<T> encoder{.layout = encoder_layout(weights.config(), head)};
  // Shapes first: a wrong config.json may ask for any amount of memory.
  const std::vector<std::string> names = weights.names_of(encoder.layout.tensors);
  const Shape block{encoder.layout.block.size()};
  if constexpr (std::is_same_v<T, float>) {
    if (begins_with_block(weights.file(), encoder.layout, names)) {
      // Import has looked at every number, and its checksum says that they are the same still.
      for (std::size_t i = 0; i < names.size() && !weights.record(); ++i)
        weights.check_finite(names[i], weights.file().template tensor<float>(names[i]).span());
      const std::size_t offset = weights.file().data_offset();
      encoder.values = mapped_tensor<float>(std::move(weights).take_map(), offset, block);
      encoder.mapped = true;
      return encoder;
    }
  }
  encoder.values = Tensor<T>(block);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const EncoderTensor& tensor = encoder.layout.tensors[i];
    weights.read(names[i],
                 std::span(encoder.values.data() + tensor.offset, static_cast<std::size_t>(tensor.shape.count())));
  }
  return encoder;
}

template PretrainedEncoder<float> read_encoder(const std::filesystem::path&, EncoderHead);
template PretrainedEncoder<double> read_encoder(const std::filesystem::path&, EncoderHead);

}  // namespace ethreed
