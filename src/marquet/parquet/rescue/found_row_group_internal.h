// A row group as its pages were found, by a walk or by a footer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/util/type_fwd.h"
#include "marquet/parquet/rescue/page_walk_internal.h"

namespace marquet::pq {

struct FoundPage {
  WalkedPage page;
  int64_t rows = -1;  // that begin in it; -1 when it is not known
  // False when its first value goes on with the row of the page before; nothing when that is not known.
  std::optional<bool> begins_row = true;
  int64_t first_row = -1;    // within the row group; -1 when it is not known
  bool looked_into = false;  // and nothing wrong was found, when `damage` is empty
  std::string damage;        // why its values cannot be used
};

struct FoundChunk {
  arrow::Compression::type codec = arrow::Compression::UNCOMPRESSED;
  std::optional<WalkedPage> dictionary;
  std::vector<FoundPage> pages;  // those with data, in order
  bool whole = true;             // no page is missing behind the last one
};

struct FoundRowGroup {
  int number = 0;
  int64_t rows = -1;               // of all of it; -1 when it is not known
  std::vector<FoundChunk> chunks;  // by leaf: all of them
};

}  // namespace marquet::pq
