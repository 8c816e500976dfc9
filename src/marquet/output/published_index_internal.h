// What a rolling writer and the attempts before it have published, by chunk and by name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "marquet/output/writer_manifest.h"

namespace marquet::output {

// Not thread safe.
class PublishedIndex {
 public:
  void Add(const PublishedUnit& unit);
  // Adds what another knows, without any memory: for what must not fail any more.
  void Merge(PublishedIndex more) noexcept;

  bool Has(int64_t chunk) const { return chunks_.contains(chunk); }
  std::vector<int64_t> Chunks() const;  // ascending

  // Records of the chunks before the first that is missing, and of everything.
  int64_t RecordsInFront() const;
  int64_t AllRecords() const;

  // The files of an output name: it, or its parts in order; none for a new one. With a chunk only that
  // chunk's files are meant, without one those that belong to none.
  std::vector<std::string> FilesOf(const std::string& name, std::optional<int64_t> chunk) const;

 private:
  struct Chunk {
    int64_t records = 0;
    std::set<std::string> files;
  };
  std::map<int64_t, Chunk> chunks_;
  Chunk rest_;  // what has no chunk
};

}  // namespace marquet::output
