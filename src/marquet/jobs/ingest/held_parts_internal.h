// What tables hold of a source's bytes before they are read: all that is asked for, and nothing is to be
// done; or parts, whose rows do not come a second time.
//
//   1. FindHeldBytes() looks, at the tables' newest versions.
//   2. Rows that the parts select are left out of the reading (LeaveOut).
//   3. Once all is read, the parts must be of these bytes still, and select as many rows as they did when
//      they came (Check); and the tables must hold as many parts as in 1 (CameMeanwhile).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/dbn/reader.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/candidate_table_internal.h"
#include "marquet/jobs/ingest/ingest.h"
#include "marquet/jobs/ingest/ingest_call.h"
#include "marquet/jobs/ingest/source_files.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_description.h"

namespace marquet::jobs {

// The parts that are held, by table. Not thread safe.
class HeldParts {
 public:
  void Add(const CandidateTable& table, const ledger::SourceDescription& newest);

  // Empty for a table that holds none.
  std::vector<ledger::BroughtPart> Of(const std::string& table) const;

  void LeaveOut(dbn::ReadOptions* read) const;

  // What went of the rows that they brought, as the call knows the tables.
  arrow::Result<ledger::SourceLosses> Losses(file::FileSystem* fs, IngestCall* call) const;

  // Of a source that was read to its end: kConflict when it was changed since it was looked for,
  // kInvalidInput when a part selects another number of rows now. Then symbols are told otherwise, and the
  // rows that the part did not bring are others, too.
  arrow::Status Check(const SourceFile& source, const ledger::SourceDescription& description) const;

  // Whether the table holds by now all that is selected of these bytes. kConflict when it holds other parts
  // than when it was looked at, and of standard input, which cannot be read again, kInvalidInput.
  arrow::Result<bool> CameMeanwhile(const CandidateTable& table, const SourceFile& source,
                                    const std::string& digest, const dbn::Selection& selection) const;

 private:
  struct Held {
    int64_t times;  // as CandidateTable::TimesOf
    dbn::RecordKind kind;
    std::vector<ledger::BroughtPart> parts;
  };
  std::map<std::string, Held> tables_;
  std::string digest_;
};

// A source of which each of some tables holds all that is selected.
struct HeldInAll {
  int64_t version = -1;              // of the first of the tables
  ledger::SourceDescription source;  // there
  ledger::SourceLosses losses;       // in all of them

  // GoneMeanwhile() where one holds nothing of these bytes. `source`: its name.
  static arrow::Result<HeldInAll> Of(const std::vector<CandidateTable>& tables, const std::string& digest,
                                     const std::string& source);
};

struct HeldBytes {
  std::optional<HeldInAll> all;  // where nothing is to be done
  HeldParts parts;
};

// `bytes`: the source's size. A file is hashed where the answer may be yes, which costs a small part of
// decoding it; whether it may be, its size tells. Nothing is held of standard input, and of bytes that are to
// come again. Errors: those of reading tables and source, and GoneMeanwhile().
arrow::Result<HeldBytes> FindHeldBytes(file::FileSystem* fs, const IngestOptions& options,
                                       const SourceFile& source, int64_t bytes, IngestCall* call);

}  // namespace marquet::jobs
