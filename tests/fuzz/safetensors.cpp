// safetensors files: the header, then every byte of every tensor that we compute with.

#include "core/safetensors.h"
#include "tests/fuzz/target.h"

using namespace ethreed;

namespace {

template <class T> double sum_of(const SafetensorsFile& file, const std::string& name) {
  double sum = 0;
  for (const T value : file.tensor<T>(name).span()) sum += static_cast<double>(value);
  return sum;
}

void read(const SafetensorsFile& file, const std::string& name, volatile double& sum) {
  const std::string& dtype = file.info(name).dtype;
  if (dtype == "F32") sum = sum + sum_of<float>(file, name);
  if (dtype == "F64") sum = sum + sum_of<double>(file, name);
  if (dtype == "I32") sum = sum + sum_of<std::int32_t>(file, name);
  if (dtype == "I64") sum = sum + sum_of<std::int64_t>(file, name);
  if (dtype == "U8") sum = sum + sum_of<std::uint8_t>(file, name);
}

}  // namespace

ETHREED_FUZZ_TARGET(safetensors) {
  static const fuzz::InputFile held("model.safetensors");
  const SafetensorsFile file(held.hold(input));
  volatile double sum = 0;  // the reads must stay
  for (const std::string& name : file.names()) {
    const SafetensorsFile::Info& info = file.info(name);
    fuzz::require(info.begin <= info.end && info.end <= input.size(), "a tensor lies within its file");
    try {
      read(file, name, sum);
    } catch (const Error&) {  // five dimensions, say: the others are read all the same
    }
  }
}
