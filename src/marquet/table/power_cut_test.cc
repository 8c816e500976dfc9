// A partitioned append under power cuts, kills and failures at each of its file operations, on a simulated
// disk.
#include <cerrno>
#include <mutex>
#include <set>

#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;

constexpr int64_t kRowsEach = 6;  // of one append, in three partitions

std::shared_ptr<arrow::RecordBatch> Rows() {
  arrow::StringBuilder symbols;
  arrow::Int64Builder values;
  for (int64_t i = 0; i < kRowsEach; ++i) {
    EXPECT_TRUE(symbols.Append(std::string(1, static_cast<char>('A' + i % 3))).ok());
    EXPECT_TRUE(values.Append(i).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("symbol", arrow::utf8()), arrow::field("value", arrow::int64())});
  return arrow::RecordBatch::Make(schema, kRowsEach, {*symbols.Finish(), *values.Finish()});
}

arrow::Status Create(const std::shared_ptr<file::FileSystem>& fs) {
  CreateOptions options;
  options.partition_by = {"symbol"};
  return Table::Create(fs, "db/table", *Rows()->schema(), options).status();
}

// Appends once: a transaction that is in the table already is not appended again.
arrow::Result<AppendReport> Append(const std::shared_ptr<file::FileSystem>& fs, int64_t transaction) {
  ARROW_ASSIGN_OR_RAISE(auto table, Table::Open(fs, "db/table"));
  AppendOptions options;
  options.transaction.emplace();
  options.transaction->app_id = "test";
  options.transaction->version = transaction;
  ARROW_ASSIGN_OR_RAISE(auto appender, table->NewAppender(options));
  ARROW_RETURN_NOT_OK(appender->Write(*Rows()));
  return appender->Commit();
}

// How many appends the table holds in this state of the disk, every row of them read; -1 without a table.
int64_t AppendsIn(const std::shared_ptr<file::FileSystem>& fs) {
  const auto table = Table::Open(fs, "db/table");
  if (IsKind(table.status(), ErrorKind::kNotFound)) return -1;
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  if (!table.ok()) return -2;
  const auto rows = Value(Value((*table)->NewScan()).ToTable());
  int64_t sum = 0;
  for (const auto& chunk : rows->GetColumnByName("value")->chunks()) {
    for (int64_t i = 0; i < chunk->length(); ++i) {
      sum += static_cast<const arrow::Int64Array&>(*chunk).Value(i);
    }
  }
  const int64_t appends = rows->num_rows() / kRowsEach;
  EXPECT_EQ(rows->num_rows(), appends * kRowsEach);
  EXPECT_EQ(sum, appends * kRowsEach * (kRowsEach - 1) / 2);
  return appends;
}

// Temporary files and data files that the table does not name.
std::vector<std::string> Leftovers(const std::shared_ptr<file::FileSystem>& fs) {
  std::set<std::string> known;
  const auto snapshot = Value(Table::Open(fs, "db/table"))->snapshot();
  for (const auto& file : snapshot->files) known.insert(file->path);
  std::vector<std::string> leftovers;
  for (const std::string directory : {"", "symbol=A", "symbol=B", "symbol=C", "_delta_log"}) {
    const auto names = fs->ListNames(file::JoinPath("db/table", directory));
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      const std::string path = directory.empty() ? name : file::JoinPath(directory, name);
      if (name.ends_with(".tmp") || (name.ends_with(".parquet") && !known.contains(path))) {
        leftovers.push_back(path);
      }
    }
  }
  return leftovers;
}

TEST(TablePowerCutTest, AcknowledgedAppendsSurviveAndOthersAreWholeOrAbsent) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  const auto fs = std::make_shared<FaultFileSystem>(memory);
  std::mutex one_at_a_time;  // partitions are written by several threads
  int64_t acknowledged = -1;
  int states = 0;
  const auto look = [&] {
    std::lock_guard lock(one_at_a_time);
    AfterEachPowerCut(*memory, [&](const std::shared_ptr<MemoryFileSystem>& after) {
      const int64_t appends = AppendsIn(after);
      ++states;
      ASSERT_GE(appends, acknowledged);
      ASSERT_LE(appends, acknowledged + 1);
    });
  };
  fs->OnOperation([&](int64_t, std::string_view, const std::string&) { look(); });

  ASSERT_TRUE(Create(fs).ok());
  acknowledged = 0;
  for (int64_t i = 1; i <= 2; ++i) {
    const auto report = Append(fs, i);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    acknowledged = i;
  }
  look();
  EXPECT_GT(states, 200);
}

TEST(TablePowerCutTest, RunAgainAfterAKillTheTableEndsEqualAndLasts) {
  for (int64_t n = 1;; ++n) {
    const auto memory = std::make_shared<MemoryFileSystem>();
    ASSERT_TRUE(Create(memory).ok());
    const auto killed = std::make_shared<FaultFileSystem>(memory);
    killed->FailAt({.operation = n, .error_number = EIO, .lasting = true});  // does nothing from there on
    const auto first = Append(killed, 1);

    const auto second = Append(memory, 1);
    ASSERT_TRUE(second.ok()) << second.status().ToString();
    EXPECT_EQ(AppendsIn(memory), 1) << "killed at operation " << n;
    EXPECT_EQ(AppendsIn(memory->AfterPowerCut()), 1) << "killed at operation " << n;
    if (killed->operations() < n) {
      EXPECT_TRUE(first.ok());
      EXPECT_TRUE(second->already_applied);
      break;
    }
  }
}

TEST(TablePowerCutTest, FailedAppendLeavesNothingBehind) {
  const auto of_one_append = std::make_shared<MemoryFileSystem>();
  ASSERT_TRUE(Create(of_one_append).ok());
  ASSERT_TRUE(Append(of_one_append, 1).ok());
  for (auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf}) {
    for (int64_t n = 1;; ++n) {
      const auto memory = of_one_append->Copy();
      const auto faulty = std::make_shared<FaultFileSystem>(memory);
      faulty->FailAt({n, ENOSPC, effect});
      const auto status = Append(faulty, 2).status();
      SCOPED_TRACE("operation " + std::to_string(n) + ": " + status.ToString());
      if (!status.ok() && !IsKind(status, ErrorKind::kCommitUnknown)) {
        EXPECT_TRUE(IsKind(status, ErrorKind::kStorage));
        EXPECT_EQ(ErrnoOf(status), ENOSPC);
        EXPECT_NE(status.message().find("No space left on device"), std::string::npos);
        EXPECT_EQ(AppendsIn(memory), 1);
        EXPECT_TRUE(Leftovers(memory).empty());
        ASSERT_TRUE(Append(memory, 2).ok());
      }
      EXPECT_EQ(AppendsIn(memory), 2);
      if (faulty->operations() < n) {
        EXPECT_TRUE(status.ok());
        break;
      }
    }
  }
}

}  // namespace
}  // namespace marquet::table
