#include "marquet/parquet/decode/flat_chunk_internal.h"

namespace marquet::pq {

bool AllDefined(std::span<const uint8_t> levels, int64_t values) {
  uint64_t header = 0;
  size_t at = 0;
  for (int shift = 0; at < levels.size() && shift < 35; shift += 7) {
    const uint8_t byte = levels[at++];
    header |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) {
      return (header & 1) == 0 && static_cast<int64_t>(header >> 1) >= values && at < levels.size() &&
             levels[at] == 1;
    }
  }
  return false;
}

}  // namespace marquet::pq
