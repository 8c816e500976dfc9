// What a table remembers of a source file beside its rows: "_marquet/sources/ID.json". Format:
// docs/format.md.
//
// It is written, durable, before the commit that adds the source's rows, so a committed source always has
// one. One that an interrupted ingest left behind describes a source that is not in the table, and does no
// harm.
//
// Two ingests of the same bytes may be at work, with other options, and nobody knows which of them will
// commit. So none of them replaces what another wrote: who finds another description under ID.json writes
// "attempts/ID-N.json" beside it, and names N in its commit, in a txn action of the application
// AttemptAppId(ID).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "marquet/dbn/reader.h"
#include "marquet/delta/actions.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/ledger/source_ranges.h"

namespace marquet::ledger {

// The tag of a data file that names the source its rows came from, by id.
inline constexpr const char* kSourceTag = "marquet.source";
// The tag that names how many bytes that source has, in decimal: a file of another size is not in the table.
inline constexpr const char* kSourceBytesTag = "marquet.source.bytes";
// What the application id of a source's txn action begins with; its digest follows.
inline constexpr std::string_view kSourceAppPrefix = "marquet.source.";

// What one ingest was asked for of a source's bytes.
struct BroughtPart {
  std::string id;            // of the ingest
  dbn::Selection selection;  // everything, unless it was asked for a part
  int64_t matched = 0;       // the source's rows of the table's kind that it selects, whoever brought them
};

struct SourceDescription {
  std::string id;      // the digest, followed by ".N" when the same bytes were ingested for the N-th time
  std::string digest;  // XXH3-128 of the file's bytes
  std::string name;    // as the user gave it
  int64_t bytes = 0;
  dbn::RecordKind kind = dbn::RecordKind::kMbp10;
  int64_t rows = 0;  // of this kind
  dbn::ReadSummary summary;
  SourceRanges ranges;
  // What was asked for. The rows are those of the part that no earlier part selects, unless the same bytes
  // were to come again.
  BroughtPart part;
  std::vector<BroughtPart>
      earlier;  // that were in the table when this one came, in the order of their coming

  // Whether records of the source that would be rows are not among those that this ingest brought.
  bool is_partial() const { return summary.selection.not_selected > 0; }
  // All that is told to be in the table of these bytes: `earlier`, and `part`.
  std::vector<BroughtPart> Parts() const;
};

// Whether one of them, by itself, selects all that a selection does.
bool AnyCovers(const std::vector<BroughtPart>& parts, const dbn::Selection& selection);
// "symbols ES*; symbols NQH4 at times from 2024-01-02T00:00:00Z".
std::string SelectionsOf(const std::vector<BroughtPart>& parts);

// The application id under which the log keeps a source's txn action. Its version is odd while the source's
// rows are in the table and even once they were replaced; each further ingest of the same bytes adds two.
std::string SourceAppId(std::string_view digest);
std::string SourceId(std::string_view digest, int64_t transaction_version);
// Whether an id is of an ingest of these bytes.
bool IsIngestOf(std::string_view id, std::string_view digest);
// The id of the source that a data file's rows came from; empty where it does not say.
std::string SourceOf(const delta::AddFile& file);
// The version of a table's txn action raised by 1 or 2; kCorruptData where Marquet cannot have committed it:
// below 0, and where there is none above it.
arrow::Result<int64_t> RaisedVersion(const std::string& table, const delta::Transaction& stored, int by);

std::string ToJson(const SourceDescription& description);
// kCorruptData, naming path, line and column, for text that is no description, and for one whose bytes have
// another digest than the one at its end.
arrow::Result<SourceDescription> SourceDescriptionFromJson(std::string json, const std::string& path);

// Durable when it returns OK: with the number of the attempt, for the commit to name, where it is not the
// first that writes one. `snapshot`: that the commit begins at.
arrow::Result<std::optional<int64_t>> WriteSourceDescription(const std::shared_ptr<file::FileSystem>& fs,
                                                             const std::string& table,
                                                             const delta::Snapshot& snapshot,
                                                             const SourceDescription& description);
// As the snapshot names it. kNotFound when there is none; kCorruptData for an id that none can have, which
// would be a path to anywhere, and for a description of another source.
arrow::Result<SourceDescription> ReadSourceDescription(file::FileSystem& fs, const std::string& table,
                                                       const delta::Snapshot& snapshot,
                                                       const std::string& id);
// The ids of all that lie there, those of interrupted ingests too, sorted.
arrow::Result<std::vector<std::string>> ListSourceDescriptions(file::FileSystem& fs,
                                                               const std::string& table);
// The file's path, relative to the table: of the first attempt, or as the snapshot names it.
std::string SourceDescriptionPath(const std::string& id);
std::string SourceDescriptionPath(const delta::Snapshot& snapshot, const std::string& id);
std::string AttemptAppId(std::string_view id);

// Writes a text under the first number above that of the application's txn action in the snapshot which has
// no file yet, and gives the number: an attempt that did not commit may have others. Durable when it returns
// OK.
arrow::Result<int64_t> WriteNumbered(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                     const delta::Snapshot& snapshot, const std::string& app_id,
                                     const std::function<std::string(int64_t number)>& path_of,
                                     std::string_view text);

}  // namespace marquet::ledger
