// The columns of one record kind, filled from records a chunk at a time: the transposition of rows to
// columns.
//
// A chunk is some hundred records that lie in the processor's cache; each field is gathered from all of them
// in one loop before the next. A null bitmap exists only in columns that met a sentinel. Buffers come from a
// BufferRecycler and grow fourfold. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/layout.h"
#include "marquet/dbn/recycler.h"
#include "marquet/dbn/symbols.h"

namespace marquet::dbn {

constexpr size_t kChunkRecords =
    1024;  // the widest hot kind fills some 370 kB with them: a second-level cache

// What the reader knows of some records besides their bytes; the first `size` entries of each array.
struct Chunk {
  static constexpr int64_t kNoTime = INT64_MIN;

  size_t size = 0;
  std::array<const uint8_t*, kChunkRecords> records;
  std::array<int64_t, kChunkRecords> ts;      // us since 1970; kNoTime: unknown
  std::array<int32_t, kChunkRecords> date;    // SymbolIndex::kNoDate: unknown
  std::array<int32_t, kChunkRecords> symbol;  // SymbolIndex::kUnmapped
  std::array<int64_t, kChunkRecords> source_row;
};

struct ColumnSetOptions {
  RecordKind kind;
  int version;
  bool ts_out;
  OnTimeOverflow on_time_overflow;
  int64_t initial_rows;
  int64_t most_rows;  // that a batch is going to hold
};

class ColumnSet {
 public:
  ColumnSet(const ColumnSetOptions& options, std::shared_ptr<BufferRecycler> recycler);

  // A value that no column can hold: which record of the chunk, and what is wrong with it.
  struct Misfit {
    size_t record;
    std::string what;
  };

  // Appends all records of the chunk. Nothing, or the first misfit (after which the set is of no use).
  arrow::Result<std::optional<Misfit>> Append(const Chunk& chunk);

  int64_t rows() const { return rows_; }
  int64_t bytes() const;  // about what the rows take
  int64_t nulled_times() const { return nulled_times_; }
  const ColumnSetOptions& options() const { return options_; }

  // The rows as a batch of TableSchema(kind, ts_out). The set is empty afterwards and starts at the capacity
  // it had reached.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(const SymbolIndex& symbols);

 private:
  struct Fixed {
    int width = 0;  // bytes a value
    std::shared_ptr<arrow::Buffer> values;
    std::shared_ptr<arrow::Buffer> validity;  // null while nothing is null
    int64_t nulls = 0;
    bool plain_chars = true;  // of character columns: no byte is NUL or above 127
  };
  struct Bound {  // a column in this version
    const Column* column;
    Place place;
    Fixed fixed;                                  // of numbers and characters
    std::unique_ptr<arrow::StringBuilder> texts;  // of text
    bool opens_level = false;                     // first of the six adjacent fields of a book level
  };

  arrow::Status Reserve(int64_t rows);
  arrow::Status Grow(Fixed& fixed, int64_t rows);
  arrow::Status MarkNull(Fixed& fixed, int64_t row);
  template <typename T>
  arrow::Status NullSentinels(Fixed& fixed, T sentinel, size_t records);
  arrow::Status AppendLevel(const Chunk& chunk, Bound* bounds);
  arrow::Status AppendNumbers(const Chunk& chunk, Bound& bound, std::optional<Misfit>& misfit);
  arrow::Status AppendTimes(const Chunk& chunk, const char* name, int offset, Fixed& fixed,
                            std::optional<Misfit>& misfit);
  arrow::Status AppendTexts(const Chunk& chunk, Bound& bound);
  arrow::Status AppendReserved(const Chunk& chunk);
  arrow::Status AppendDerived(const Chunk& chunk);
  arrow::Result<std::shared_ptr<arrow::ArrayData>> FinishBound(Bound& bound,
                                                               const std::shared_ptr<arrow::DataType>& type);
  std::shared_ptr<arrow::ArrayData> FinishFixed(Fixed& fixed, const std::shared_ptr<arrow::DataType>& type);
  arrow::Result<std::shared_ptr<arrow::ArrayData>> FinishChars(Fixed& fixed);
  arrow::Result<std::shared_ptr<arrow::ArrayData>> FinishSymbols(const SymbolIndex& symbols);
  void StartOver();

  ColumnSetOptions options_;
  std::shared_ptr<BufferRecycler> recycler_;
  const KindLayout& layout_;
  std::vector<Bound> bounds_;
  Fixed ts_out_, ts_, date_, symbol_, source_row_;
  std::unique_ptr<arrow::BinaryBuilder> reserved_;
  std::vector<bool> keep_whole_;  // by record of the chunk: text that its column does not carry whole
  std::string reserved_scratch_;
  int64_t rows_ = 0;
  int64_t capacity_ = 0;
  int64_t next_capacity_;
  int64_t fixed_row_bytes_ = 0;
  std::vector<Bound*> text_bounds_;
  int64_t nulled_times_ = 0;
};

}  // namespace marquet::dbn
