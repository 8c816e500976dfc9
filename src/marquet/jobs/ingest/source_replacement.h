// Takes away the rows of a source that come again with another, and leaves the rest of it.
//
//   1. Plan() reads, of the files that may hold such rows, the columns that say where a record belongs, and
//      counts what goes. Files of which the log's statistics prove that all rows go are not read.
//   2. Apply() has the append remove the files of which rows go. Rows that stay are written to files of their
//      own, those before and those behind what went apart, so that each file still lies in the order of time.
//
// Rows stream through: memory is bounded by a few batches. Both make what is known of the source fit: its
// rows, its ranges, and what was replaced.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/ledger/source_overlap.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

class SourceReplacement {
 public:
  // `by` is the name of the source that comes. `stop` may be null. kUnsupported when another engine has put
  // rows of the older source into files with others.
  static arrow::Result<SourceReplacement> Plan(const table::Table& table, ledger::Overlap overlap,
                                               std::string by, const StopFlag* stop);

  // The rows that go.
  const std::map<ledger::RangeKey, int64_t>& rows() const { return gone_; }
  // Of those symbols and days, the rows of the same publishers that stay: outside of the times that come.
  const std::map<ledger::RangeKey, int64_t>& left() const { return left_; }
  int64_t total() const;
  // Nothing of the source is left in its files.
  bool is_whole() const { return source_.description.rows == 0; }
  // After Apply(): what is left.
  const ledger::HeldSource& source() const { return source_; }

  arrow::Status Apply(table::Appender* append);

 private:
  struct File {
    std::shared_ptr<const delta::AddFile> file;
    int64_t goes = 0;
    bool all_goes = false;
  };
  class Cutter;

  arrow::Status Count();
  void CountLeft();
  arrow::Status CountIn(File* file, const Cutter& cutter);

  const table::Table* table_ = nullptr;
  const StopFlag* stop_ = nullptr;
  ledger::HeldSource source_;
  std::vector<File> files_;  // that may hold rows of the symbols and dates that come again
  std::vector<ledger::ReplacedRange> cuts_;
  std::map<ledger::RangeKey, int64_t> gone_;
  std::map<ledger::RangeKey, int64_t> left_;
};

}  // namespace marquet::jobs
