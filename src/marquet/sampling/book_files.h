// The data files of a book, as the sequences of its symbols need them: what the log and the files tell is
// read once, however many symbols are asked for. Internal to the room.
//
// Files are found by partition value, by the log's bounds of `symbol`, and, from the second symbol on, by the
// symbols that they hold: each is looked through for these once. Owned by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/table/reader_cache.h"
#include "marquet/table/table.h"

namespace marquet::sampling {

struct BookFile {
  std::string path;
  std::string source;  // the digest of the source file, or the data file's path
  int64_t size = 0;
  std::optional<int64_t> rows;
  int64_t first_time = 0, last_time = 0;  // bounds of the time column, of all symbols
  int64_t first_row = 0;                  // of source_row
  std::map<std::string, std::shared_ptr<arrow::Scalar>> partition;

  std::optional<std::string> least_symbol, greatest_symbol;  // bounds, where the log has them
  std::optional<std::vector<uint32_t>> symbols;              // by number, ascending, once looked for
};

// The source of a data file's rows: the digest that its tag tells, or its path.
const std::string& SourceOf(const delta::AddFile& file);

bool PartitionedBySymbol(const delta::Snapshot& snapshot);

class BookFiles {
 public:
  // kSchema for a table without a column of times.
  static arrow::Result<std::shared_ptr<BookFiles>> Of(const table::Table& book);

  // The files that may hold rows of a symbol, in the log's order.
  arrow::Result<std::vector<const BookFile*>> With(const std::string& symbol, const StopFlag* stop);

  // Open, or opened again when many others were meanwhile.
  arrow::Result<std::shared_ptr<pq::FileReader>> Open(const BookFile& file);

  const std::string& time_column() const { return time_column_; }

 private:
  explicit BookFiles(const table::Table& book) : readers_(book.fs()) {}
  arrow::Status LookForSymbols(BookFile& file, const StopFlag* stop);

  table::ReaderCache readers_;
  std::string time_column_;
  std::vector<BookFile> files_;
  bool partitioned_ = false;                                           // by symbol
  std::unordered_map<std::string, std::vector<size_t>> of_partition_;  // files by symbol, where partitioned_
  std::unordered_map<std::string, uint32_t> numbers_;                  // of the symbols seen
  std::optional<std::string> first_asked_;
};

}  // namespace marquet::sampling
