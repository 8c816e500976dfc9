// How many faults a test program has injected: failing operations, and states of a disk after a power cut.
#pragma once

namespace marquet::file {

// Counts one. Where MARQUET_TORTURE is set, the program prints "faults injected: N" when it ends. Thread
// safe.
void CountFault();

}  // namespace marquet::file
