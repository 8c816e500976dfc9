// What the sources of one ingest know of each other.
//
// Sources of one call never take each other's place, whichever of them was in the table before. And a dry run
// remembers what it would have put where, so that it says of the next source what the run would say.
//
// Tables are opened once a call, and what their logs say of sources is kept, so that the ten thousandth
// source costs what the first one did.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/source_files.h"
#include "marquet/ledger/range_search.h"
#include "marquet/ledger/source_description.h"
#include "marquet/ledger/source_index.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// A table as a dry run leaves it in mind.
class PlannedTable {
 public:
  bool is_new = false;  // not there yet; what follows is then known of it
  dbn::RecordKind kind = dbn::RecordKind::kMbp10;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> partition_columns;

  void Add(ledger::SourceDescription source);
  // A source that would be in it, or nothing.
  const ledger::SourceDescription* Find(const std::string& digest) const;
  // Those that may hold rows of the symbols, dates and times, by digest as a run finds them.
  std::map<std::string, const ledger::SourceDescription*> MayMeet(const ledger::SourceRanges& ranges) const;

 private:
  std::map<std::string, ledger::SourceDescription> sources_;  // by digest
  std::map<ledger::RangeKey, ledger::RangeSearch<const ledger::SourceDescription*>> by_key_;
};

// A table that the call ingests into.
struct IngestedTable {
  std::shared_ptr<table::Table> table;  // null as long as there is none
  ledger::SourceIndex sources;
};

class IngestCall {
 public:
  // `stop` may be null.
  IngestCall(std::shared_ptr<file::FileSystem> fs, const std::vector<SourceFile>& sources,
             const StopFlag* stop)
      : fs_(std::move(fs)), sources_(sources), stop_(stop) {}

  // The table at a path, at its newest version. Opened when it is first asked for; later on only what others
  // committed is read. Stays where it is as long as the call.
  arrow::Result<IngestedTable*> TableAt(const std::string& path);
  // The same without looking again.
  IngestedTable& KnownTable(const std::string& path) { return tables_[path]; }

  // Whether a source in the table is one of the call's: one that it brought, or whose bytes are those of one
  // of its files. Only files of as many bytes are hashed, once.
  arrow::Result<bool> Contains(const ledger::SourceDescription& held);
  void Brought(const std::string& digest) { digests_.insert(digest); }
  bool HasBroughtAny() const { return !digests_.empty(); }
  bool HasBrought(const std::string& digest) const { return digests_.contains(digest); }

  // What a selection found in a source that was read, and that one was not read.
  void Selected(const dbn::ReadSummary& summary);
  void NotRead() { has_read_all_ = false; }
  bool has_read_all() const { return has_read_all_; }
  bool has_matched_rows() const { return has_matched_rows_; }
  // Whether the selection's pattern of this place matches a row.
  bool HasMatched(size_t pattern) const { return pattern < matched_.size() && matched_[pattern]; }
  // What to do about a selection that selects nothing: the symbols and times that there are.
  std::string HintOf(const dbn::Selection& selection) const;

  // By the table's path; nothing but in a dry run.
  std::map<std::string, PlannedTable> planned;

 private:
  const std::shared_ptr<file::FileSystem> fs_;
  const std::vector<SourceFile>& sources_;
  const StopFlag* const stop_;
  bool has_read_all_ = true;
  bool has_matched_rows_ = false;
  std::vector<bool> matched_;
  std::set<std::string> named_symbols_;          // some of those that the sources' metadata names
  std::optional<int64_t> first_ns_, last_ns_;    // of the sources' records
  std::map<std::string, IngestedTable> tables_;  // by path
  std::set<std::string> digests_;                // of sources that the call brought
  struct File {
    const std::string* path;
    std::string digest;  // empty until it is asked for
  };
  std::optional<std::multimap<int64_t, File>>
      files_;  // the call's, by size; nothing until they are asked for
};

}  // namespace marquet::jobs
