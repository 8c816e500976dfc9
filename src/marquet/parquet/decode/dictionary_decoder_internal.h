// Values out of a dictionary and the indices into it, of fixed-width types.
//
// Format: parquet-format, Encodings.md, "Dictionary Encoding" and "Run Length Encoding / Bit-Packing Hybrid".
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "arrow/status.h"
#include "marquet/parquet/decode/hybrid_decoder_internal.h"
#include "marquet/parquet/decode/page_end_internal.h"

namespace marquet::pq {

// Belongs to one thread at a time.
template <typename T>
class DictionaryDecoder {
 public:
  // Takes the values of a dictionary page, which are plain.
  arrow::Status SetDictionary(std::span<const uint8_t> bytes, int64_t values) {
    if (values < 0 || values > static_cast<int64_t>(bytes.size() / sizeof(T))) {
      return arrow::Status::IOError("a dictionary of ", values, " values takes ", bytes.size(), " bytes");
    }
    values_.resize(static_cast<size_t>(values));
    if (values == 0) return arrow::Status::OK();  // old writers put a byte there
    std::memcpy(values_.data(), bytes.data(), values_.size() * sizeof(T));
    return CheckUsedUp(static_cast<int64_t>(bytes.size() - values_.size() * sizeof(T)));
  }

  // Takes the indices of a data page: their width in a byte, then hybrid-encoded.
  arrow::Status SetIndices(std::span<const uint8_t> bytes) {
    const int width = bytes.empty() ? 0 : bytes[0];
    if (width > 32) return arrow::Status::IOError("dictionary indices of ", width, " bits");
    indices_.Reset(bytes.subspan(bytes.empty() ? 0 : 1), width);
    return arrow::Status::OK();
  }

  arrow::Status Decode(T* out, int64_t count) {
    while (count > 0) {
      const HybridDecoder::Stretch stretch = indices_.Next(count);
      if (stretch.values == 0) return arrow::Status::IOError("the dictionary indices end too early");
      const bool found = stretch.bytes != nullptr   ? GatherBytes(stretch.bytes, stretch.values, out)
                         : stretch.pairs != nullptr ? GatherPairs(stretch.pairs, stretch.values, out)
                         : stretch.words != nullptr ? GatherWords(stretch.words, stretch.values, out)
                                                    : Fill(stretch.repeated, stretch.values, out);
      if (!found) {
        return arrow::Status::IOError("an index is beyond the end of a dictionary of ", values_.size(),
                                      " values");
      }
      out += stretch.values;
      count -= stretch.values;
    }
    return arrow::Status::OK();
  }

  // Behind the indices that were decoded.
  int64_t UnusedBytes() const { return indices_.UnusedBytes(); }

 private:
  bool GatherBytes(const uint8_t* indices, int64_t count, T* out) const {
    uint8_t greatest = 0;
    for (int64_t i = 0; i < count; ++i) greatest = std::max(greatest, indices[i]);
    if (greatest >= values_.size()) return false;
    for (int64_t i = 0; i < count; ++i) out[i] = values_[indices[i]];
    return true;
  }

  bool GatherPairs(const uint8_t* indices, int64_t count, T* out) const {
    if (values_.size() <= UINT16_MAX && GreatestPair(indices, count) >= values_.size()) return false;
    for (int64_t i = 0; i < count; ++i) out[i] = values_[LoadPair(indices, i)];
    return true;
  }

  bool GatherWords(const uint32_t* indices, int64_t count, T* out) const {
    if (GreatestWord(indices, count) >= values_.size()) return false;
    for (int64_t i = 0; i < count; ++i) out[i] = values_[indices[i]];
    return true;
  }

  bool Fill(uint32_t index, int64_t count, T* out) const {
    if (index >= values_.size()) return false;
    std::fill_n(out, count, values_[index]);
    return true;
  }

  std::vector<T> values_;
  HybridDecoder indices_;
};

}  // namespace marquet::pq
