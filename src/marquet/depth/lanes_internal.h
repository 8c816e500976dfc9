// How many columns of 32 bits the vector loops of this room take at once.
#pragma once

#include <cstdint>

namespace marquet::depth {

inline constexpr int kLanes = 16;
using Ints = int32_t __attribute__((vector_size(kLanes * 4)));

}  // namespace marquet::depth
