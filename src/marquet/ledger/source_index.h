// What the log of a table says of the sources in it, kept from one source of an ingest to the next.
//
// A snapshot shares all but a few files with the one before it, so Update() looks at those alone. Statistics
// are parsed once, and only of files whose partition an incoming source fills, too. Not thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/ledger/range_search.h"
#include "marquet/ledger/source_ranges.h"

namespace marquet::ledger {

class SourceIndex {
 public:
  using File = std::shared_ptr<const delta::AddFile>;

  // Moves to another snapshot of the same table, a newer one or not.
  void Update(std::shared_ptr<const delta::Snapshot> snapshot);

  // Files that, by their partition and their statistics of `ts`, may hold rows in the ranges.
  struct Candidates {
    std::set<std::string> sources;  // the ids of theirs
    bool unmarked = false;          // one of them does not say whose rows it holds
  };
  Candidates MayMeet(const SourceRanges& ranges);

  // The live files whose rows came from a source.
  std::vector<File> FilesOf(const std::string& id) const;
  // The ids with live files that are ingests of the same bytes.
  std::vector<std::string> IdsOf(const std::string& digest) const;

  // False when none of the sources that the table holds is of so many bytes: then it does not hold a file of
  // that size, whatever its digest. Reads the descriptions of a few sources of which the log does not tell.
  bool MayHoldBytes(file::FileSystem& fs, const std::string& table, int64_t bytes);
  // A commit that brought a source, which need not be looked at again.
  void Brought(int64_t version, int64_t bytes);

 private:
  struct Source {
    std::vector<File> files;       // in the order in which they came
    std::optional<int64_t> bytes;  // of the file that it came from
  };
  // Of files of one symbol and date.
  struct Partition {
    std::vector<File> unread;  // of which the statistics were not asked for yet
    RangeSearch<File> read;    // by microseconds of `ts`
  };

  void Add(const File& file);
  void Remove(const File& file);
  std::optional<int64_t> BytesOf(const std::string& digest) const;
  void CountBytes();

  std::shared_ptr<const delta::Snapshot> snapshot_;
  std::map<std::string, Source> sources_;        // by id; those of rows that no file marks under ""
  std::map<std::string, Partition> partitions_;  // by PartitionKey
  std::set<std::pair<bool, bool>> told_;         // whether partitions tell symbol and date

  int64_t counted_version_ = -1;              // of the snapshot that these are known of
  std::unordered_set<int64_t> bytes_;         // of held sources
  std::map<std::string, int64_t> uncounted_;  // other held sources: transaction versions by digest
};

}  // namespace marquet::ledger
