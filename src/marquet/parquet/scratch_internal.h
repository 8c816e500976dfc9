// Memory of a thread that one page after another is made in: fresh memory would have to be touched for the
// first time, which takes longer than encoding into it.
#pragma once

#include <cstdint>

namespace marquet::pq {

enum class Scratch { kValues, kChanges, kBody, kCompressed };

// At least so many bytes, aligned for any number, with what they held before. Valid until the thread's next
// call for the same use.
uint8_t* ScratchMemory(Scratch use, int64_t bytes);

}  // namespace marquet::pq
