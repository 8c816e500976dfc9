// What the tests of rescuing share: tables of all kinds of columns, files of them by Arrow's own writer, and
// what of a file that is cut somewhere should come back, by the page index that the whole file has.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {

// Of each row: columns of every physical type, with nulls, with and without repetitions.
inline std::shared_ptr<arrow::Table> FlatTable(int64_t rows, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  arrow::Int64Builder numbers, times;
  arrow::DoubleBuilder prices;
  arrow::StringBuilder texts, symbols;
  arrow::Int32Builder sizes;
  arrow::BooleanBuilder flags;
  arrow::FixedSizeBinaryBuilder ids(arrow::fixed_size_binary(5));
  for (int64_t i = 0; i < rows; ++i) {
    EXPECT_TRUE(times.Append(1'700'000'000'000'000 + i * 1'000).ok());
    EXPECT_TRUE(numbers.Append(static_cast<int64_t>(random())).ok());
    EXPECT_TRUE((random() % 7 == 0 ? prices.AppendNull() : prices.Append(random() % 1000 / 100.0)).ok());
    EXPECT_TRUE(texts.Append(std::to_string(random() >> (random() % 60))).ok());
    EXPECT_TRUE(symbols.Append(fmt::format("S{}", random() % 5)).ok());
    EXPECT_TRUE(
        (random() % 3 == 0 ? sizes.AppendNull() : sizes.Append(static_cast<int>(random() % 50))).ok());
    EXPECT_TRUE(flags.Append(random() % 2 == 0).ok());
    EXPECT_TRUE(ids.Append(std::to_string(10'000 + i % 90'000)).ok());
  }
  const auto ts = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  const auto schema = arrow::schema(
      {arrow::field("ts", arrow::int64(), /*nullable=*/false), arrow::field("number", arrow::int64()),
       arrow::field("price", arrow::float64()), arrow::field("text", arrow::utf8()),
       arrow::field("symbol", arrow::utf8(), /*nullable=*/false), arrow::field("size", arrow::int32()),
       arrow::field("flag", arrow::boolean()), arrow::field("id", arrow::fixed_size_binary(5))});
  return arrow::Table::Make(
      schema, arrow::ArrayVector{*times.Finish(), *numbers.Finish(), *prices.Finish(), *texts.Finish(),
                                 *symbols.Finish(), *sizes.Finish(), *flags.Finish(), *ids.Finish()});
}

// Lists (empty and null ones, too), a struct, a map, a list of structs, and a flat column at each end.
inline std::shared_ptr<arrow::Table> NestedTable(int64_t rows, unsigned seed = 2) {
  std::mt19937_64 random(seed);
  auto* const pool = arrow::default_memory_pool();
  const auto pair = arrow::struct_({arrow::field("x", arrow::float64()), arrow::field("y", arrow::utf8())});
  const auto schema = arrow::schema(
      {arrow::field("id", arrow::int64()), arrow::field("list", arrow::list(arrow::int64())),
       arrow::field("pair", pair), arrow::field("map", arrow::map(arrow::utf8(), arrow::int32())),
       arrow::field("pairs", arrow::list(pair)), arrow::field("last", arrow::list(arrow::utf8()))});
  auto builder = Value(arrow::RecordBatchBuilder::Make(schema, pool));
  auto* const ids = builder->GetFieldAs<arrow::Int64Builder>(0);
  auto* const lists = builder->GetFieldAs<arrow::ListBuilder>(1);
  auto* const structs = builder->GetFieldAs<arrow::StructBuilder>(2);
  auto* const maps = builder->GetFieldAs<arrow::MapBuilder>(3);
  auto* const pairs = builder->GetFieldAs<arrow::ListBuilder>(4);
  auto* const last = builder->GetFieldAs<arrow::ListBuilder>(5);
  const auto append_pair = [&](arrow::StructBuilder* to) {
    EXPECT_TRUE(to->Append().ok());
    auto* const x = static_cast<arrow::DoubleBuilder*>(to->field_builder(0));
    EXPECT_TRUE((random() % 4 == 0 ? x->AppendNull() : x->Append(static_cast<double>(random() % 1000))).ok());
    EXPECT_TRUE(static_cast<arrow::StringBuilder*>(to->field_builder(1))
                    ->Append(fmt::format("y{}", random() % 97))
                    .ok());
  };
  for (int64_t i = 0; i < rows; ++i) {
    EXPECT_TRUE(ids->Append(i).ok());
    const bool null_list = random() % 5 == 0;
    EXPECT_TRUE((null_list ? lists->AppendNull() : lists->Append()).ok());
    if (!null_list) {
      for (uint64_t n = random() % 4; n > 0; --n) {
        EXPECT_TRUE(static_cast<arrow::Int64Builder*>(lists->value_builder())
                        ->Append(static_cast<int64_t>(random() % 100))
                        .ok());
      }
    }
    if (random() % 6 == 0) {
      EXPECT_TRUE(structs->AppendNull().ok());
    } else {
      append_pair(structs);
    }
    EXPECT_TRUE(maps->Append().ok());
    for (uint64_t n = random() % 3; n > 0; --n) {
      EXPECT_TRUE(
          static_cast<arrow::StringBuilder*>(maps->key_builder())->Append(fmt::format("k{}", n)).ok());
      EXPECT_TRUE(static_cast<arrow::Int32Builder*>(maps->item_builder())->Append(static_cast<int>(i)).ok());
    }
    EXPECT_TRUE(pairs->Append().ok());
    for (uint64_t n = random() % 3; n > 0; --n) {
      append_pair(static_cast<arrow::StructBuilder*>(pairs->value_builder()));
    }
    EXPECT_TRUE(last->Append().ok());
    for (uint64_t n = random() % 3; n > 0; --n) {
      EXPECT_TRUE(static_cast<arrow::StringBuilder*>(last->value_builder())
                      ->Append(fmt::format("text {}", random() % 1000))
                      .ok());
    }
  }
  return Value(arrow::Table::FromRecordBatches({Value(builder->Flush())}));
}

// How Arrow's own writer is to write a file.
struct PeerFormat {
  arrow::Compression::type codec = arrow::Compression::SNAPPY;
  ::parquet::ParquetDataPageVersion version = ::parquet::ParquetDataPageVersion::V1;
  bool dictionary = true;
  bool checksums = false;
  int64_t row_group_rows = 400;
  int64_t page_rows = 150;
};

inline std::string PeerFile(const arrow::Table& table, const PeerFormat& format) {
  ::parquet::WriterProperties::Builder properties;
  properties.compression(format.codec)
      ->data_page_version(format.version)
      ->max_rows_per_page(format.page_rows)
      ->write_batch_size(50)
      ->dictionary_pagesize_limit(2'000)
      ->enable_write_page_index();
  if (!format.dictionary) properties.disable_dictionary();
  if (format.checksums) properties.enable_page_checksum();
  const auto arrow_properties = ::parquet::ArrowWriterProperties::Builder().store_schema()->build();
  const auto out = Value(arrow::io::BufferOutputStream::Create());
  EXPECT_TRUE(::parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, format.row_group_rows,
                                           properties.build(), arrow_properties)
                  .ok());
  return Value(out->Finish())->ToString();
}

inline std::unique_ptr<::parquet::ParquetFileReader> OpenPeer(const std::string& bytes) {
  return ::parquet::ParquetFileReader::Open(
      std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes)));
}

// The rows of a file, read by Arrow's own reader.
inline std::shared_ptr<arrow::Table> PeerRows(const std::string& bytes) {
  auto reader = Value(::parquet::arrow::FileReader::Make(arrow::default_memory_pool(), OpenPeer(bytes)));
  return Value(Value(reader->ReadTable())->CombineChunks());
}

// Where the pages of a whole file are, by its footer and its page index.
class PageMap {
 public:
  explicit PageMap(const std::string& bytes) {
    const auto reader = OpenPeer(bytes);
    const auto index = reader->GetPageIndexReader();
    const auto footer = reader->metadata();
    for (int g = 0; g < footer->num_row_groups(); ++g) {
      const auto group = footer->RowGroup(g);
      Group& target = groups_.emplace_back();
      target.rows = group->num_rows();
      for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
        const auto chunk = group->ColumnChunk(leaf);
        const int64_t first =
            chunk->has_dictionary_page() ? chunk->dictionary_page_offset() : chunk->data_page_offset();
        target.ends.push_back(first + chunk->total_compressed_size());
        borders_.push_back(first);
        target.last.clear();
        const auto offsets = index->RowGroup(g)->GetOffsetIndex(leaf);
        for (const auto& page : offsets->page_locations()) {
          borders_.push_back(page.offset);
          target.last.push_back({page.offset + page.compressed_page_size, 0});
          if (target.last.size() > 1) target.last[target.last.size() - 2].rows = page.first_row_index;
        }
        target.last.back().rows = target.rows;
      }
      borders_.push_back(target.ends.back());
    }
    const auto* const leaf = footer->schema()->Column(footer->num_columns() - 1);
    repeated_ = leaf->max_repetition_level() > 0;
  }

  // Every byte where a page, a dictionary or the end of the pages is.
  const std::vector<int64_t>& borders() const { return borders_; }

  // The rows that come back of the first `size` bytes: those of complete row groups, and of the next one
  // those up to which its last leaf has pages, when all the others are whole. `hidden`: pages of repeated
  // columns do not say whether their last row ends with them.
  int64_t RowsOf(int64_t size, bool hidden) const {
    int64_t rows = 0;
    for (const Group& group : groups_) {
      if (group.ends.back() <= size) {
        rows += group.rows;
        continue;
      }
      if (group.ends.size() > 1 && group.ends[group.ends.size() - 2] > size) return rows;
      int64_t of_last = 0;
      for (const Page& page : group.last) {
        if (page.end <= size) of_last = page.rows;
      }
      if (hidden && repeated_ && of_last > 0) --of_last;
      return rows + of_last;
    }
    return rows;
  }

 private:
  struct Page {
    int64_t end = 0;
    int64_t rows = 0;  // of the row group, up to its end
  };
  struct Group {
    int64_t rows = 0;
    std::vector<int64_t> ends;  // of the chunks
    std::vector<Page> last;     // of the last leaf
  };
  std::vector<Group> groups_;
  std::vector<int64_t> borders_;
  bool repeated_ = false;
};

// Files in memory, and what is rescued of them.
class RescueTest : public FileTest {
 protected:
  void Put(const std::string& path, const std::string& bytes) {
    static_cast<void>(memory_->Remove(path));
    const auto file = Value(memory_->CreateNew(path));
    ASSERT_TRUE(file->Append(bytes.data(), static_cast<int64_t>(bytes.size())).ok());
    ASSERT_TRUE(file->Close().ok());
  }

  arrow::Result<RescueReport> RescueBytes(const std::string& bytes,
                                          const std::optional<RescueSchema>& schema) {
    Put("broken.parquet", bytes);
    static_cast<void>(memory_->Remove("out.parquet"));
    RescueOptions options;
    options.parallel = false;
    options.write.parallel = false;
    return Rescue(memory_, "broken.parquet", "out.parquet", Known(schema), options);
  }

  static FindSchema Known(const std::optional<RescueSchema>& schema) {
    return [schema]() -> arrow::Result<std::optional<RescueSchema>> { return schema; };
  }

  RescueSchema SchemaOf(const std::string& whole) {
    Put("whole.parquet", whole);
    return Value(SchemaOfFile(*memory_, "whole.parquet"));
  }

  std::shared_ptr<arrow::Table> Recovered() {
    return PeerRows(Value(file::ReadAll(*memory_, "out.parquet")));
  }

  // The first `rows` rows came back, and no others.
  void ExpectRows(const arrow::Result<RescueReport>& report, const arrow::Table& original, int64_t rows) {
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    ASSERT_EQ(report->rows, rows) << Losses(*report);
    ASSERT_EQ(report->out, rows == 0 ? "" : "out.parquet");
    EXPECT_EQ(Value(file::Exists(*memory_, "out.parquet")), rows > 0);
    if (rows == 0) return;
    const auto expected = Value(original.Slice(0, rows)->CombineChunks());
    const auto found = Recovered();
    ASSERT_TRUE(found->schema()->Equals(*expected->schema())) << found->schema()->ToString();
    ASSERT_TRUE(found->Equals(*expected)) << "the rows differ";
  }

  static std::string Losses(const RescueReport& report) {
    std::string text;
    for (const RescueLoss& loss : report.losses) {
      text += fmt::format("row group {}, column {}, byte {}: {}\n", loss.row_group, loss.column, loss.offset,
                          loss.reason);
    }
    for (const std::string& note : report.notes) text += note + "\n";
    return text;
  }

  std::shared_ptr<file::MemoryFileSystem> memory_ = std::make_shared<file::MemoryFileSystem>();
};

}  // namespace marquet::pq
