// How many faults a test program has injected, of which kinds.
#pragma once

namespace marquet::file {

enum class FaultKind {
  kError,       // an operation that failed
  kThrown,      // an operation that threw
  kAllocation,  // memory that could not be had
  kThread,      // a thread that could not be started
  kPowerCut,    // a state of a disk after a power cut
};

// Counts one. Where MARQUET_TORTURE is set, the program prints "faults injected: N KIND" for each kind when
// it ends. Thread safe.
void CountFault(FaultKind kind);

}  // namespace marquet::file
