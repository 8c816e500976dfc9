#include "marquet/depth/runs.h"

#include <fmt/format.h>

#include <algorithm>

#include "arrow/array.h"
#include "arrow/compute/cast.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/time.h"

namespace marquet::depth {
namespace {

// Where the values of a column differ from the one before, and its first and last one as text; null is empty,
// and text stands behind a quotation mark.
struct Changes {
  std::vector<int64_t> places;
  std::string first, last;
};

template <typename Array>
Changes ChangesOf(const arrow::Array& column) {
  const auto& values = static_cast<const Array&>(column);
  const auto show = [&](int64_t i) -> std::string {
    if (values.IsNull(i)) return {};
    if constexpr (std::is_same_v<Array, arrow::StringArray>) return fmt::format("'{}", values.GetView(i));
    return fmt::format("{}", values.GetView(i));
  };
  const int64_t n = values.length();
  const bool nulls = values.null_count() > 0;
  Changes changes{{}, show(0), show(n - 1)};
  for (int64_t i = 1; i < n; ++i) {
    const bool same = nulls && (values.IsNull(i) || values.IsNull(i - 1))
                          ? values.IsNull(i) == values.IsNull(i - 1)
                          : values.GetView(i) == values.GetView(i - 1);
    if (!same) changes.places.push_back(i);
  }
  return changes;
}

arrow::Result<Changes> ChangesOf(const arrow::Array& column, const char* name) {
  switch (column.type_id()) {
    case arrow::Type::INT8:
      return ChangesOf<arrow::Int8Array>(column);
    case arrow::Type::INT16:
      return ChangesOf<arrow::Int16Array>(column);
    case arrow::Type::INT32:
      return ChangesOf<arrow::Int32Array>(column);
    case arrow::Type::INT64:
      return ChangesOf<arrow::Int64Array>(column);
    case arrow::Type::UINT8:
      return ChangesOf<arrow::UInt8Array>(column);
    case arrow::Type::UINT16:
      return ChangesOf<arrow::UInt16Array>(column);
    case arrow::Type::UINT32:
      return ChangesOf<arrow::UInt32Array>(column);
    case arrow::Type::UINT64:
      return ChangesOf<arrow::UInt64Array>(column);
    default:
      break;
  }
  const auto text = arrow::compute::Cast(column, arrow::utf8());
  if (!text.ok()) {
    return SchemaError(
        fmt::format("{} is of type {}; expected integers or text", name, column.type()->ToString()),
        "It tells where the rows go over to another instrument or venue: cast it, or leave the "
        "column out.");
  }
  return ChangesOf<arrow::StringArray>(**text);
}

}  // namespace

bool IsGap(int64_t before_ns, int64_t after_ns, int64_t max_gap_ns) {
  if (max_gap_ns == kNoGaps) return false;
  int64_t step = 0;
  if (__builtin_sub_overflow(after_ns, before_ns, &step)) return true;
  if (step > max_gap_ns || step < -max_gap_ns) return true;
  return DateOfNanos(after_ns) > DateOfNanos(before_ns) + 1;
}

std::vector<int64_t> RunBegins(std::span<const int64_t> times_ns, int64_t max_gap_ns,
                               std::span<const int64_t> rolls) {
  std::vector<int64_t> begins;
  size_t next = 0;
  for (size_t i = 0; i < times_ns.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const bool roll = next < rolls.size() && rolls[next] == row;
    next += roll;
    if (i == 0 || roll || IsGap(times_ns[i - 1], times_ns[i], max_gap_ns)) begins.push_back(row);
  }
  return begins;
}

arrow::Status RollFinder::Append(const arrow::RecordBatch& batch) {
  if (batch.num_rows() == 0) return arrow::Status::OK();
  std::vector<int64_t> found;
  for (size_t c = 0; c < kIdentityColumns.size(); ++c) {
    Changes changes;  // of a column that is not there: null throughout
    if (const auto column = batch.GetColumnByName(kIdentityColumns[c])) {
      ARROW_ASSIGN_OR_RAISE(changes, ChangesOf(*column, kIdentityColumns[c]));
    }
    if (rows_ > 0 && changes.first != last_[c]) found.push_back(rows_);
    for (const int64_t place : changes.places) found.push_back(rows_ + place);
    last_[c] = std::move(changes.last);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  rolls_.insert(rolls_.end(), found.begin(), found.end());
  rows_ += batch.num_rows();
  return arrow::Status::OK();
}

std::optional<int64_t> RollFinder::Within(int64_t begin, int64_t end) const {
  const auto roll = std::upper_bound(rolls_.begin(), rolls_.end(), begin);
  if (roll == rolls_.end() || *roll >= end) return std::nullopt;
  return *roll;
}

}  // namespace marquet::depth
