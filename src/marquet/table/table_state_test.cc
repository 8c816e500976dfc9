#include "marquet/table/table_state.h"

#include "fmt/format.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using file::FaultFileSystem;
using file::MemoryFileSystem;

constexpr int kNew = 200;  // directories that no committed file lies in

class TableStateTest : public TableTest {
 protected:
  static std::string Symbol(const char* prefix, int i) { return fmt::format("{}{:04}", prefix, i); }

  static std::vector<Trade> OneEach(const char* prefix, int symbols) {
    std::vector<Trade> trades;
    for (int i = 0; i < symbols; ++i) trades.push_back({1, 1, i, {}, Symbol(prefix, i)});
    return trades;
  }

  // A table with a file for each of so many symbols.
  static std::shared_ptr<MemoryFileSystem> TableOf(int files) {
    auto memory = std::make_shared<MemoryFileSystem>();
    const auto table = Value(Table::Create(memory, "t", *Trades(), {.partition_by = {"symbol"}}));
    table->log().set_checkpointing(delta::Log::Checkpointing::kNever);
    const auto report = Append(*table, Batch(OneEach("OLD", files)));
    EXPECT_TRUE(report.ok()) << report.status();
    return memory;
  }
};

// A look at every file for each new directory would be 200 x 500 looks.
TEST_F(TableStateTest, NewDirectoriesDoNotEachLookAtEveryFile) {
  constexpr int kFiles = 500, kOnce = 10;  // as often at most is a path looked at
  const auto memory = TableOf(kFiles);
  TableState state(memory, "t");
  for (int version = 0; version < 3; ++version) {
    const int64_t before = state.paths_looked_at();
    state.Advance(Value(state.log.Latest()), /*force=*/true);
    for (int i = 0; i < kNew; ++i) {
      MQ_OK(state.EnsureDirectory("symbol=" + Symbol(version == 0   ? "NEW"
                                                     : version == 1 ? "MORE"
                                                                    : "OLD",
                                                     i)));
    }
    EXPECT_LE(state.paths_looked_at() - before, kOnce * kFiles);
  }
  // What was asked for once is known.
  const int64_t before = state.paths_looked_at();
  for (int i = 0; i < kNew; ++i) MQ_OK(state.EnsureDirectory("symbol=" + Symbol("NEW", i)));
  EXPECT_EQ(state.paths_looked_at(), before);
}

// Nor does any other step of an append ask the disk for more, the more files the table holds.
TEST_F(TableStateTest, AnAppendOfNewDirectoriesCostsTheSameOperationsWhateverTheTableHolds) {
  std::vector<int64_t> operations;
  for (const int files : {20, 1'000}) {
    const auto counted = std::make_shared<FaultFileSystem>(TableOf(files));
    const auto table = Value(Table::Open(counted, "t"));
    table->log().set_checkpointing(delta::Log::Checkpointing::kNever);
    const int64_t before = counted->operations();
    MQ_OK(Append(*table, Batch(OneEach("NEW", kNew))).status());
    operations.push_back(counted->operations() - before);
  }
  EXPECT_EQ(operations[0], operations[1]);
}

}  // namespace
}  // namespace marquet::table
