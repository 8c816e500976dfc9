// A number of a record, wherever it stands: fields are little-endian, and need not be aligned.
#pragma once

#include <cstdint>
#include <cstring>

namespace marquet::dbn {

template <typename T>
T Load(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

}  // namespace marquet::dbn
