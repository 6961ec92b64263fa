#pragma once
// Counts what the test program takes from the system's heap, so that a test can claim that something takes nothing.

#include <cstdint>

namespace ethreed::test {

/// Allocations of this process so far, by all threads, of malloc and its kin (and so of operator new). In builds with a
/// sanitizer, which brings its own malloc, only those of operator new.
std::int64_t allocation_count();

}  // namespace ethreed::test
