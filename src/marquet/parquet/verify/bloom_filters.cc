#include <algorithm>
#include <iterator>
#include <map>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/text.h"
#include "marquet/parquet/format/between_chunks_internal.h"
#include "marquet/parquet/verify/bloom_filters_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

constexpr int64_t kLongestFilterHeader = 64;  // a number and three structures with nothing in them

// What is wrong with the filter that lies in these bytes by the footer's word; empty where nothing is.
arrow::Result<std::string> FaultOfFilter(arrow::io::RandomAccessFile& file, int64_t footer_begin,
                                         ByteRange claimed) {
  if (claimed.begin < kMagicBytes || claimed.begin >= footer_begin ||
      claimed.length() > footer_begin - claimed.begin) {
    return fmt::format(
        "the footer has a Bloom filter at bytes {} to {}; expected it between byte {} and the "
        "footer at byte {}",
        WithCommas(claimed.begin), WithCommas(claimed.end), kMagicBytes, WithCommas(footer_begin));
  }
  ARROW_ASSIGN_OR_RAISE(
      const auto buffer,
      file.ReadAt(claimed.begin, std::min(kLongestFilterHeader, footer_begin - claimed.begin)));
  const auto size = ParseBloomFilterSize({buffer->data(), static_cast<size_t>(buffer->size())});
  if (!size.ok()) {
    return "the footer has a Bloom filter here, and no header of one is: " + size.status().message();
  }
  if (*size == claimed.length()) return std::string();
  return fmt::format("the footer has a Bloom filter of {} bytes here; by its own header it has {}",
                     WithCommas(claimed.length()), WithCommas(*size));
}

// Whether bytes of the range are those of another filter.
bool IsTaken(const std::map<int64_t, int64_t>& taken, ByteRange range) {
  const auto next = taken.lower_bound(range.begin);
  if (next != taken.end() && next->first < range.end) return true;
  return next != taken.begin() && std::prev(next)->second > range.begin;
}

}  // namespace

arrow::Result<BloomFilters> ReadBloomFilters(arrow::io::RandomAccessFile& file, const Footer& footer,
                                             const StopFlag* stop) {
  BloomFilters found;
  std::map<int64_t, int64_t> taken;  // ends of whole filters, by where they begin
  const ::parquet::FileMetaData& metadata = *footer.metadata;
  for (int row_group = 0; row_group < metadata.num_row_groups(); ++row_group) {
    const auto group = metadata.RowGroup(row_group);
    for (int leaf = 0; leaf < metadata.num_columns(); ++leaf) {
      const auto chunk = group->ColumnChunk(leaf);
      const auto offset = chunk->bloom_filter_offset();
      const auto length = chunk->bloom_filter_length();
      if (!offset || !length) continue;
      if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
      ByteRange claimed{*offset, *offset};
      std::string fault = "the footer has a Bloom filter whose place and length are no numbers of a file";
      if (*length >= 0 && !__builtin_add_overflow(*offset, *length, &claimed.end)) {
        ARROW_ASSIGN_OR_RAISE(fault, FaultOfFilter(file, footer.begin, claimed));
      }
      if (fault.empty() && IsTaken(taken, claimed)) {
        fault =
            "the footer has Bloom filters of two column chunks here: readers pass over rows of one of them";
      }
      if (fault.empty()) {
        found.whole.push_back(claimed);
        taken.emplace(claimed.begin, claimed.end);
      } else {
        found.faults.push_back({row_group, leaf, claimed, std::move(fault)});
      }
    }
  }
  return found;
}

}  // namespace marquet::pq
