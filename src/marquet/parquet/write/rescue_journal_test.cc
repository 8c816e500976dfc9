// A writer that dies: its journal beside the temporary file, and what comes back with it.
#include <set>

#include "gmock/gmock.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/temporary_name.h"
#include "marquet/parquet/rescue/rescue_testing_internal.h"

namespace marquet::pq {
namespace {

using ::testing::HasSubstr;

class RescueJournalTest : public RescueTest {
 protected:
  static WriteOptions Options(int64_t row_group_rows) {
    WriteOptions options;
    options.row_group_rows = row_group_rows;
    options.parallel = false;
    return options;
  }

  // A writer that has been given all the rows, and is not closed.
  std::unique_ptr<FileWriter> Begin(const arrow::Table& table, int64_t row_group_rows) {
    auto writer = Value(FileWriter::Open(memory_, "day.parquet", table.schema(), Options(row_group_rows)));
    arrow::TableBatchReader batches(table);
    batches.set_chunksize(300);
    for (std::shared_ptr<arrow::RecordBatch> batch;;) {
      EXPECT_TRUE(batches.ReadNext(&batch).ok());
      if (batch == nullptr) return writer;
      EXPECT_TRUE(writer->Write(*batch).ok());
    }
  }

  std::string NameEnding(const std::string& ending) const {
    for (const std::string& name : Value(memory_->ListNames("/"))) {
      if (name.ends_with(ending)) return name;
    }
    return {};
  }

  // Columns that nothing but their place tells apart.
  static std::shared_ptr<arrow::Table> Doubles(int64_t rows) {
    std::mt19937_64 random(5);
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (int i = 0; i < 4; ++i) {
      arrow::DoubleBuilder builder;
      for (int64_t row = 0; row < rows; ++row)
        EXPECT_TRUE(builder.Append(static_cast<double>(random())).ok());
      fields.push_back(arrow::field(fmt::format("d{}", i), arrow::float64()));
      arrays.push_back(*builder.Finish());
    }
    return arrow::Table::Make(arrow::schema(fields), arrays);
  }
};

TEST_F(RescueJournalTest, AWriterThatDiesLeavesWhatItsRowsAreRescuedWith) {
  for (const auto& table : {FlatTable(35'000), NestedTable(35'000), Doubles(35'000)}) {
    memory_ = std::make_shared<file::MemoryFileSystem>();
    const auto writer = Begin(*table, 10'000);
    const std::string temporary = NameEnding(".tmp"), journal = NameEnding(".journal");
    EXPECT_EQ(journal, file::JournalPath(temporary));
    const auto schema = Value(SchemaOfJournal(*memory_, temporary));
    ASSERT_TRUE(schema.has_value());
    EXPECT_EQ(schema->source, "the journal " + journal);
    const auto report = Rescue(memory_, temporary, "out.parquet", Known(schema));
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->schema_source, schema->source);
    // Of the last row group that has ended, some kilobytes may still be with the writer.
    EXPECT_GE(report->complete_row_groups, 2) << Losses(*report);
    ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, report->rows));
  }
}

TEST_F(RescueJournalTest, IsAFileWithoutRowsOfTheSameSchema) {
  for (const auto& table : {FlatTable(1'500), NestedTable(1'500)}) {
    memory_ = std::make_shared<file::MemoryFileSystem>();
    const auto writer = Begin(*table, 1'000);
    const std::string bytes = Value(file::ReadAll(*memory_, NameEnding(".journal")));
    const auto rows = PeerRows(bytes);
    EXPECT_EQ(rows->num_rows(), 0);
    EXPECT_TRUE(rows->schema()->Equals(*table->schema(), /*check_metadata=*/false));
    const auto chunk = OpenPeer(bytes)->metadata()->RowGroup(0)->ColumnChunk(0);
    EXPECT_EQ(chunk->compression(), arrow::Compression::ZSTD);
    EXPECT_THAT(chunk->encodings(), ::testing::Contains(::parquet::Encoding::DELTA_BINARY_PACKED));
  }
}

TEST_F(RescueJournalTest, SmallFilesDoWithoutOne) {
  for (const auto& table : {FlatTable(100), NestedTable(100)}) {
    const auto base = std::make_shared<file::MemoryFileSystem>();
    const auto fs = std::make_shared<file::FaultFileSystem>(base);
    std::vector<std::string> names;
    fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
      EXPECT_FALSE(path.ends_with(".journal")) << path;
      names.emplace_back(name);
    });
    auto writer = Value(FileWriter::Open(fs, "day.parquet", table->schema(), Options(1'000)));
    arrow::TableBatchReader batches(*table);
    MQ_ASSERT_OK(writer->Write(*Value(batches.Next())));
    ASSERT_TRUE(writer->Close().ok());
    EXPECT_THAT(names, ::testing::ElementsAre("create", "append", "sync", "close", "open", "read", "read",
                                              "publish new", "sync the directory"));
  }
}

TEST_F(RescueJournalTest, GoesWithItsWriter) {
  const auto table = FlatTable(1'500);
  {
    const auto writer = Begin(*table, 1'000);
    EXPECT_NE(NameEnding(".journal"), "");
    ASSERT_TRUE(writer->Close().ok());
    EXPECT_EQ(Value(memory_->ListNames("/")).size(), 1u);
    MQ_ASSERT_OK(memory_->Remove("day.parquet"));
  }
  {
    const auto writer = Begin(*table, 1'000);
    EXPECT_NE(NameEnding(".journal"), "");
    MQ_ASSERT_OK(writer->Abort());
    EXPECT_TRUE(Value(memory_->ListNames("/")).empty());
  }
  static_cast<void>(Begin(*table, 1'000));
  EXPECT_TRUE(Value(memory_->ListNames("/")).empty());
}

TEST_F(RescueJournalTest, OtherNamesHaveNone) {
  EXPECT_FALSE(Value(SchemaOfJournal(*memory_, "day.parquet")).has_value());
  EXPECT_FALSE(Value(SchemaOfJournal(*memory_, ".day.parquet.1a-0-0123456789abcdef.tmp")).has_value());
  Put(".day.parquet.1a-0-0123456789abcdef.journal", "PAR1");
  EXPECT_TRUE(IsKind(SchemaOfJournal(*memory_, ".day.parquet.1a-0-0123456789abcdef.tmp").status(),
                     ErrorKind::kCorruptData));
}

// Metadata behind every chunk tells where it ends, whatever the columns are.
TEST_F(RescueJournalTest, OurFilesAreToldApartWithoutALayout) {
  for (const auto& table : {Doubles(3'500), FlatTable(3'500)}) {
    const auto writer = Begin(*table, 1'000);
    const std::string temporary = NameEnding(".tmp");
    const auto journal = Value(SchemaOfJournal(*memory_, temporary));
    ASSERT_TRUE(writer->Close().ok());
    const std::string whole = Value(file::ReadAll(*memory_, "day.parquet"));
    MQ_ASSERT_OK(memory_->Remove("day.parquet"));
    const PageMap map(whole);
    std::set<int64_t> cuts(map.borders().begin(), map.borders().end());
    for (const int64_t border : map.borders()) cuts.insert({border - 1, border + 1, border + 40});
    for (const int64_t cut : cuts) {
      if (cut < 4) continue;
      SCOPED_TRACE(fmt::format("cut at byte {}", cut));
      const auto report = RescueBytes(whole.substr(0, static_cast<size_t>(cut)), journal);
      ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, map.RowsOf(cut, false)));
    }
  }
}

}  // namespace
}  // namespace marquet::pq
