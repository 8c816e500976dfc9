// Memory of a thread that one page after another is made in: fresh memory would have to be touched for the
// first time, which takes longer than encoding into it.
#pragma once

#include <cstdint>
#include <vector>

namespace marquet::pq {

enum class Scratch { kValues, kChanges, kBody, kCompressed };

// At least so many bytes, aligned for any number, with what they held before. Valid until the thread's next
// call for the same use.
uint8_t* ScratchMemory(Scratch use, int64_t bytes);

// Empties what a column keeps from one row group to the next, and gives back the memory of one that has grown
// large: it would be held, in every column of every open file, while there is nothing in it.
template <typename T>
void GiveBack(std::vector<T>* kept) {
  constexpr size_t kKeptBytes = 4096;
  if (kept->capacity() * sizeof(T) > kKeptBytes) *kept = std::vector<T>();
  kept->clear();
}

}  // namespace marquet::pq
