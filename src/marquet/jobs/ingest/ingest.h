// Source files into a table: each file one commit, exactly once, every record accounted for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/dbn/selection.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/source_files.h"
#include "marquet/parquet/format/options.h"

namespace marquet::jobs {

enum class OnOverlap { kError, kReplace, kAppendAnyway };

// What a caller knows of a file that the file does not tell.
struct SourceAbout {
  std::string name;  // that reports and errors call it by; empty: the digest of its bytes
  std::vector<dbn::SymbolMapping> mappings;  // symbol -> ids, where its own header says nothing
};

struct IngestOptions {
  std::vector<std::string> sources;  // files, directories, Databento batch folders, "-" for standard input
  std::map<std::string, SourceAbout> about;  // of some of the files, by path
  std::string table;
  bool split_by_schema = false;  // a mixed file: one table per record kind under `table`
  bool allow_truncated = false;
  bool keep_unknown = false;
  bool null_on_overflow = false;  // --on-error null
  bool again = false;             // ingest the same bytes a second time
  OnOverlap on_overlap = OnOverlap::kError;
  std::vector<std::string> partition_by;  // empty: by symbol and date, or by date alone past 1,000 symbols
  pq::WriteOptions file;
  int jobs = 0;  // threads; 0: as many as there are processors
  int64_t memory = int64_t{1} << 30;
  // Of each source. What an earlier selection of the same bytes has brought does not come twice.
  dbn::Selection selection;
  bool dry_run = false;
  ProgressCallback progress;
  const StopFlag* stop = nullptr;
};

// Rows that went because they came again: those of one older source, symbol and day.
struct ReplacedRows {
  std::string table;
  std::string source;                 // the older one's name
  std::optional<std::string> symbol;  // nothing: rows without one
  std::optional<std::string> date;
  int64_t rows = 0;
  int64_t rows_left = 0;  // of the same symbol, day and publishers that stay: outside of the times that came
};

// What one table took in of a source.
struct SourcePart {
  std::string kind;
  std::string table;
  int64_t version = -1;
  int64_t rows = 0;
};

struct SourceReport {
  std::string source;
  // "ingested", "replaced" (rows of other sources went), "skipped", "failed"; of a dry run "would ingest" and
  // "would replace" for the first two.
  std::string status;
  std::string digest;  // XXH3-128 of the file's bytes
  std::string kind;    // record kind, or "mixed"
  std::string table;
  int64_t version = -1;
  int64_t bytes = 0;
  int64_t records = 0;  // in
  // Out; records = rows + rows not selected + control + unknown. Of one that failed: that were committed.
  int64_t rows = 0;
  int64_t rows_not_selected = 0;
  int64_t rows_held = 0;   // of these, selected, but brought by an earlier selection of the same bytes
  int64_t rows_there = 0;  // of these, of tables of a split that held all of theirs already
  int64_t control_records = 0;
  int64_t unknown_records = 0;
  std::map<int, int64_t> unknown_by_rtype;
  bool unknown_kept = false;
  int64_t unmapped_rows = 0;
  int64_t nulled_times = 0;
  int64_t truncated_bytes = 0;
  int64_t truncated_records = 0;
  int64_t files_written = 0;
  int64_t bytes_written = 0;
  double seconds = 0;
  std::vector<SourcePart> parts;       // by kind, as far as they were committed (of a dry run: would be)
  std::vector<ReplacedRows> replaced;  // what went for it: rows before + rows - rows replaced = rows after
  std::string note;                    // why skipped, layout chosen, ...
  std::string error;                   // one line, for "failed"
  bool commit_unknown = false;         // "failed", and what became of its last commit could not be learnt
  std::string hint;                    // what to do about the error
};

struct IngestReport {
  std::vector<SourceReport> sources;
  int64_t not_tried = 0;  // sources behind one that failed
  // Patterns of the selection that no row in its times matches, of all sources; not said where one of them
  // was not read.
  std::vector<std::string> unmatched_symbols;
  std::vector<PassedOver> passed_over;  // what lies in folders, or was named, and is no source
  bool ok = true;                       // no source failed, and something was selected
  // Of the first source that failed, or of all of them together where nothing is selected: a line, the kind
  // of the error ("stopped" after a signal) and what to do. Empty where all went well.
  std::string error, kind, hint;
};

// Works through the sources in order and stops at the first that fails: what was committed before it stays.
// The status is not OK when nothing could be started (no such source, a target that is no table, a selection
// of nothing); a source's own failure is in the report and, as a status, in `first_error`. A source of which
// nothing is selected is skipped; where that is so of all of them, `first_error` says so (kInvalidInput).
struct IngestOutcome {
  IngestReport report;
  arrow::Status first_error;
};
arrow::Result<IngestOutcome> Ingest(std::shared_ptr<file::FileSystem> fs, IngestOptions options);

// "12 rows of a.dbn, b.dbn".
std::string RowsAndSources(const std::vector<ReplacedRows>& replaced);

// Reports as people and as machines read them.
std::string ToText(const IngestReport& report);
std::string ToJson(const IngestReport& report);

}  // namespace marquet::jobs
