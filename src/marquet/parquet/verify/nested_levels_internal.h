// The levels of the leaves of nested columns, looked at while values are decoded.
//
// Levels say how values make lists and structs (Dremel; parquet.thrift, "Nested Encoding"). They can be put
// together when two things hold. In each leaf an entry that goes on with a list follows an entry of the same
// list. And neighbouring leaves tell the same of the groups that they share: a leaf's entries down to the
// repetition of the innermost one, their definition cut at it, are the same in both. Where this holds,
// putting them together cannot fail; where it does not, only doing so tells whether a reader takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "marquet/base/hash.h"

namespace parquet {
class SchemaDescriptor;
}

namespace marquet::pq {

// Of one leaf in one row group.
struct LevelSummary {
  bool sound = false;  // each entry goes on with a list that is there
  // Digests of what it tells of the groups that it shares with the leaf before and behind it. Empty where
  // that is of another column.
  std::string shared_before, shared_behind;
};

// Not thread safe.
class LeafLevels {
 public:
  LeafLevels(const ::parquet::SchemaDescriptor& schema, int leaf);

  // Entries in their order. Levels of a leaf that has no such ones are not looked at.
  void Add(const int16_t* definition, const int16_t* repetition, int64_t count);

  LevelSummary Summary() const;

 private:
  struct Shared {
    int16_t repetition = 0, definition = 0;  // of the innermost group
    Xxh3Digest digest;
  };
  static std::optional<Shared> SharedWith(const ::parquet::SchemaDescriptor& schema, int leaf, int neighbour);
  void AddTo(Shared* shared, const int16_t* definition, const int16_t* repetition, int64_t count);

  int16_t most_definition_ = 0, most_repetition_ = 0;
  std::vector<int16_t> item_;  // by repetition: the least definition of an entry with an item in that list
  int16_t last_definition_ = -1;
  bool sound_ = true;
  std::optional<Shared> before_, behind_;
  std::vector<uint32_t> packed_;
};

// Whether a leaf is inside of another column.
bool IsInside(const ::parquet::SchemaDescriptor& schema, int leaf);

}  // namespace marquet::pq
