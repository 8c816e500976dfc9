// Which pages of a walk are which column's, row group after row group.
//
// Pages come in the order of the schema's leaves, row group by row group, and say neither which leaf they are
// of nor where a row group ends. What decides:
//
//   - all leaves of a row group have the same number of rows;
//   - a dictionary page begins a chunk, and so does a page that does not follow another one directly;
//   - a chunk's own metadata, where a writer leaves it behind the chunk (ChunkTrailer), says all of it;
//   - encodings, sizes and, where that leaves more than one way to read the pages, what is in them, fit the
//     leaf's type and levels (page_probe_internal.h);
//   - the way goes on: what follows can be read as a row group, too.
//
// Where all that leaves several ways (neighbouring columns of one type without dictionaries), the layout of a
// file of the same writer decides, and a note says so. Where it does not, the search ends: rows are never put
// together by guessing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/parquet/rescue/found_row_group_internal.h"
#include "marquet/parquet/rescue/page_probe_internal.h"
#include "marquet/parquet/rescue/page_walk_internal.h"
#include "marquet/parquet/rescue/row_group_layout_internal.h"

namespace marquet::pq {

// Why there is no further row group, and what is known of the one that would come next.
struct SearchEnd {
  enum class Why {
    kNothingLeft,  // the pages end with a row group
    kCut,          // they end before every column has a page
    kAmbiguous,    // there is more than one way to read them
    kMisfit,       // there is none
  };
  Why why = Why::kNothingLeft;
  int row_group = 0;
  int64_t page = 0;    // the first one that belongs to no row group found
  int64_t rows = -1;   // of the next row group, -1 when that is not known
  std::string column;  // kCut: where the pages end
  std::string reason;
};

// Belongs to one thread at a time.
class RowGroupSearch {
 public:
  // `layout` is called when it is needed, at most once; it gives nothing when none is known. All must outlive
  // the search.
  RowGroupSearch(PageWalk& walk, PageProbe& probe, const ::parquet::SchemaDescriptor& schema,
                 std::function<arrow::Result<std::optional<RowGroupLayout>>()> layout);

  // The next row group, or nothing when the search has ended. The last one may be incomplete: all of its
  // chunks but the last are whole. Pages before it are forgotten.
  arrow::Result<std::optional<FoundRowGroup>> Next();

  const SearchEnd& end() const { return end_; }
  const std::vector<std::string>& notes() const { return notes_; }  // on what was decided by a layout

 private:
  struct Chunk {
    int64_t first = 0;  // pages, by number
    int64_t end = 0;
    int64_t rows = 0;
    bool whole = true;
  };
  // One way to read the pages from some place on: as one row group.
  struct Reading {
    int64_t rows = -1;  // -1 when the pages end before that is known
    std::vector<Chunk> chunks;
    int64_t next = 0;
    bool complete = false;

    bool useful(int leaves) const;  // whether some rows have all columns
  };
  struct Taken {
    Chunk chunk;
    std::string objection;  // empty when the chunk could be taken
  };

  arrow::Result<std::vector<Reading>> Narrowed();
  arrow::Result<std::vector<Reading>> Enumerate(int64_t begin);
  arrow::Result<std::vector<Chunk>> FirstChunks(int64_t begin);
  arrow::Result<std::optional<Reading>> ReadOn(Chunk first);
  arrow::Result<Taken> TakeChunk(int leaf, int64_t begin, int64_t rows);
  arrow::Result<std::string> Add(int leaf, const WalkedPage& page, const WalkedPage* dictionary,
                                 Chunk* chunk);
  arrow::Result<bool> GoesOn(int leaf, int64_t page, const WalkedPage* dictionary);
  std::string TrailerObjection(int leaf, const Chunk& chunk);

  arrow::Result<bool> ContentFits(const Reading& reading);
  arrow::Result<bool> LeadsOn(const Reading& reading, int depth);
  arrow::Status Choose(std::vector<Reading>* readings);
  arrow::Status LoadLayout();
  bool AllowsFirst(const Chunk& chunk) const;
  arrow::Result<bool> Allowed(const Reading& reading);
  arrow::Result<std::optional<FoundRowGroup>> Take(const Reading& reading);
  void Object(int64_t page, int leaf, std::string objection);
  arrow::Result<const WalkedPage*> DictionaryOf(const Chunk& chunk);
  const ::parquet::ColumnDescriptor& Leaf(int leaf) const;

  PageWalk& walk_;
  PageProbe& probe_;
  const ::parquet::SchemaDescriptor& schema_;
  const int leaves_;
  std::function<arrow::Result<std::optional<RowGroupLayout>>()> read_layout_;
  std::optional<RowGroupLayout> layout_;

  bool trailers_ = false;  // a row group had metadata behind each of its chunks
  int64_t begin_ = 0;      // the first page that belongs to no row group yet
  int row_group_ = 0;
  bool ended_ = false;
  SearchEnd end_;
  std::vector<std::string> notes_;

  int64_t steps_ = 0;            // pages looked at for the current row group
  bool exhausted_ = false;       // there were more ways than can be tried
  bool by_layout_ = false;       // only row groups that the layout has are tried
  std::set<int64_t> dead_ends_;  // pages where no row group can begin
  // The objection that was met farthest on, for the error when there is no way.
  int64_t objected_page_ = -1;
  std::string objection_;
};

}  // namespace marquet::pq
