// Sequences of books that are not partitioned by symbol, and what reading them costs.
#include "marquet/sampling/book_sequence.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"

namespace marquet::sampling {
namespace {

using testing::HasSubstr;

struct Row {
  int64_t time = 0, source_row = 0;
  std::string symbol;
  int64_t day = 0;
};

class BookSequenceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquet-sequence-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name = "book") const { return (directory_ / name).string(); }

  static std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<Row>& rows, bool narrow = false) {
    arrow::Int64Builder time, source_row, day;
    arrow::Int32Builder narrow_row;
    arrow::StringBuilder symbol;
    for (const Row& row : rows) {
      EXPECT_TRUE(time.Append(row.time).ok() && source_row.Append(row.source_row).ok() &&
                  narrow_row.Append(static_cast<int32_t>(row.source_row)).ok() && day.Append(row.day).ok() &&
                  symbol.Append(row.symbol).ok());
    }
    const auto row = narrow ? *narrow_row.Finish() : *source_row.Finish();
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("ts_event", arrow::int64()), arrow::field("source_row", row->type()),
                       arrow::field("symbol", arrow::utf8()), arrow::field("day", arrow::int64())}),
        static_cast<int64_t>(rows.size()), {*time.Finish(), row, *symbol.Finish(), *day.Finish()});
  }

  std::shared_ptr<table::Table> Write(const std::string& name,
                                      const std::vector<std::shared_ptr<arrow::RecordBatch>>& files) {
    auto table = *table::Table::Create(file::LocalFileSystem(), Path(name), *files[0]->schema(),
                                       {.partition_by = {"day"}});
    for (const auto& batch : files) {
      auto reader = *arrow::RecordBatchReader::Make({batch});
      EXPECT_TRUE(table->Append(*reader).ok());
    }
    return table;
  }

  static std::vector<int64_t> Times(BookSequence sequence) {
    std::vector<int64_t> times;
    for (;;) {
      const auto batch = sequence.Next();
      EXPECT_TRUE(batch.ok()) << batch.status();
      if (!batch.ok() || !*batch) return times;
      const auto column = (*batch)->rows->GetColumnByName("ts_event");
      const auto& values = static_cast<const arrow::Int64Array&>(*column);
      for (int64_t i = 0; i < values.length(); ++i) times.push_back(values.Value(i));
    }
  }

  std::filesystem::path directory_;
};

TEST_F(BookSequenceTest, AFileIsOpenedOnceForAllSymbols) {
  constexpr int64_t kDays = 12, kRare = 8;
  std::vector<std::shared_ptr<arrow::RecordBatch>> files;
  std::map<std::string, std::vector<int64_t>> expected;
  for (int64_t day = 0; day < kDays; ++day) {
    std::vector<Row> rows;
    for (int64_t i = 0; i < 50; ++i) {
      // The first and the last name are in every file, so that its bounds leave out nothing.
      const std::string symbol = i % 5 == 0   ? "A"
                                 : i % 5 == 1 ? "Z"
                                 : i % 7 == 0 ? fmt::format("M{}", day % kRare)
                                              : "B";
      rows.push_back({day * 1'000 + i, i, symbol, day});
      expected[symbol].push_back(rows.back().time);
    }
    files.push_back(Batch(rows));
  }
  Write("book", files);
  const auto fs = std::make_shared<file::FaultFileSystem>(file::LocalFileSystem());
  std::map<std::string, int> opened;
  fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    if (name == "open" && path.find("_delta_log") == path.npos) ++opened[path];
  });
  const auto book = *table::Table::Open(fs, Path());
  const auto shared = *BookFiles::Of(*book);
  for (const auto& [symbol, times] : expected) {
    auto sequence = BookSequence::Open(*book, shared, symbol, {"ts_event"}, nullptr);
    ASSERT_TRUE(sequence.ok()) << sequence.status();
    EXPECT_EQ(Times(*std::move(sequence)), times) << symbol;
  }
  EXPECT_TRUE(Times(*BookSequence::Open(*book, shared, "absent", {"ts_event"}, nullptr)).empty());
  EXPECT_EQ(opened.size(), static_cast<size_t>(kDays));
  for (const auto& [path, times] : opened) EXPECT_EQ(times, 1) << path;

  // A sequence of its own reads the same.
  for (const auto& [symbol, times] : expected) {
    EXPECT_EQ(Times(*BookSequence::Open(*book, symbol, {"ts_event"}, nullptr)), times) << symbol;
  }
}

TEST_F(BookSequenceTest, BoundsOfTheLogLeaveFilesAlone) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> files;
  for (int64_t day = 0; day < 6; ++day) {
    const std::string symbol(1, static_cast<char>('A' + day));
    files.push_back(Batch({{day * 10, 0, symbol, day}, {day * 10 + 1, 1, symbol, day}}));
  }
  Write("book", files);
  const auto fs = std::make_shared<file::FaultFileSystem>(file::LocalFileSystem());
  int opened = 0;
  fs->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    opened += name == "open" && path.find("_delta_log") == path.npos ? 1 : 0;
  });
  const auto book = *table::Table::Open(fs, Path());
  EXPECT_EQ(Times(*BookSequence::Open(*book, "C", {"ts_event"}, nullptr)), (std::vector<int64_t>{20, 21}));
  EXPECT_EQ(opened, 1);
}

// Columns come in the table's types, whatever a file that another engine wrote has.
TEST_F(BookSequenceTest, FilesOfNarrowerTypes) {
  const auto book = Write("book", {Batch({{1, 0, "A", 0}, {2, 1, "B", 0}})});
  const auto other = Write("other", {Batch({{3, 7, "A", 0}, {4, 9, "A", 0}}, /*narrow=*/true)});
  delta::AddFile add = *other->snapshot()->files.front();
  const std::string from = Path("other") + "/" + add.path;
  add.path = "day=0/of-another-engine.parquet";
  add.tags.clear();
  std::filesystem::copy_file(from, Path() + "/" + add.path);
  delta::CommitRequest request;
  request.read_version = book->version();
  request.info.operation = "WRITE";
  request.actions = {add};
  ASSERT_TRUE(book->log().Commit(std::move(request)).ok());
  ASSERT_TRUE(book->Refresh().ok());
  auto sequence = *BookSequence::Open(*book, "A", {"ts_event", "day"}, nullptr);
  for (const int64_t source_row : {0, 7}) {
    const auto batch = sequence.Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_TRUE(*batch);
    const auto column = (*batch)->rows->GetColumnByName("source_row");
    ASSERT_TRUE(column->type()->Equals(arrow::int64()));
    EXPECT_EQ(static_cast<const arrow::Int64Array&>(*column).Value(0), source_row);
    EXPECT_TRUE((*batch)->rows->GetColumnByName("day")->type()->Equals(arrow::int64()));
  }
  EXPECT_FALSE(*sequence.Next());
}

TEST_F(BookSequenceTest, ABookWithoutSymbolsIsRefused) {
  const auto rows = Batch({{1, 0, "A", 0}});
  const auto table = Write("book", {rows->RemoveColumn(2).ValueOrDie()});
  const auto status = BookSequence::Open(*table, "A", {"ts_event"}, nullptr).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status;
  EXPECT_THAT(status.message(), HasSubstr("there is no column symbol"));
}

}  // namespace
}  // namespace marquet::sampling
