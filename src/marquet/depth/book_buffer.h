// Order-book rows out of Arrow batches, read where they lie.
//
// Takes the columns by Databento's names ({bid,ask}_{px,sz,ct}_00..09); only those that the features need are
// looked at. What their types may be is said in int64_columns.h. Batches are kept, not copied: rows that lie
// in one batch as int64 without a null are read in place, all others are put together when they are asked
// for. The memory of the batches must not change while they are kept; Arrow's own does not, that of a NumPy
// array behind an Arrow array could. Owned by one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {

// The names of the columns that a tensor of these features needs.
std::vector<std::string> BookColumnNames(unsigned features);

class BookBuffer final : public BookSource {
 public:
  explicit BookBuffer(unsigned features);

  // Adds rows at the end. kSchema when a column is missing or of a type that does not fit; then nothing is
  // added.
  arrow::Status Append(const arrow::RecordBatch& batch);

  // Forgets the rows before `row`, which is at most end(). Memory goes batch by batch.
  void DropBefore(int64_t row);

  // Rows are numbered in the order of Append, from 0.
  int64_t begin() const override { return begin_; }
  int64_t end() const override { return end_; }
  arrow::Result<BookRows> Read(int64_t begin, int64_t count) override;

 private:
  // A column by its name, and where BookRows has it.
  struct Column {
    std::string name;
    bool price;
    std::array<const int64_t*, kLevels> BookRows::*side;
    int level;
  };
  struct Chunk {
    int64_t begin, end;
    std::vector<std::shared_ptr<arrow::Array>> columns;  // as columns_
  };
  arrow::Status Gather(size_t column, std::deque<Chunk>::const_iterator chunk, int64_t begin, int64_t end,
                       int64_t* out) const;

  std::vector<Column> columns_;
  std::deque<Chunk> chunks_;  // none of them empty
  int64_t begin_ = 0, end_ = 0;
  std::vector<int64_t> gathered_;  // of the last Read
};

}  // namespace marquet::depth
