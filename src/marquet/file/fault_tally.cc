#include "marquet/file/fault_tally.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace marquet::file {
namespace {

struct Tally {
  std::atomic<int64_t> faults{0};
  ~Tally() {
    if (std::getenv("MARQUET_TORTURE") == nullptr || faults == 0) return;
    std::printf("faults injected: %lld\n", static_cast<long long>(faults.load()));
  }
};

}  // namespace

void CountFault() {
  static Tally tally;
  ++tally.faults;
}

}  // namespace marquet::file
