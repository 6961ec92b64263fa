#include "tests/mutants/mutant.h"

#include <cstdlib>

namespace ethreed {

bool mutant(int number) noexcept {
  static const int asked = [] {
    const char* text = std::getenv("ETHREED_MUTANT");
    return text == nullptr ? 0 : std::atoi(text);
  }();
  return asked == number;
}

}  // namespace ethreed
