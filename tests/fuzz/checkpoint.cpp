// A checkpoint, one file of which is changed. The first line of the input names the file; what follows is the new
// content of a text file, or patches of model.safetensors and optimizer.safetensors.

#include "tests/fuzz/target.h"
#include "tests/model/ethreed/saved_checkpoint.h"

using namespace ethreed;

namespace {

// Nothing vouches for its files, as in a checkpoint that another program wrote: so the readers themselves must be safe.
struct GoodCheckpoint {
  test::Saved saved;
  std::map<std::string, std::string> files;

  GoodCheckpoint() {
    saved.forget_fingerprints();
    for (const auto& entry : std::filesystem::directory_iterator(saved.directory))
      files[entry.path().filename().string()] = content_of(entry.path());
  }
};

}  // namespace

ETHREED_FUZZ_TARGET(checkpoint) {
  static const GoodCheckpoint good;
  const std::size_t end = std::min(input.find('\n'), input.size());
  const auto named = good.files.find(std::string(input.substr(0, end)));
  if (named == good.files.end()) return;
  const auto& [name, content] = *named;
  const std::string_view rest = input.substr(std::min(end + 1, input.size()));
  good.saved.write(name.c_str(), name.ends_with(".safetensors") ? fuzz::patched(content, rest) : std::string(rest));
  try {
    const CheckpointInfo info = load_checkpoint_info(good.saved.directory);
    ModelState<float> state(info.config.model->layout(), true);
    load_checkpoint_tensors(good.saved.directory, state);
    for (const float value : state.values.span()) fuzz::require(std::isfinite(value), "a parameter is finite");
  } catch (...) {
    good.saved.write(name.c_str(), content);
    throw;
  }
  good.saved.write(name.c_str(), content);
}
