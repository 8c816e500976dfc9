// Rows out of the pages of one row group, around those that are damaged.
//
// Rows that all columns have make intervals; each is decoded as if it were a row group of a file of its own
// (PageFile), by the same code that reads whole files. Where decoding fails, the pages in question are looked
// into one by one, and the intervals are worked out again without those that are damaged.
#include <algorithm>
#include <map>
#include <utility>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/decode/batch_stream_internal.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "marquet/parquet/decode/int96_column_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/rescue/merge_leaves_internal.h"
#include "marquet/parquet/rescue/page_file_internal.h"
#include "marquet/parquet/rescue/page_ranges_internal.h"
#include "marquet/parquet/rescue/rescue_internal.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kSalvagedBatchRows = 1 << 16;

// A column out of its leaves, each of which may begin before the rows that are wanted.
class LeafwiseColumn final : public ColumnStream {
 public:
  struct Leaf {
    std::unique_ptr<ColumnStream> stream;
    int64_t shift = 0;  // rows before those that are wanted
  };
  // A single stream stands for all leaves that it reads.
  LeafwiseColumn(std::shared_ptr<arrow::DataType> type, std::vector<Leaf> leaves)
      : type_(std::move(type)), leaves_(std::move(leaves)) {}

  arrow::Result<std::shared_ptr<arrow::Array>> Decode(const Piece& piece) override {
    arrow::ArrayVector arrays;
    for (const Leaf& leaf : leaves_) {
      ARROW_ASSIGN_OR_RAISE(auto array,
                            leaf.stream->Decode({piece.part, piece.begin + leaf.shift, piece.rows}));
      arrays.push_back(std::move(array));
    }
    return MergeLeaves(type_, arrays);
  }

 private:
  const std::shared_ptr<arrow::DataType> type_;
  const std::vector<Leaf> leaves_;
};

// Where the pages of one chunk are in a PageFile, and what its metadata says of them.
struct ChunkOfPages {
  int64_t begin = 0;
  int64_t data = 0;
  int64_t end = 0;
  int64_t values = 0;
  int64_t uncompressed = 0;
};

class GroupSalvage {
 public:
  GroupSalvage(const RescueSource& source, PageProbe& probe, FoundRowGroup group, const RowSink& sink)
      : source_(source),
        probe_(probe),
        group_(std::move(group)),
        sink_(sink),
        schema_(*source.footer->schema()),
        first_leaf_(FirstLeaves(schema_)) {}

  arrow::Result<SalvagedRows> Run() {
    ARROW_RETURN_NOT_OK(CountHiddenRows());
    int64_t from = 0;
    for (bool again = true; again;) {
      again = false;
      for (const RowRange& rows : Plan(from)) {
        arrow::Status failure;
        ARROW_ASSIGN_OR_RAISE(const int64_t given, Give(rows, &failure));
        from = rows.begin + given;
        if (given > 0) Keep({rows.begin, from});
        if (failure.ok()) continue;
        ARROW_ASSIGN_OR_RAISE(const bool found, FindDamage({from, rows.end}));
        if (!found) {
          // Page by page nothing is wrong: all that can be said is where it stopped.
          losses_.push_back({group_.number, {}, -1, -1, 0, rows.end - from, std::string(failure.message())});
          from = rows.end;
        }
        again = true;
        break;
      }
    }
    AddPageLosses();
    SalvagedRows salvaged{std::move(kept_), 0, 0, std::move(losses_)};
    for (const FoundChunk& chunk : group_.chunks) CountBytes(chunk, &salvaged);
    return salvaged;
  }

 private:
  // Pages of which only the levels tell how many rows they have.
  arrow::Status CountHiddenRows() {
    for (size_t leaf = 0; leaf < group_.chunks.size(); ++leaf) {
      FoundChunk& chunk = group_.chunks[leaf];
      for (FoundPage& page : chunk.pages) {
        if (page.rows >= 0 || !page.damage.empty()) continue;
        ARROW_RETURN_NOT_OK(LookInto(static_cast<int>(leaf), chunk, &page));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status LookInto(int leaf, const FoundChunk& chunk, FoundPage* page) {
    const WalkedPage* const dictionary = chunk.dictionary ? &*chunk.dictionary : nullptr;
    ARROW_ASSIGN_OR_RAISE(const PageLook look, probe_.Look(page->page, leaf, dictionary));
    page->looked_into = true;
    if (look.fit != PageFit::kFits) {
      page->damage = look.why;
    } else if (page->rows < 0) {
      page->rows = look.rows;
      page->begins_row = look.begins_row;
    }
    return arrow::Status::OK();
  }

  // The rows from `from` on that all columns have, as far as is known.
  std::vector<RowRange> Plan(int64_t from) {
    PlaceRows(&group_);
    std::vector<RowRange> rows = {{from, INT64_MAX}};
    leaves_.clear();
    for (size_t leaf = 0; leaf < group_.chunks.size(); ++leaf) {
      const FoundChunk& chunk = group_.chunks[leaf];
      const bool may_go_on = schema_.Column(static_cast<int>(leaf))->max_repetition_level() > 0 &&
                             !chunk.pages.empty() && chunk.pages[0].page.header.kind == PageKind::kData;
      leaves_.push_back(RangesOf(chunk, may_go_on));
      std::vector<RowRange> of_leaf;
      for (const PageRange& range : leaves_.back()) of_leaf.push_back({range.begin, range.end});
      rows = Intersection(rows, of_leaf);
    }
    return rows;
  }

  void Keep(RowRange rows) {
    if (!kept_.empty() && kept_.back().end == rows.begin) {
      kept_.back().end = rows.end;
    } else {
      kept_.push_back(rows);
    }
  }

  // Decodes rows and gives them to the sink, up to a failure to read; returns how many. An error of the sink
  // is the status.
  arrow::Result<int64_t> Give(RowRange rows, arrow::Status* failure) {
    int64_t given = 0;
    auto opened = GuardRead(source_.path, [&] { return Open(rows); });
    *failure = opened.status();
    while (failure->ok()) {
      std::shared_ptr<arrow::RecordBatch> batch;
      *failure = (*opened)->ReadNext(&batch);
      if (!failure->ok() || batch == nullptr) break;
      if (source_.stop != nullptr) ARROW_RETURN_NOT_OK(source_.stop->Check());
      ARROW_RETURN_NOT_OK(sink_(*batch));
      given += batch->num_rows();
    }
    if (failure->IsOutOfMemory() || failure->IsCancelled()) return *failure;
    return given;
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Open(RowRange rows) {
    const auto file = std::make_shared<PageFile>(source_.file);
    std::vector<ChunkOfPages> chunks;
    std::vector<int64_t> begins;  // by leaf: the first row of its pages
    for (size_t leaf = 0; leaf < group_.chunks.size(); ++leaf) {
      const auto around = std::find_if(
          leaves_[leaf].begin(), leaves_[leaf].end(),
          [&](const PageRange& range) { return range.begin <= rows.begin && rows.end <= range.end; });
      const PageRange range = Narrowed(group_.chunks[leaf], *around, rows.begin, rows.end);
      chunks.push_back(Append(file.get(), group_.chunks[leaf], range));
      begins.push_back(range.begin);
    }
    std::map<int64_t, std::shared_ptr<const ReadSource>> sources;  // by where the rows begin
    const auto open = [&](int first, int end, const std::shared_ptr<arrow::Field>& field) {
      const int64_t begin = begins[static_cast<size_t>(first)];
      std::shared_ptr<const ReadSource>& source = sources[begin];
      if (source == nullptr) {
        source = std::make_shared<const ReadSource>(ReadSource{source_.path,
                                                               file,
                                                               Footer(chunks, rows.end - begin),
                                                               {ReadRequest::Part{0, {}}},
                                                               kSalvagedBatchRows,
                                                               source_.int96_unit});
      }
      auto column = MakeExactColumn(source, first, end, field, source_.inexact_times);
      return LeafwiseColumn::Leaf{std::move(column), rows.begin - begin};
    };
    std::vector<std::unique_ptr<ColumnStream>> columns;
    for (int i = 0; i < source_.schema->num_fields(); ++i) {
      const auto& field = source_.schema->field(i);
      const int first = first_leaf_[static_cast<size_t>(i)], end = first_leaf_[static_cast<size_t>(i) + 1];
      const bool together = std::all_of(begins.begin() + first, begins.begin() + end, [&](int64_t begin) {
        return begin == begins[static_cast<size_t>(first)];
      });
      std::vector<LeafwiseColumn::Leaf> leaves;
      if (together) leaves.push_back(open(first, end, field));
      for (int leaf = first; !together && leaf < end; ++leaf) leaves.push_back(open(leaf, leaf + 1, field));
      columns.push_back(std::make_unique<LeafwiseColumn>(field->type(), std::move(leaves)));
    }
    PiecePlan pieces(kSalvagedBatchRows);
    pieces.Add(0, {0, rows.end - rows.begin});
    const auto named = std::make_shared<const ReadSource>(
        ReadSource{source_.path, file, nullptr, {ReadRequest::Part{group_.number, {}}}, kSalvagedBatchRows});
    return MakeBatchStream(named, source_.schema, std::move(columns), std::move(pieces), source_.parallel);
  }

  static ChunkOfPages Append(PageFile* file, const FoundChunk& chunk, const PageRange& range) {
    ChunkOfPages made;
    made.begin = file->end();
    if (chunk.dictionary) {
      file->Append({chunk.dictionary->offset, chunk.dictionary->end()});
      made.uncompressed += chunk.dictionary->header.uncompressed_size;
    }
    made.data = file->end();
    for (size_t i = range.first_page; i < range.end_page; ++i) {
      const WalkedPage& page = chunk.pages[i].page;
      file->Append({page.offset, page.end()});
      made.uncompressed += page.header.uncompressed_size;
      made.values += page.header.values;
    }
    made.end = file->end();
    return made;
  }

  std::shared_ptr<::parquet::FileMetaData> Footer(const std::vector<ChunkOfPages>& chunks, int64_t rows) {
    ::parquet::WriterProperties::Builder properties;
    for (size_t leaf = 0; leaf < chunks.size(); ++leaf) {
      properties.compression(schema_.Column(static_cast<int>(leaf))->path(), group_.chunks[leaf].codec);
    }
    const auto builder = ::parquet::FileMetaDataBuilder::Make(&schema_, properties.build());
    auto* const group = builder->AppendRowGroup();
    group->set_num_rows(rows);
    for (const ChunkOfPages& chunk : chunks) {
      const bool dictionary = chunk.data > chunk.begin;
      group->NextColumnChunk()->Finish(chunk.values, dictionary ? chunk.begin : -1, -1, chunk.data,
                                       chunk.end - chunk.begin, chunk.uncompressed, dictionary,
                                       /*dictionary_fallback=*/false, {}, {});
    }
    group->Finish(0);
    return builder->Finish(source_.arrow_metadata);
  }

  // Looks into the pages of these rows; true when there was something to find.
  arrow::Result<bool> FindDamage(RowRange rows) {
    bool found = false;
    for (size_t i = 0; i < group_.chunks.size(); ++i) {
      FoundChunk& chunk = group_.chunks[i];
      const int leaf = static_cast<int>(i);
      std::string dictionary_damage;
      if (chunk.dictionary) {
        ARROW_ASSIGN_OR_RAISE(const PageLook look, probe_.Look(*chunk.dictionary, leaf, nullptr));
        if (look.fit != PageFit::kFits) dictionary_damage = "its dictionary page is damaged: " + look.why;
      }
      for (FoundPage& page : chunk.pages) {
        const bool overlaps = page.first_row < rows.end && page.first_row + page.rows >= rows.begin;
        if (!overlaps || !page.damage.empty()) continue;
        if (!page.looked_into) ARROW_RETURN_NOT_OK(LookInto(leaf, chunk, &page));
        const bool indexed = page.page.header.encoding == ::parquet::Encoding::RLE_DICTIONARY ||
                             page.page.header.encoding == ::parquet::Encoding::PLAIN_DICTIONARY;
        if (page.damage.empty() && indexed) page.damage = dictionary_damage;
        found |= !page.damage.empty();
      }
    }
    return found;
  }

  static void CountBytes(const FoundChunk& chunk, SalvagedRows* salvaged) {
    int64_t kept = 0, lost = 0;
    for (const FoundPage& page : chunk.pages) {
      const auto overlaps = [&](const RowRange& rows) {
        return page.first_row < rows.end && page.first_row + page.rows > rows.begin;
      };
      const bool used = page.damage.empty() && page.first_row >= 0 &&
                        std::any_of(salvaged->kept.begin(), salvaged->kept.end(), overlaps);
      (used ? kept : lost) += page.page.size();
    }
    if (chunk.dictionary) (kept > 0 ? kept : lost) += chunk.dictionary->size();
    salvaged->bytes_kept += kept;
    salvaged->bytes_lost += lost;
  }

  void AddPageLosses() {
    for (size_t leaf = 0; leaf < group_.chunks.size(); ++leaf) {
      const std::vector<FoundPage>& pages = group_.chunks[leaf].pages;
      for (size_t i = 0; i < pages.size(); ++i) {
        if (pages[i].damage.empty()) continue;
        losses_.push_back({group_.number, schema_.Column(static_cast<int>(leaf))->path()->ToDotString(),
                           static_cast<int64_t>(i), pages[i].page.offset, pages[i].page.size(), pages[i].rows,
                           pages[i].damage});
      }
    }
  }

  const RescueSource& source_;
  PageProbe& probe_;
  FoundRowGroup group_;
  const RowSink& sink_;
  const ::parquet::SchemaDescriptor& schema_;
  const std::vector<int> first_leaf_;

  std::vector<std::vector<PageRange>> leaves_;  // of the current plan
  std::vector<RowRange> kept_;
  std::vector<RescueLoss> losses_;
};

}  // namespace

arrow::Result<SalvagedRows> SalvageRows(const RescueSource& source, PageProbe& probe, FoundRowGroup group,
                                        const RowSink& sink) {
  return GroupSalvage(source, probe, std::move(group), sink).Run();
}

}  // namespace marquet::pq
