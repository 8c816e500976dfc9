#include "marquet/parquet/rescue/row_group_search_internal.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "marquet/base/text.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

// How far it is looked ahead to tell ways apart: row groups, and pages looked at in all of them.
constexpr int kLookAhead = 32;
constexpr int64_t kMostSteps = int64_t{1} << 20;

bool Repeated(const ::parquet::ColumnDescriptor& column) { return column.max_repetition_level() > 0; }

// Whether only the levels tell how many rows begin in the page.
bool HidesRows(const PageHeader& header, const ::parquet::ColumnDescriptor& column) {
  return Repeated(column) && header.kind == PageKind::kData;
}

}  // namespace

RowGroupSearch::RowGroupSearch(PageWalk& walk, PageProbe& probe, const ::parquet::SchemaDescriptor& schema,
                               std::function<arrow::Result<std::optional<RowGroupLayout>>()> layout)
    : walk_(walk),
      probe_(probe),
      schema_(schema),
      leaves_(schema.num_columns()),
      read_layout_(std::move(layout)) {}

const ::parquet::ColumnDescriptor& RowGroupSearch::Leaf(int leaf) const { return *schema_.Column(leaf); }

bool RowGroupSearch::Reading::useful(int leaves) const {
  return complete || (static_cast<int>(chunks.size()) == leaves && chunks.back().rows > 0);
}

arrow::Result<std::optional<FoundRowGroup>> RowGroupSearch::Next() {
  if (ended_) return std::optional<FoundRowGroup>();
  ended_ = true;  // unless a row group is found
  dead_ends_.clear();
  objected_page_ = -1;
  objection_.clear();
  end_ = {SearchEnd::Why::kNothingLeft, row_group_, begin_, -1, {}, {}};
  ARROW_ASSIGN_OR_RAISE(const WalkedPage* const first, walk_.At(begin_));
  if (first == nullptr) return std::optional<FoundRowGroup>();

  ARROW_ASSIGN_OR_RAISE(std::vector<Reading> readings, Narrowed());
  if (exhausted_ && !by_layout_) {
    ARROW_RETURN_NOT_OK(LoadLayout());
    by_layout_ = layout_.has_value();
    if (by_layout_) {
      ARROW_ASSIGN_OR_RAISE(readings, Narrowed());
    }
  }
  if (exhausted_) {
    end_.why = SearchEnd::Why::kAmbiguous;
    end_.reason = "its pages can be read in more ways than can be tried";
    return std::optional<FoundRowGroup>();
  }
  if (readings.empty()) {
    end_.why = SearchEnd::Why::kMisfit;
    end_.reason = objection_;
    return std::optional<FoundRowGroup>();
  }
  const auto useful = [&](const Reading& reading) { return reading.useful(leaves_); };
  if (std::none_of(readings.begin(), readings.end(), useful)) {
    end_.why = SearchEnd::Why::kCut;
    if (readings.size() == 1) {
      end_.rows = readings[0].rows;
      end_.column = Leaf(static_cast<int>(readings[0].chunks.size()) - 1).path()->ToDotString();
    }
    return std::optional<FoundRowGroup>();
  }
  if (readings.size() > 1) {
    end_.why = SearchEnd::Why::kAmbiguous;
    std::string ways;
    for (size_t i = 0; i < std::min(readings.size(), size_t{3}); ++i) {
      ways += fmt::format("{}{}", i == 0 ? "" : ", ",
                          readings[i].rows < 0 ? "unfinished" : WithCommas(readings[i].rows) + " rows");
    }
    end_.reason = fmt::format(
        "its pages can be read as a row group in {} ways ({}{}), and nothing tells which "
        "is right",
        readings.size(), ways, readings.size() > 3 ? ", ..." : "");
    return std::optional<FoundRowGroup>();
  }
  ARROW_ASSIGN_OR_RAISE(auto found, Take(readings[0]));
  if (!found) return found;
  begin_ = readings[0].next;
  ++row_group_;
  ended_ = false;
  return found;
}

// The ways to read the next row group that are left after all that tells them apart.
arrow::Result<std::vector<RowGroupSearch::Reading>> RowGroupSearch::Narrowed() {
  steps_ = 0;
  exhausted_ = false;
  ARROW_ASSIGN_OR_RAISE(std::vector<Reading> readings, Enumerate(begin_));
  if (!exhausted_ && (readings.size() > 1 || by_layout_)) ARROW_RETURN_NOT_OK(Choose(&readings));
  return readings;
}

arrow::Status RowGroupSearch::LoadLayout() {
  if (!read_layout_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(layout_, std::exchange(read_layout_, nullptr)());
  return arrow::Status::OK();
}

void RowGroupSearch::Object(int64_t page, int leaf, std::string objection) {
  if (page <= objected_page_) return;
  objected_page_ = page;
  const auto at = walk_.At(page);
  objection_ = fmt::format("the page at byte {} cannot be one of column {}: {}",
                           at.ok() && *at != nullptr ? (*at)->offset : -1, Leaf(leaf).path()->ToDotString(),
                           objection);
}

arrow::Result<const WalkedPage*> RowGroupSearch::DictionaryOf(const Chunk& chunk) {
  if (chunk.first == chunk.end) return nullptr;
  ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(chunk.first));
  return page->header.kind == PageKind::kDictionary ? page : nullptr;
}

// Adds the page to the chunk, of which it is the next; or gives what is against it.
arrow::Result<std::string> RowGroupSearch::Add(int leaf, const WalkedPage& page, const WalkedPage* dictionary,
                                               Chunk* chunk) {
  ++steps_;
  std::string objection = HeaderObjection(page.header, Leaf(leaf), dictionary != nullptr);
  if (!objection.empty()) return objection;
  if (!page.header.holds_data()) {
    ++chunk->end;
    return objection;
  }
  int64_t rows = page.header.values;
  if (HidesRows(page.header, Leaf(leaf))) {
    ARROW_ASSIGN_OR_RAISE(const PageLook look, probe_.Look(page, leaf, dictionary));
    if (look.fit != PageFit::kFits) return look.why;
    if (chunk->rows == 0 && look.rows > 0 && !look.begins_row) return std::string("it does not begin a row");
    rows = look.rows;
  } else if (page.header.kind == PageKind::kDataV2) {
    rows = page.header.rows;
  }
  chunk->rows += rows;
  ++chunk->end;
  return objection;
}

// Whether that page, behind one of this leaf, can but go on with the chunk: it holds no row's beginning.
arrow::Result<bool> RowGroupSearch::GoesOn(int leaf, int64_t number, const WalkedPage* dictionary) {
  ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(number));
  if (page == nullptr || page->after_gap || !page->header.holds_data()) return false;
  if (!HeaderObjection(page->header, Leaf(leaf), dictionary != nullptr).empty()) return false;
  if (page->header.values == 0) return true;
  if (!HidesRows(page->header, Leaf(leaf))) return false;
  ARROW_ASSIGN_OR_RAISE(const PageLook look, probe_.Look(*page, leaf, dictionary));
  return look.fit == PageFit::kFits && look.rows == 0;
}

// What the metadata behind the chunk has against it, or its absence in a file that has it elsewhere.
std::string RowGroupSearch::TrailerObjection(int leaf, const Chunk& chunk) {
  if (chunk.first == chunk.end) return {};
  const ChunkTrailer* const trailer = walk_.TrailerBehind(chunk.end - 1);
  if (trailer == nullptr) {
    const auto behind = walk_.At(chunk.end);
    if (!trailers_ || (behind.ok() && *behind == nullptr)) return {};
    return "no metadata is behind its chunk, as it is behind those before";
  }
  int64_t values = 0;
  for (int64_t i = chunk.first; i < chunk.end; ++i) {
    const auto page = walk_.At(i);
    if (page.ok() && (*page)->header.holds_data()) values += (*page)->header.values;
  }
  // Writers have different names for the levels of a list, so the top-level column's has to do.
  const std::vector<std::string> path = Leaf(leaf).path()->ToDotVector();
  if (trailer->path[0] != path[0] ||
      trailer->physical_type != static_cast<int32_t>(Leaf(leaf).physical_type())) {
    return fmt::format("the metadata behind its chunk says column {}",
                       Quoted(::parquet::schema::ColumnPath(trailer->path).ToDotString()));
  }
  if (trailer->values != values) {
    return fmt::format("the metadata behind its chunk says {} values, and there are {}", trailer->values,
                       values);
  }
  return {};
}

// The chunk of a leaf that has `rows` rows, or as many as are there before the pages end.
arrow::Result<RowGroupSearch::Taken> RowGroupSearch::TakeChunk(int leaf, int64_t begin, int64_t rows) {
  Taken taken;
  Chunk& chunk = taken.chunk;
  chunk = {begin, begin, 0, true};
  const WalkedPage* dictionary = nullptr;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(chunk.end));
    const bool is_dictionary = page != nullptr && page->header.kind == PageKind::kDictionary;
    if (chunk.rows == rows) {
      // A dictionary that no value uses may still be there; so may pages that go on with the last row.
      const bool unused = rows == 0 && is_dictionary && chunk.end == begin;
      if (!unused) {
        ARROW_ASSIGN_OR_RAISE(const bool goes_on, GoesOn(leaf, chunk.end, dictionary));
        if (!goes_on) break;
      }
    }
    const bool ended = chunk.end > begin && walk_.TrailerBehind(chunk.end - 1) != nullptr;
    if (page == nullptr && !ended) {
      chunk.whole = false;
      return taken;
    }
    if (ended || (chunk.end > begin && (is_dictionary || page->after_gap))) {
      taken.objection = fmt::format("a column chunk ends before it, and has {} of {} rows", chunk.rows, rows);
    } else {
      if (is_dictionary) dictionary = page;
      ARROW_ASSIGN_OR_RAISE(taken.objection, Add(leaf, *page, dictionary, &chunk));
    }
    if (taken.objection.empty() && chunk.rows > rows) {
      taken.objection = fmt::format("it makes {} rows of {}", chunk.rows, rows);
    }
    if (!taken.objection.empty()) {
      Object(chunk.end, leaf, taken.objection);
      return taken;
    }
  }
  taken.objection = TrailerObjection(leaf, chunk);
  if (!taken.objection.empty()) Object(chunk.end - 1, leaf, taken.objection);
  return taken;
}

// The row group whose first chunk is `first`, when its other leaves can be found behind it.
arrow::Result<std::optional<RowGroupSearch::Reading>> RowGroupSearch::ReadOn(Chunk first) {
  Reading reading;
  reading.rows = first.rows;
  reading.next = first.end;
  reading.complete = true;
  reading.chunks.push_back(first);
  for (int leaf = 1; leaf < leaves_ && reading.complete; ++leaf) {
    ARROW_ASSIGN_OR_RAISE(const Taken taken, TakeChunk(leaf, reading.next, reading.rows));
    if (!taken.objection.empty()) return std::optional<Reading>();
    reading.chunks.push_back(taken.chunk);
    reading.next = taken.chunk.end;
    reading.complete = taken.chunk.whole;
  }
  return reading;
}

// The chunks that the first leaf may have, from its first page on: each but the last is followed by pages
// that might still be its own.
arrow::Result<std::vector<RowGroupSearch::Chunk>> RowGroupSearch::FirstChunks(int64_t begin) {
  std::vector<Chunk> chunks;
  Chunk chunk{begin, begin, 0, true};
  const WalkedPage* dictionary = nullptr;
  for (bool ended = false; !ended;) {
    if (by_layout_ && !AllowsFirst(chunk)) break;
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(chunk.end));
    if (page->header.kind == PageKind::kDictionary) dictionary = page;
    ARROW_ASSIGN_OR_RAISE(const std::string objection, Add(0, *page, dictionary, &chunk));
    if (!objection.empty()) {
      Object(chunk.end, 0, objection);
      break;
    }
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const behind, walk_.At(chunk.end));
    const bool trailer = walk_.TrailerBehind(chunk.end - 1) != nullptr;
    ended = trailer || behind == nullptr || behind->after_gap || behind->header.kind == PageKind::kDictionary;
    if (!ended) {
      if (chunk.rows == 0) continue;
      ARROW_ASSIGN_OR_RAISE(const bool goes_on, GoesOn(0, chunk.end, dictionary));
      if (goes_on) continue;
    }
    if (trailer) chunks.clear();  // it says where the chunk ends
    chunks.push_back(chunk);
  }
  // With a single leaf all of that is one and the same.
  if (leaves_ == 1 && !chunks.empty()) chunks.erase(chunks.begin(), chunks.end() - 1);
  return chunks;
}

// All ways to read the pages from `begin` on as a row group.
arrow::Result<std::vector<RowGroupSearch::Reading>> RowGroupSearch::Enumerate(int64_t begin) {
  std::vector<Reading> readings;
  ARROW_ASSIGN_OR_RAISE(const std::vector<Chunk> chunks, FirstChunks(begin));
  for (const Chunk& chunk : chunks) {
    if (steps_ >= kMostSteps) exhausted_ = true;
    if (exhausted_) break;
    const std::string objection = TrailerObjection(0, chunk);
    if (!objection.empty()) {
      Object(chunk.end - 1, 0, objection);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const behind, walk_.At(chunk.end));
    const bool may_be_cut = behind == nullptr && walk_.TrailerBehind(chunk.end - 1) == nullptr;
    if (may_be_cut) readings.push_back({-1, {{chunk.first, chunk.end, chunk.rows, false}}, chunk.end, false});
    if (may_be_cut && leaves_ == 1) continue;
    ARROW_ASSIGN_OR_RAISE(auto reading, ReadOn(chunk));
    if (reading) readings.push_back(*std::move(reading));
  }
  return readings;
}

// Whether what is in the pages fits: a page that is damaged fits every column.
arrow::Result<bool> RowGroupSearch::ContentFits(const Reading& reading) {
  for (size_t leaf = 0; leaf < reading.chunks.size(); ++leaf) {
    const Chunk& chunk = reading.chunks[leaf];
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const dictionary, DictionaryOf(chunk));
    for (int64_t i = chunk.first; i < chunk.end; ++i) {
      ++steps_;
      ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(i));
      ARROW_ASSIGN_OR_RAISE(const PageLook look, probe_.Look(*page, static_cast<int>(leaf), dictionary));
      if (look.fit != PageFit::kMisfit) continue;
      Object(i, static_cast<int>(leaf), look.why);
      return false;
    }
  }
  return true;
}

// Whether something can be read behind the row group, as far as it is looked ahead.
arrow::Result<bool> RowGroupSearch::LeadsOn(const Reading& reading, int depth) {
  if (!reading.complete || depth == 0 || steps_ >= kMostSteps) return true;
  ARROW_ASSIGN_OR_RAISE(const WalkedPage* const next, walk_.At(reading.next));
  if (next == nullptr) return true;
  if (dead_ends_.contains(reading.next)) return false;
  ARROW_ASSIGN_OR_RAISE(const std::vector<Reading> readings, Enumerate(reading.next));
  if (std::exchange(exhausted_, false)) return true;
  for (const Reading& one : readings) {
    ARROW_ASSIGN_OR_RAISE(const bool fits, ContentFits(one));
    if (!fits) continue;
    ARROW_ASSIGN_OR_RAISE(const bool leads, LeadsOn(one, depth - 1));
    if (leads) return true;
  }
  if (steps_ >= kMostSteps) return true;
  dead_ends_.insert(reading.next);
  return false;
}

// Whether the layout has anything against the first leaf's having this chunk.
bool RowGroupSearch::AllowsFirst(const Chunk& chunk) const {
  return AllowsRowGroup(*layout_, chunk.rows, /*last=*/true);
}

arrow::Result<bool> RowGroupSearch::Allowed(const Reading& reading) {
  ARROW_ASSIGN_OR_RAISE(const WalkedPage* const next, walk_.At(reading.next));
  const int64_t rows = reading.rows < 0 ? reading.chunks[0].rows : reading.rows;
  if (!AllowsRowGroup(*layout_, rows, next == nullptr)) return false;
  for (size_t leaf = 0; leaf < reading.chunks.size(); ++leaf) {
    const Chunk& chunk = reading.chunks[leaf];
    std::vector<int64_t> page_rows;
    for (int64_t i = chunk.first; i < chunk.end; ++i) {
      ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(i));
      if (!page->header.holds_data()) continue;
      if (HidesRows(page->header, Leaf(static_cast<int>(leaf)))) break;
      page_rows.push_back(page->header.kind == PageKind::kDataV2 ? page->header.rows : page->header.values);
    }
    if (!AllowsPages(*layout_, static_cast<int>(leaf), page_rows, chunk.whole)) return false;
  }
  return true;
}

// Leaves of several readings those that stand up to what is in the pages, to what comes behind them and, when
// there are still several, to the layout.
arrow::Status RowGroupSearch::Choose(std::vector<Reading>* readings) {
  const auto keep = [&](auto&& holds) -> arrow::Status {
    std::vector<Reading> kept;
    for (Reading& reading : *readings) {
      ARROW_ASSIGN_OR_RAISE(const bool good, holds(reading));
      if (good) kept.push_back(std::move(reading));
    }
    *readings = std::move(kept);
    return arrow::Status::OK();
  };
  const auto useful = [&](const Reading& reading) { return reading.useful(leaves_); };
  if (std::none_of(readings->begin(), readings->end(), useful))
    return arrow::Status::OK();  // nothing to gain
  ARROW_RETURN_NOT_OK(keep([&](const Reading& reading) { return ContentFits(reading); }));
  if (readings->size() > 1) {
    ARROW_RETURN_NOT_OK(keep([&](const Reading& reading) { return LeadsOn(reading, kLookAhead); }));
  }
  if (readings->size() < 2 && !by_layout_) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(LoadLayout());
  if (!layout_) return arrow::Status::OK();
  const std::vector<Reading> before = *readings;
  ARROW_RETURN_NOT_OK(keep([&](const Reading& reading) { return Allowed(reading); }));
  if (readings->empty()) *readings = before;  // the layout tells nothing of this file
  if (readings->size() == 1 && useful((*readings)[0]) && notes_.empty()) {
    notes_.push_back(fmt::format(
        "from row group {} on: the pages can be read in more than one way; row groups and pages of "
        "the sizes that the file has which the schema comes from were taken, such as {} rows",
        row_group_, WithCommas((*readings)[0].rows)));
  }
  return arrow::Status::OK();
}

// The row group with its pages, or nothing when the schema is not that of the file: pages of most columns
// hold something else.
arrow::Result<std::optional<FoundRowGroup>> RowGroupSearch::Take(const Reading& reading) {
  FoundRowGroup found;
  found.number = row_group_;
  found.rows = reading.rows;
  int misfits = 0;  // columns
  bool trailers = true;
  for (int leaf = 0; leaf < leaves_; ++leaf) {
    const Chunk& chunk = reading.chunks[static_cast<size_t>(leaf)];
    FoundChunk& target = found.chunks.emplace_back();
    target.whole = chunk.whole;
    target.codec = probe_.ExpectedCodec(leaf);
    ARROW_ASSIGN_OR_RAISE(const WalkedPage* const dictionary, DictionaryOf(chunk));
    if (dictionary != nullptr) target.dictionary = *dictionary;
    bool sound = false, misfit = false, codec_known = false;
    for (int64_t i = chunk.first; i < chunk.end; ++i) {
      ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk_.At(i));
      if (!page->header.holds_data()) continue;
      FoundPage& one = target.pages.emplace_back();
      one.page = *page;
      one.rows = page->header.kind == PageKind::kDataV2 ? page->header.rows : page->header.values;
      // A chunk's first sound page shows whether the schema is right; the first compressed one, the codec.
      const bool tells_codec = one.page.header.kind == PageKind::kData || one.page.header.values_compressed;
      if (sound && (codec_known || !tells_codec) && !HidesRows(page->header, Leaf(leaf))) continue;
      ARROW_ASSIGN_OR_RAISE(const PageLook look, probe_.Look(*page, leaf, dictionary));
      one.looked_into = true;
      if (look.fit != PageFit::kFits) {
        one.damage = look.why;
        if (look.fit == PageFit::kMisfit && !misfit) Object(i, leaf, look.why);
        misfit |= look.fit == PageFit::kMisfit;
        continue;
      }
      if (HidesRows(page->header, Leaf(leaf))) one.rows = look.rows;
      one.begins_row = look.begins_row;
      sound = true;
      if (codec_known || !tells_codec) continue;
      target.codec = probe_.CodecOf(*page).value_or(target.codec);
      codec_known = true;
    }
    if (!codec_known && dictionary != nullptr) {
      ARROW_RETURN_NOT_OK(probe_.Look(*dictionary, leaf, nullptr).status());
      target.codec = probe_.CodecOf(*dictionary).value_or(target.codec);
    }
    const ChunkTrailer* const trailer =
        chunk.first == chunk.end ? nullptr : walk_.TrailerBehind(chunk.end - 1);
    if (trailer != nullptr) target.codec = trailer->codec;
    trailers &= trailer != nullptr;
    misfits += misfit && !sound ? 1 : 0;
  }
  if (2 * misfits > leaves_) {
    end_.why = SearchEnd::Why::kMisfit;
    end_.reason = objection_;
    return std::optional<FoundRowGroup>();
  }
  trailers_ |= trailers;
  walk_.Forget(reading.next);
  ARROW_ASSIGN_OR_RAISE(const WalkedPage* const next, walk_.At(reading.next));
  probe_.Forget(next != nullptr ? next->offset : walk_.end().offset);
  return found;
}

}  // namespace marquet::pq
