#include "marquet/depth/book_buffer.h"

#include <fmt/format.h>

#include <algorithm>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/util/align_util.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/int64_columns.h"

namespace marquet::depth {
namespace {

// Ten columns of one kind and side, and the features that look at them.
struct SideColumns {
  const char* prefix;
  unsigned features;
  std::array<const int64_t*, kLevels> BookRows::*side;
};
constexpr SideColumns kSides[] = {
    {"bid_px", kAllFeatures, &BookRows::bid_px},        {"ask_px", kAllFeatures, &BookRows::ask_px},
    {"bid_sz", kVolume | kVariance, &BookRows::bid_sz}, {"ask_sz", kVolume | kVariance, &BookRows::ask_sz},
    {"bid_ct", kTradeCounts, &BookRows::bid_ct},        {"ask_ct", kTradeCounts, &BookRows::ask_ct},
};

arrow::Status ReadColumn(const arrow::Array& column, const std::string& name, bool price, int64_t begin,
                         int64_t count, int64_t row, int64_t* out) {
  // -1 is refused by the tensor unless the price beside it is null, too.
  return price ? ReadPrices(column, name, begin, count, row, out)
               : ReadIntegers(column, name, begin, count, -1, out);
}

}  // namespace

std::vector<std::string> BookColumnNames(unsigned features) {
  std::vector<std::string> names;
  for (const SideColumns& columns : kSides) {
    for (int level = 0; level < kLevels && (features & columns.features) != 0; ++level) {
      names.push_back(fmt::format("{}_{:02d}", columns.prefix, level));
    }
  }
  return names;
}

BookBuffer::BookBuffer(unsigned features) {
  for (std::string& name : BookColumnNames(features)) {
    const auto* columns = std::find_if(std::begin(kSides), std::end(kSides), [&](const SideColumns& side) {
      return name.starts_with(side.prefix);
    });
    const int level = static_cast<int>(columns_.size()) % kLevels;
    columns_.push_back({std::move(name), columns->features == kAllFeatures, columns->side, level});
  }
}

arrow::Status BookBuffer::Append(const arrow::RecordBatch& batch) {
  Chunk chunk{end_, end_ + batch.num_rows(), {}};
  for (const Column& column : columns_) {
    auto array = batch.GetColumnByName(column.name);
    if (!array) {
      return SchemaError(fmt::format("there is no column {}", column.name),
                         "Depth tensors are computed from ten-level book rows (Databento's mbp-10).");
    }
    ARROW_RETURN_NOT_OK(ReadColumn(*array, column.name, column.price, 0, 0, end_, nullptr));  // the type
    ARROW_ASSIGN_OR_RAISE(array, arrow::util::EnsureAlignment(std::move(array), arrow::util::kValueAlignment,
                                                              arrow::default_memory_pool()));
    chunk.columns.push_back(std::move(array));
  }
  if (chunk.begin == chunk.end) return arrow::Status::OK();
  end_ = chunk.end;
  chunks_.push_back(std::move(chunk));
  return arrow::Status::OK();
}

void BookBuffer::DropBefore(int64_t row) {
  begin_ = std::max(begin_, row);
  while (!chunks_.empty() && chunks_.front().end <= begin_) chunks_.pop_front();
}

arrow::Result<BookRows> BookBuffer::Read(int64_t begin, int64_t count) {
  const int64_t end = begin + count;
  if (begin < begin_ || count < 1 || end > end_) {
    return InvalidInput(fmt::format("rows {} to {} are asked for; expected rows within {} to {}",
                                    WithCommas(begin), WithCommas(end), WithCommas(begin_),
                                    WithCommas(end_)));
  }
  const auto after = std::upper_bound(chunks_.begin(), chunks_.end(), begin,
                                      [](int64_t row, const Chunk& chunk) { return row < chunk.begin; });
  const auto chunk = std::prev(after);
  BookRows rows;
  rows.rows = count;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const int64_t* values =
        end <= chunk->end ? InPlace(*chunk->columns[i], begin - chunk->begin, count) : nullptr;
    if (values == nullptr) {
      const size_t place = i * static_cast<size_t>(count);
      gathered_.resize(std::max(gathered_.size(), columns_.size() * static_cast<size_t>(count)));
      ARROW_RETURN_NOT_OK(Gather(i, chunk, begin, end, gathered_.data() + place));
      values = gathered_.data() + place;
    }
    (rows.*columns_[i].side)[columns_[i].level] = values;
  }
  return rows;
}

// The values of one column, out of the chunk that holds the first of them and those after it.
arrow::Status BookBuffer::Gather(size_t column, std::deque<Chunk>::const_iterator chunk, int64_t begin,
                                 int64_t end, int64_t* out) const {
  for (const auto& [name, price, side, level] = columns_[column]; begin < end; ++chunk) {
    const int64_t count = std::min(end, chunk->end) - begin;
    ARROW_RETURN_NOT_OK(
        ReadColumn(*chunk->columns[column], name, price, begin - chunk->begin, count, begin, out));
    begin += count;
    out += count;
  }
  return arrow::Status::OK();
}

}  // namespace marquet::depth
