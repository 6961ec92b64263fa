#include "kernels/emulation/ptx/library.h"

#include "core/error.h"
#include "kernels/emulation/kernel_names.h"
#include "kernels/emulation/ptx/machine.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>

namespace ethreed::emulation::ptx {

namespace {

struct LoadedModule {
  Module module;
  ModuleMemory memory;
  std::map<std::string, std::uint64_t> addresses;  // of its variables
};

struct Entry {
  LoadedModule* loaded = nullptr;
  std::size_t index = 0;         // among the module's entries
  std::optional<Kernel> kernel;  // lowered, when it is first asked for
  // With it:
  std::vector<Unit> units;  // of its instructions
  bool read_only_loads = false;

  const Function& function() const { return loaded->module.entries[index]; }
};

bool same_code(const Function& a, const Function& b) {
  return std::equal(a.statements.begin(), a.statements.end(), b.statements.begin(), b.statements.end(),
                    [](const Statement& one, const Statement& other) { return one.opcode == other.opcode; });
}

void lay_out(LoadedModule& loaded) {
  const auto is_memory = [](const Variable& v) { return v.space == Space::global || v.space == Space::constant; };
  std::size_t bytes = 0;
  std::map<std::string, std::size_t> offsets;
  for (const Variable& variable : loaded.module.variables)
    if (is_memory(variable)) {
      bytes = (bytes + variable.alignment - 1) / variable.alignment * variable.alignment;
      offsets[variable.name] = bytes;
      bytes += variable.bytes;
    }
  if (bytes == 0) return;
  constexpr std::size_t most_aligned = 4096;
  loaded.memory.data = std::make_unique<std::byte[]>(bytes + most_aligned);
  loaded.memory.bytes = bytes + most_aligned;
  const auto data = reinterpret_cast<std::uintptr_t>(loaded.memory.data.get());
  const std::uintptr_t begin = (data + most_aligned - 1) / most_aligned * most_aligned;
  for (const Variable& variable : loaded.module.variables)
    if (is_memory(variable)) {
      loaded.addresses[variable.name] = begin + offsets[variable.name];
      std::copy(variable.initial.begin(), variable.initial.end(),
                reinterpret_cast<std::byte*>(begin + offsets[variable.name]));
    }
}

/// What launches have executed, by kernel. It outlives the library where a launch does.
struct Counted {
  std::mutex mutex;
  std::map<std::string, Executed> by_kernel;
};

/// Runs the kernel as every thread.
class PtxWork final : public Work {
 public:
  /// `counted`: where to count what is executed, or null.
  PtxWork(const Entry& entry, std::vector<std::byte> parameters, std::string name, std::int64_t blocks,
          std::shared_ptr<Counted> counted)
      : Work(sizeof(PtxWork)),
        parameters_(std::move(parameters)),
        name_(std::move(name)),
        blocks_(blocks),
        counted_(std::move(counted)),
        grid_{*entry.kernel, entry.loaded->memory, parameters_.data(), meeting_.data()} {
    if (counted_ == nullptr && !entry.read_only_loads) return;
    notes_.emplace(counted_ != nullptr, entry.read_only_loads, entry.units);
    grid_.notes = &*notes_;
  }
  ~PtxWork() override {
    if (counted_ == nullptr) return;
    const std::lock_guard lock(counted_->mutex);
    counted_->by_kernel[name_] += notes_->executed(blocks_);
  }
  PtxWork(const PtxWork&) = delete;
  PtxWork& operator=(const PtxWork&) = delete;
  void run() const override { run_thread(grid_); }

 private:
  std::vector<std::byte> parameters_;
  std::string name_;
  std::int64_t blocks_;
  std::shared_ptr<Counted> counted_;
  mutable std::optional<LaunchNotes> notes_;
  alignas(8) mutable std::array<std::uint32_t, 2> meeting_{};
  Grid grid_;
};

}  // namespace

struct Library::Content {
  std::recursive_mutex mutex;
  std::vector<std::unique_ptr<LoadedModule>> modules;
  std::map<std::string, Entry, std::less<>> entries;
  std::set<std::string> launched;
  std::shared_ptr<Counted> counted;  // null: nothing is counted

  Entry& find(std::string_view name) {
    const auto found = entries.find(tidy_name(std::string(name)));
    ETHREED_CHECK(found != entries.end(), "ptx: there is no kernel '{}' among {}", name, entries.size());
    Entry& entry = found->second;
    if (!entry.kernel) {
      entry.kernel.emplace(lower(entry.loaded->module, entry.function(), entry.loaded->addresses));
      for (const Statement& statement : entry.function().statements) entry.units.push_back(unit_of(statement.opcode));
      entry.units.resize(entry.kernel->instructions.size(), Unit::control);  // the end of all
      for (const Instruction& i : entry.kernel->instructions) entry.read_only_loads |= i.read_only;
    }
    return entry;
  }
};

Library::Library() : content_(std::make_unique<Content>()) {}
Library::~Library() = default;

void Library::add(std::string file, std::string_view text) {
  const std::lock_guard lock(content_->mutex);
  auto& loaded = *content_->modules.emplace_back(std::make_unique<LoadedModule>());
  loaded.module = parse(std::move(file), text);
  lay_out(loaded);
  for (std::size_t e = 0; e < loaded.module.entries.size(); ++e) {
    const Function& function = loaded.module.entries[e];
    const std::string name = tidy_name(kernel_name(function.name));
    const auto [known, fresh] = content_->entries.try_emplace(name);
    // A template of a header is in every module that uses it.
    ETHREED_CHECK(fresh || same_code(function, known->second.function()), "{}:{}: another kernel '{}' than in {}",
                  loaded.module.file, function.line, name, known->second.loaded->module.file);
    if (fresh) known->second = {.loaded = &loaded, .index = e};
  }
}

void Library::add_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(folder, none))
    if (file.path().extension() == ".ptx") files.push_back(file.path());
  ETHREED_CHECK(!files.empty(), "ptx: there are no files *.ptx in '{}'", folder.string());
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    ETHREED_CHECK(file.good() || file.eof(), "ptx: '{}' cannot be read", path.string());
    add(path.filename().string(), text);
  }
}

std::vector<std::string> Library::names() const {
  const std::lock_guard lock(content_->mutex);
  std::vector<std::string> all;
  for (const auto& [name, entry] : content_->entries) all.push_back(name);
  return all;
}

void Library::prepare(std::string_view name) {
  const std::lock_guard lock(content_->mutex);
  content_->find(name);
}

std::size_t Library::instructions(std::string_view name) {
  const std::lock_guard lock(content_->mutex);
  return content_->find(name).kernel->instructions.size();
}

Survey Library::survey(std::string_view name) {
  const std::lock_guard lock(content_->mutex);
  return ptx::survey(content_->find(name).function());
}

const std::set<std::string>& Library::launched() const { return content_->launched; }

std::shared_ptr<const Work> Library::work(std::string_view name, std::span<const Argument> arguments,
                                          std::int64_t blocks) {
  const std::lock_guard lock(content_->mutex);
  Entry& entry = content_->find(name);
  const Kernel& kernel = *entry.kernel;
  ETHREED_CHECK(arguments.size() == kernel.parameters.size(),
                "{}:{}: kernel {}: {} parameters, launched with {} arguments", kernel.file, kernel.line, name,
                kernel.parameters.size(), arguments.size());
  std::vector<std::byte> parameters(kernel.parameter_bytes);
  for (std::size_t p = 0; p < arguments.size(); ++p) {
    const Variable& parameter = kernel.parameters[p];
    const Argument& argument = arguments[p];
    ETHREED_CHECK(argument.bytes == parameter.bytes && argument.alignment == parameter.alignment,
                  "{}:{}: kernel {}: parameter {} has {} bytes aligned to {}, the argument {} aligned to {}",
                  kernel.file, parameter.line, name, p, parameter.bytes, parameter.alignment, argument.bytes,
                  argument.alignment);
    std::memcpy(parameters.data() + kernel.parameter_offsets[p], argument.data, argument.bytes);
  }
  content_->launched.insert(tidy_name(std::string(name)));
  return std::make_shared<PtxWork>(entry, std::move(parameters), tidy_name(std::string(name)), blocks,
                                   content_->counted);
}

void Library::count_executed(bool on) {
  const std::lock_guard lock(content_->mutex);
  content_->counted = on ? std::make_shared<Counted>() : nullptr;
}

std::map<std::string, Executed> Library::executed() const {
  const std::lock_guard lock(content_->mutex);
  if (content_->counted == nullptr) return {};
  const std::lock_guard counting(content_->counted->mutex);
  return content_->counted->by_kernel;
}

InPlaceOfKernels::InPlaceOfKernels(Library& library) {
  replace_kernels([&library](const LaunchInfo& info, const std::shared_ptr<const Work>& work) {
    return library.work(info.kernel, work->arguments(), std::int64_t{info.grid.x} * info.grid.y * info.grid.z);
  });
}
InPlaceOfKernels::~InPlaceOfKernels() { replace_kernels({}); }

}  // namespace ethreed::emulation::ptx
