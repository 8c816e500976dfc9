#include "marquet/file/fault_tally.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace marquet::file {
namespace {

constexpr std::array<const char*, 5> kNames = {"errors", "exceptions", "allocations", "threads",
                                               "power cuts"};

struct Tally {
  std::array<std::atomic<int64_t>, kNames.size()> faults{};
  ~Tally() {
    if (std::getenv("MARQUET_TORTURE") == nullptr) return;
    for (size_t i = 0; i < kNames.size(); ++i) {
      if (faults[i] > 0)
        std::printf("faults injected: %lld %s\n", static_cast<long long>(faults[i]), kNames[i]);
    }
  }
};

}  // namespace

void CountFault(FaultKind kind) {
  static Tally tally;
  ++tally.faults[static_cast<size_t>(kind)];
}

}  // namespace marquet::file
