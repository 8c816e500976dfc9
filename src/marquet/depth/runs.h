// Where a sequence of order-book rows hangs together: the runs that no window crosses.
//
// A run ends at a gap in time, and where the rows roll: where `instrument_id` or `publisher_id` changes. A
// continuous symbol rolls to the next contract, whose prices are others; rows of two venues are two books.
// What counts as one run decides which rows tensors and labels may look at together (docs/depth.md).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace marquet::depth {

// A gap is a step in time above `max_gap_ns`, or one over a whole UTC date without rows; or a step back by
// more than `max_gap_ns`, as from the end of one file to the beginning of another of the same day.
constexpr int64_t kDefaultMaxGap = int64_t{3'600} * 1'000'000'000;
constexpr int64_t kNoGaps = INT64_MAX;  // windows may cross anything
bool IsGap(int64_t before_ns, int64_t after_ns, int64_t max_gap_ns);

// Where the runs begin, ascending from 0; nothing for no rows. `rolls`: rows at which a run begins whatever
// their time, ascending; none where windows may cross rolls.
std::vector<int64_t> RunBegins(std::span<const int64_t> times_ns, int64_t max_gap_ns,
                               std::span<const int64_t> rolls = {});

// The columns that a roll shows in. A table need not have them.
inline constexpr std::array<const char*, 2> kIdentityColumns = {"instrument_id", "publisher_id"};

// Finds the rolls of rows that come batch by batch. Owned by one thread at a time.
class RollFinder {
 public:
  // Looks at the identity columns that the batch has; null is a value like others, and so is a column that
  // batches before had and this one lacks. kSchema for a column of a type that has no text, such as a list.
  arrow::Status Append(const arrow::RecordBatch& batch);

  // The rows that differ from the row before them, ascending, numbered from 0 over all batches.
  const std::vector<int64_t>& rolls() const { return rolls_; }

  // The first roll among the rows (begin, end), at which rows [begin, end) do not hang together.
  std::optional<int64_t> Within(int64_t begin, int64_t end) const;

 private:
  std::vector<int64_t> rolls_;
  int64_t rows_ = 0;
  std::array<std::string, kIdentityColumns.size()> last_;  // of the last row, as text
};

}  // namespace marquet::depth
