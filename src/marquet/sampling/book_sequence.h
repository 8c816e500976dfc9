// The order-book rows of one symbol out of a table, in the order of their sources.
//
// Files are put in the order of their time statistics, and where these interleave, in that of the times of
// the first row of each that is part of the sequence: what other symbols a file holds besides decides
// nothing. Rows of one file stay in the order of `source_row`, the record's place in its source. So a row's
// position in the sequence follows from the table's version alone, and (source, source_row) names a row for
// good. Owned by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/sampling/book_files.h"
#include "marquet/table/table.h"

namespace marquet::sampling {

// Rows of one file.
struct SequenceBatch {
  std::shared_ptr<arrow::RecordBatch> rows;  // the columns asked for, in stored types
  std::string source;                        // the digest of the source file, or the data file's path
};

// The symbols that a table holds, sorted; null is left out. `filter` (empty: all) names those wanted;
// kNotFound for one that the table does not hold.
arrow::Result<std::vector<std::string>> BookSymbols(const table::Table& book,
                                                    const std::vector<std::string>& filter);

// The sources of its rows, as SequenceBatch names them.
std::set<std::string> BookSources(const table::Table& book);

// The column that orders rows and shows gaps: ts_recv where the table has it, else ts_event. kSchema without
// either.
arrow::Result<std::string> TimeColumn(const table::Table& book);

class BookSequence {
 public:
  // Reads `columns` and source_row of the rows of `symbol` for which `where` (not bound yet) is true: the
  // others are no part of the sequence. `stop` may be null. Who reads many symbols of a table keeps its
  // `files`, which the sequence holds on to.
  static arrow::Result<BookSequence> Open(const table::Table& book, std::shared_ptr<BookFiles> files,
                                          const std::string& symbol, std::vector<std::string> columns,
                                          const StopFlag* stop, const predicate::Predicate& where = {});
  static arrow::Result<BookSequence> Open(const table::Table& book, const std::string& symbol,
                                          std::vector<std::string> columns, const StopFlag* stop,
                                          const predicate::Predicate& where = {});

  // Nothing at the end. kUnsupported when rows of a file do not stand in the order of source_row.
  arrow::Result<std::optional<SequenceBatch>> Next();

  // Rows of the files by the log's statistics (all symbols of a file counted), for progress and limits.
  int64_t rows_at_most() const { return rows_at_most_; }

 private:
  struct File {
    const BookFile* told = nullptr;
    int64_t first_time = 0,
            first_row = 0;  // of the file's rows, or, where it was looked into, the sequence's
  };
  void SortFiles();
  // Sets what is read and what comes out: columns_, read_ and stored_.
  void Choose(const table::Table& book, std::vector<std::string> columns);
  arrow::Status PlaceInterleaved(const table::Table& book);
  arrow::Status OpenFile();
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Select(std::shared_ptr<arrow::RecordBatch> rows) const;

  std::shared_ptr<BookFiles> book_files_;
  std::string symbol_;
  std::vector<std::string> columns_;
  bool filter_symbol_ = false;  // the table is not partitioned by symbol
  predicate::Predicate where_;
  // columns_, and what the filters look at besides, in the table's types; those of them that lie in files.
  std::shared_ptr<arrow::Schema> stored_;
  std::vector<std::string> read_;
  const StopFlag* stop_ = nullptr;
  std::vector<File> files_;
  size_t next_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> reader_;
  int64_t last_source_row_ = -1;
  int64_t rows_at_most_ = 0;
};

}  // namespace marquet::sampling
