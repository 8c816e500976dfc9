// Appends that fail at every one of their file operations, and power cuts after them.

#include <cerrno>
#include <cstring>

#include "fmt/format.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;
using file::Surviving;
using testing::ElementsAre;

arrow::Status CountNames(file::FileSystem& fs, const std::string& path, int* names) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(path));
  for (const auto& entry : entries) {
    if (entry.is_directory) {
      if (entry.path != "_delta_log")
        ARROW_RETURN_NOT_OK(CountNames(fs, file::JoinPath(path, entry.path), names));
    } else {
      ++*names;
    }
  }
  return arrow::Status::OK();
}

class AppendFaultTest : public TableTest {
 protected:
  std::shared_ptr<MemoryFileSystem> TableOfOneRow() {
    auto memory = std::make_shared<MemoryFileSystem>();
    const auto table = Value(Table::Create(memory, "t", *Trades(), {.partition_by = {"symbol"}}));
    const auto report = Append(*table, Batch({{1, 1, 1, {}, "A"}}));
    EXPECT_TRUE(report.ok()) << report.status();
    return memory;
  }
};

class AppendErrorTest : public AppendFaultTest, public ::testing::WithParamInterface<int> {};

TEST_P(AppendErrorTest, AFailureAtAnyOperationChangesNothing) {
  const auto of_one_row = TableOfOneRow();
  for (const Fault::Effect effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
    int failures = 0;
    for (int64_t n = 1;; ++n) {
      const auto memory = of_one_row->Copy();
      const auto faulty = std::make_shared<FaultFileSystem>(memory);
      const auto table = Value(Table::Open(faulty, "t"));
      table->log().set_checkpointing(delta::Log::Checkpointing::kNever);
      const int64_t before = faulty->operations();
      faulty->FailAt({.operation = before + n, .error_number = GetParam(), .effect = effect});
      const auto report = Append(*table, Batch({{2, 1, 2, {}, "A"}, {3, 1, 3, {}, "B"}}));
      if (faulty->operations() < before + n) {
        EXPECT_TRUE(report.ok());
        break;
      }
      const auto now = Value(Table::Open(memory, "t"));
      const auto sizes = Sizes(*Read(*now));
      if (report.ok() || IsKind(report.status(), ErrorKind::kCommitUnknown)) {
        // The failure hit something that does not matter, or the commit's own end: then all or nothing.
        if (report.ok()) {
          EXPECT_THAT(sizes, ElementsAre(1, 2, 3)) << n;
        } else {
          EXPECT_TRUE(sizes.size() == 1 || sizes.size() == 3) << n;
        }
        continue;
      }
      ++failures;
      EXPECT_THAT(sizes, ElementsAre(1)) << "operation " << n << ": " << report.status();
      EXPECT_EQ(now->version(), 1);
      if (effect == Fault::Effect::kNone) {
        int names = 0;
        MQ_OK(CountNames(*memory, "t", &names));
        EXPECT_EQ(names, 1) << "operation " << n << ": " << report.status();
      }
      // Another try succeeds.
      MQ_OK(Append(*now, Batch({{2, 1, 2, {}, "A"}, {3, 1, 3, {}, "B"}})).status());
      EXPECT_THAT(Sizes(*Read(*Value(Table::Open(memory, "t")))), ElementsAre(1, 2, 3));
    }
    EXPECT_GT(failures, 10);
  }
}

INSTANTIATE_TEST_SUITE_P(Errors, AppendErrorTest, ::testing::Values(ENOSPC, EDQUOT, EIO, EINTR),
                         [](const auto& info) { return std::string(strerrorname_np(info.param)); });

// With so little memory that row groups end early, of partitions whose turn it is not, too.
TEST_F(AppendFaultTest, AFailureChangesNothingWhenMemoryIsShort) {
  const auto of_one_row = TableOfOneRow();
  constexpr int32_t kRows = 24'000;
  std::vector<Trade> trades;
  for (int32_t i = 0; i < kRows; ++i) {
    const auto mixed = static_cast<int64_t>(static_cast<uint64_t>(i) * 0x9E3779B97F4A7C15 >> 8);
    trades.push_back({.ts_event = mixed, .price = mixed, .size = i + 2, .f = 0.5, .symbol = "ABC"});
    trades.back().symbol = std::string(1, static_cast<char>('A' + i % 3));
  }
  const auto rows = Batch(trades);
  AppendOptions options;
  options.file.memory = 1 << 20;
  const auto append = [&](Table& table) -> arrow::Result<AppendReport> {
    table.log().set_checkpointing(delta::Log::Checkpointing::kNever);
    ARROW_ASSIGN_OR_RAISE(const auto appender, table.NewAppender(options));
    for (int batch = 0; batch < 3; ++batch) ARROW_RETURN_NOT_OK(appender->Write(*rows));
    return appender->Commit();
  };
  for (const auto thrown : {Fault::Thrown::kNothing, Fault::Thrown::kBadAlloc, Fault::Thrown::kSystemError}) {
    int failures = 0;
    for (int64_t n = 1;; ++n) {
      const auto memory = of_one_row->Copy();
      const auto faulty = std::make_shared<FaultFileSystem>(memory);
      const auto table = Value(Table::Open(faulty, "t"));
      const int64_t before = faulty->operations();
      faulty->FailAt({.operation = before + n, .error_number = EIO, .thrown = thrown});
      const auto report = append(*table);
      if (faulty->operations() < before + n) {
        MQ_OK(report.status());
        EXPECT_EQ(report->rows, 3 * kRows);
        EXPECT_EQ(report->files.size(), 3u);
        int row_groups = 0;
        for (const auto& file : report->files) {
          row_groups += Value(pq::FileReader::Open(memory, file.path))->num_row_groups();
        }
        EXPECT_GT(row_groups, 3);
        break;
      }
      if (report.ok() || IsKind(report.status(), ErrorKind::kCommitUnknown)) continue;
      ++failures;
      const auto now = Value(Table::Open(memory, "t"));
      EXPECT_EQ(now->version(), 1) << "operation " << n << ": " << report.status();
      EXPECT_THAT(Sizes(*Read(*now)), ElementsAre(1));
      int names = 0;
      MQ_OK(CountNames(*memory, "t", &names));
      EXPECT_EQ(names, 1) << "operation " << n << ": " << report.status();
    }
    EXPECT_GT(failures, 20);
  }
}

TEST_F(AppendFaultTest, AnAppendThatReturnedSurvivesAPowerCut) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  const auto table =
      Value(Table::Create(memory, "deep/down/t", *Trades(), {.partition_by = {"symbol", "date"}}));
  table->log().set_checkpointing(delta::Log::Checkpointing::kInline);
  for (int32_t i = 0; i < 15; ++i) {
    MQ_OK(Append(*table, Batch({{1, 1, 2 * i, {}, std::string(1, static_cast<char>('A' + i))},
                                {1, 1, 2 * i + 1, {}, "Z"}}))
              .status());
    const auto after = memory->AfterPowerCut();
    const auto survived = Table::Open(after, "deep/down/t");
    ASSERT_TRUE(survived.ok()) << survived.status();
    ASSERT_EQ(Sizes(*Read(**survived)).size(), static_cast<size_t>(2 * i + 2));
  }
}

TEST_F(AppendFaultTest, AnAppendThatWasAppliedIsToldSoThoughItsFilesCannotBeRemoved) {
  const auto of_one_row = TableOfOneRow();
  AppendOptions options;
  options.transaction = delta::Transaction{"feed", 7, std::nullopt};
  const auto rows = Batch({{2, 1, 2, {}, "A"}, {3, 1, 3, {}, "B"}});
  // Two writers bring the same rows; the second learns of it when its data files are written.
  const auto second = [&](const std::shared_ptr<MemoryFileSystem>& memory,
                          const std::shared_ptr<Table>& table) {
    table->log().set_checkpointing(delta::Log::Checkpointing::kNever);
    const auto appender = Value(table->NewAppender(options));
    EXPECT_TRUE(appender->Write(*rows).ok());
    EXPECT_TRUE(appender->Finish().ok());
    EXPECT_TRUE(Append(*Value(Table::Open(memory, "t")), rows, options).ok());
    return appender->Commit();
  };
  int64_t removal = 0;
  for (const bool fails : {false, true}) {
    const auto memory = of_one_row->Copy();
    const auto faulty = std::make_shared<FaultFileSystem>(memory);
    faulty->OnOperation([&](int64_t number, std::string_view name, const std::string& path) {
      if (removal == 0 && name == "remove" && path.ends_with(".parquet")) removal = number;
    });
    if (fails) faulty->FailAt({.operation = removal, .error_number = EROFS, .lasting = true});
    const auto report = second(memory, Value(Table::Open(faulty, "t")));
    ASSERT_GT(removal, 0);
    MQ_OK(report.status());
    EXPECT_TRUE(report->already_applied);
    EXPECT_EQ(report->version, 2);
    EXPECT_THAT(Sizes(*Read(*Value(Table::Open(memory, "t")))), ElementsAre(1, 2, 3));
    int names = 0;
    MQ_OK(CountNames(*memory, "t", &names));
    EXPECT_EQ(names, fails ? 5 : 3);
  }
}

TEST_F(AppendFaultTest, OnlyDirectoriesThatHoldNoCommittedFileAreMade) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  std::vector<Trade> trades;
  for (int i = 0; i < 30; ++i) trades.push_back({1, 1, i, {}, fmt::format("S{}", i)});
  const auto made = Value(Table::Create(memory, "t", *Trades(), {.partition_by = {"symbol"}}));
  MQ_OK(Append(*made, Batch(trades)).status());
  const auto watched = std::make_shared<FaultFileSystem>(memory);
  std::mutex one_at_a_time;
  std::vector<std::string> directories;
  watched->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    std::lock_guard lock(one_at_a_time);
    if (name == "create the directory") directories.push_back(path);
  });
  const auto table = Value(Table::Open(watched, "t"));
  for (const char* added : {"S", "S1x", "T"}) {  // the first and the second are the beginning of others
    trades.push_back({1, 1, 100, {}, added});
    MQ_OK(Append(*table, Batch(trades)).status());
    EXPECT_THAT(directories, ElementsAre(std::string("t/symbol=") + added));
    directories.clear();
  }
}

TEST_F(AppendFaultTest, APowerCutWithinAnAppendLeavesAWholeVersion) {
  const auto of_one_row = TableOfOneRow();
  for (int64_t n = 1;; ++n) {
    const auto memory = of_one_row->Copy();
    const auto faulty = std::make_shared<FaultFileSystem>(memory);
    const auto table = Value(Table::Open(faulty, "t"));
    table->log().set_checkpointing(delta::Log::Checkpointing::kNever);
    const int64_t before = faulty->operations();
    std::shared_ptr<MemoryFileSystem> cut;
    std::shared_ptr<MemoryFileSystem> torn;
    faulty->OnOperation([&](int64_t number, std::string_view, const std::string&) {
      if (number == before + n) {
        cut = memory->AfterPowerCut();
        torn = memory->AfterPowerCut(Surviving::Drawn(static_cast<uint64_t>(n)));
      }
    });
    MQ_OK(Append(*table, Batch({{2, 1, 2, {}, "A"}, {3, 1, 3, {}, "B"}})).status());
    if (cut == nullptr) break;
    for (const auto& after : {cut, torn}) {
      const auto reopened = Table::Open(after, "t");
      ASSERT_TRUE(reopened.ok()) << n << reopened.status();
      const auto rows = Value((*reopened)->NewScan()).ToTable();
      ASSERT_TRUE(rows.ok()) << n << rows.status();
      const auto sizes = Sizes(**rows);
      EXPECT_TRUE(sizes == std::vector<int32_t>{1} || sizes == (std::vector<int32_t>{1, 2, 3})) << n;
      MQ_OK(Append(**reopened, Batch({{4, 1, 4, {}, "A"}})).status());
    }
  }
}

}  // namespace
}  // namespace marquet::table
