// Room in a vector that is made before a step after which nothing may be thrown any more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace marquet {

// Adding `more` elements throws nothing then. Unlike reserve() it grows as push_back does: many small steps
// move each element a few times, not once in every step.
template <typename T>
void MakeRoom(std::vector<T>* vector, size_t more) {
  const size_t wanted = vector->size() + more;
  if (wanted > vector->capacity()) vector->reserve(std::max(wanted, 2 * vector->capacity()));
}

}  // namespace marquet
