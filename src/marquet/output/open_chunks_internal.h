// The chunks that a rolling writer has begun and not published, and how many records each has: where records
// that are only counted go, and which chunk is full.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace marquet::output {

// A chunk that was begun: its records are rows and dropped ones.
struct OpenChunk {
  int64_t records = 0;
  int64_t dropped = 0;
  std::set<std::string> names;  // of its outputs
};

// Not thread safe.
class OpenChunks {
 public:
  // `records_per_chunk`: 0 where chunks are not counted.
  explicit OpenChunks(int64_t records_per_chunk) : per_chunk_(records_per_chunk) {}

  // The chunk of records for which `asked` is given; nothing where it is not, and chunks are not counted.
  std::optional<int64_t> ChunkOf(std::optional<int64_t> asked) const;

  // How many of `records` the chunk takes until it is full: all of them where chunks are not counted.
  int64_t Fitting(int64_t chunk, int64_t records) const;
  bool IsFull(int64_t chunk) const;
  // How many records a chunk takes, the next one without one; nothing where chunks are not counted.
  std::optional<int64_t> Room(std::optional<int64_t> chunk) const;
  int64_t RecordsOf(int64_t chunk) const;

  void AddRows(int64_t chunk, int64_t rows, const std::string& name);
  void AddDropped(int64_t chunk, int64_t records);

  // Records that are only counted go to the next chunk, where they went to this one.
  void MoveOn(int64_t chunk) { next_ += chunk == next_; }
  int64_t next() const { return next_; }

  // A null pointer for one that was not begun.
  const OpenChunk* Find(int64_t chunk) const;
  void Forget(int64_t chunk) { chunks_.erase(chunk); }

  std::vector<int64_t> All() const;  // ascending
  int64_t Dropped() const;           // records of all of them

 private:
  const int64_t per_chunk_;
  int64_t next_ = 0;
  std::map<int64_t, OpenChunk> chunks_;
};

}  // namespace marquet::output
