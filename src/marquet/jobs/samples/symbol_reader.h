// The rows of one symbol at a time, as building samples looks at them. Internal to the room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/sampling/book_sequence.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// Of all rows of a symbol, what labels need: 40 bytes a row, with the moves.
struct Quotes {
  std::vector<int64_t> bid, ask, time;
  std::vector<int64_t> rolls;  // rows of another instrument or publisher than the one before (depth/runs.h)
};

// Some rows of a symbol's sequence.
struct PickedRows {
  std::vector<int64_t> times, sequences, source_rows;
  std::vector<std::string> sources;
};

// (source, source_row) of each row of a symbol's sequence.
struct RowNames {
  struct Part {
    int64_t begin = 0;  // its first row; it ends where the next begins
    std::string source;
  };
  std::vector<Part> parts;  // rows of one source that follow each other, in order
  std::vector<int64_t> source_rows;

  size_t PartOf(int64_t row) const;
};

class SymbolReader {
 public:
  // `where` (SQL, empty for all): rows for which it is not true are no part of any sequence. `memory` bounds
  // what the quotes of one symbol may take. `stop` may be null.
  static arrow::Result<SymbolReader> Make(std::shared_ptr<table::Table> book, const std::string& where,
                                          int64_t memory, ProgressCallback progress, const StopFlag* stop);

  arrow::Result<sampling::BookSequence> Open(const std::string& symbol,
                                             std::vector<std::string> columns) const;
  arrow::Result<Quotes> ReadQuotes(const std::string& symbol) const;
  // `rows`: positions in the sequence, ascending.
  arrow::Result<PickedRows> Pick(const std::string& symbol, const std::vector<int64_t>& rows) const;

  arrow::Result<RowNames> ReadNames(const std::string& symbol) const;

  // For a sequence that ends before it should.
  arrow::Status RowsWentMissing(const std::string& symbol) const;

 private:
  std::shared_ptr<table::Table> book_;
  std::shared_ptr<sampling::BookFiles> files_;  // of all symbols
  predicate::Predicate where_;
  std::string time_column_;
  int64_t memory_ = 0;
  ProgressCallback progress_;
  const StopFlag* stop_ = nullptr;
};

}  // namespace marquet::jobs
