#pragma once
// One name for an instance of a kernel, whoever names it: launch(), nvcc's mangled symbols, ptxas.

#include <string>

namespace ethreed::emulation {

/// "linear_tanh_kernel<float>" out of the mangled name of ethreed::{anonymous}::linear_tanh_kernel<float>(…). A name
/// that cannot be read is returned as it is.
std::string kernel_name(const std::string& mangled);
/// The same instance has the same name under nvcc, g++ and the demangler: no namespaces in template arguments, ">>".
std::string tidy_name(std::string name);

}  // namespace ethreed::emulation
