// The table that takes in one record kind of one source, as one commit.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/dbn/reader.h"
#include "marquet/jobs/ingest/ingest.h"
#include "marquet/jobs/ingest/ingest_call.h"
#include "marquet/jobs/ingest/source_replacement.h"
#include "marquet/ledger/source_description.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// More symbols than this in the first source of a table, and it is partitioned by date alone.
inline constexpr int64_t kMostSymbolPartitions = 1'000;

struct TargetOptions {
  std::string path;
  std::string source;  // its name
  dbn::RecordKind kind;
  bool with_ts_out = false;
  std::vector<std::string> partition_by;  // of a table that is not there yet
  bool dry_run = false;
  OnOverlap on_overlap = OnOverlap::kError;
  pq::WriteOptions file;
  int jobs = 0;
  int64_t memory = 0;
  const StopFlag* stop = nullptr;
  IngestCall* call = nullptr;             // what it belongs to; outlives the target
  bool again = false;                     // these bytes may be in the table
  std::vector<dbn::Selection> held = {};  // of these bytes, that are: their rows do not come again
};

struct TargetReport {
  int64_t version = -1;
  int64_t files_written = 0;
  int64_t bytes_written = 0;
  bool already_applied = false;
  std::map<std::string, int64_t> empty_as_null;  // as table::AppendReport
  std::vector<ReplacedRows> replaced;
};

class IngestTarget {
 public:
  // `existing` is the table, or nothing when there is none yet. kSchema when it holds another kind of
  // records, kInvalidInput when `path` holds something else.
  static arrow::Result<std::unique_ptr<IngestTarget>> Open(std::shared_ptr<file::FileSystem> fs,
                                                           std::shared_ptr<table::Table> existing,
                                                           TargetOptions options);
  ~IngestTarget();  // leaves nothing visible behind unless Commit() returned OK

  arrow::Status Add(const dbn::Batch& batch);

  int64_t rows() const { return rows_; }
  // A new table would get a directory for each of more than kMostSymbolPartitions symbols.
  bool has_too_many_symbols() const { return too_many_symbols_; }
  const std::vector<std::string>& partition_columns() const { return partition_columns_; }

  // Ends the source: refuses (kInvalidInput naming both) or replaces what it overlaps with, writes its
  // description, commits. `description` comes with digest, name, bytes, summary and part, and with the parts
  // that came earlier unless the bytes may come again. kConflict when others changed meanwhile what was to be
  // replaced.
  arrow::Result<TargetReport> Commit(ledger::SourceDescription description);

 private:
  IngestTarget(std::shared_ptr<file::FileSystem> fs, TargetOptions options)
      : fs_(std::move(fs)), options_(std::move(options)), counter_(ledger::BordersAround(options_.held)) {}
  arrow::Status WriteRun();
  arrow::Status CheckPlanned(const ledger::SourceDescription& description) const;
  arrow::Status Refusal(const ledger::SourceDescription& description, const ledger::SourceDescription& other,
                        const ledger::RangeOverlap& where) const;
  arrow::Status RefusalInCall(const ledger::SourceDescription& description,
                              const ledger::SourceDescription& other,
                              const ledger::RangeOverlap& where) const;
  arrow::Status CheckOverlaps(const ledger::SourceDescription& description,
                              const std::vector<ledger::Overlap>& overlaps) const;
  arrow::Result<std::vector<SourceReplacement>> FindReplaced(const ledger::SourceDescription& description);
  arrow::Status FindEarlier(const std::vector<SourceReplacement>& replaced,
                            ledger::SourceDescription* description) const;
  void RemoveRemains();

  std::shared_ptr<file::FileSystem> fs_;
  TargetOptions options_;
  std::shared_ptr<table::Table> table_;
  std::shared_ptr<const delta::Snapshot> base_;  // that the commit is worked out from; null without a table
  std::unique_ptr<table::Appender> appender_;
  std::vector<std::string> partition_columns_;
  bool is_new_ = false;  // neither there nor planned
  bool created_ = false;
  bool committed_ = false;
  bool direct_ = false;  // batches of one symbol and date are a partition's
  bool sorted_ = false;  // rows are sorted by symbol within each date
  std::vector<int> data_columns_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> run_;
  int64_t run_bytes_ = 0;
  ledger::RangeCounter counter_;
  std::set<std::string>
      seen_;  // ids of the sources that it overlaps with, and what becomes of which is known
  bool too_many_symbols_ = false;
  int64_t rows_ = 0;
};

}  // namespace marquet::jobs
