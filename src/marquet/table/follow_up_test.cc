// Files that follow a commit: writers killed and failing at each operation, power cuts, late and concurrent
// openers, notes of others.
#include "marquet/table/follow_up.h"

#include <atomic>
#include <cerrno>
#include <fstream>
#include <thread>

#include "marquet/file/durable_file.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/table/table_testing.h"

namespace marquet::table {
namespace {

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;
using testing::IsEmpty;

const char* const kFile = "_marquet/copies/rows.json";

class FollowUpTest : public TableTest {
 protected:
  // Replaces the rows by one of this size, and the file by the size as text.
  static arrow::Status Replace(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                               int32_t size, AppendMode mode = AppendMode::kOverwrite) {
    ARROW_ASSIGN_OR_RAISE(const auto table, Table::Open(fs, path));
    return Replace(*table, size, mode);
  }

  static arrow::Status Replace(Table& table, int32_t size, AppendMode mode = AppendMode::kOverwrite) {
    table.log().set_checkpointing(delta::Log::Checkpointing::kNever);
    AppendOptions options;
    options.mode = mode;
    ARROW_ASSIGN_OR_RAISE(const auto appender, table.NewAppender(options));
    ARROW_RETURN_NOT_OK(appender->Write(*Batch({{1, 1, size, {}, "A"}})));
    ARROW_ASSIGN_OR_RAISE(auto follow_up, FollowUp::Prepare(table, kFile, std::to_string(size)));
    appender->Record(follow_up.transaction());
    const auto committed = appender->Commit();
    if (committed.ok()) return follow_up.Finish();
    if (!IsKind(committed.status(), ErrorKind::kCommitUnknown)) follow_up.Discard();
    return committed.status();
  }

  static std::shared_ptr<MemoryFileSystem> TableOf(int32_t size) {
    auto memory = std::make_shared<MemoryFileSystem>();
    Value(Table::Create(memory, "t", *Trades(), {.partition_by = {"symbol"}}));
    EXPECT_TRUE(Replace(memory, "t", size).ok());
    return memory;
  }

  // The size that rows and file have, as an opener finds them.
  static int32_t Opened(const std::shared_ptr<file::FileSystem>& fs, const std::string& path = "t") {
    const auto table = Value(Table::Open(fs, path));
    const auto text = Value(file::ReadAll(*fs, file::JoinPath(path, kFile)));
    EXPECT_THAT(Sizes(*Read(*table)), testing::ElementsAre(std::stoi(text)));
    return std::stoi(text);
  }

  static std::vector<std::string> Notes(file::FileSystem& fs, const std::string& path = "t") {
    return fs.ListNames(file::JoinPath(path, kFollowUps)).ValueOr({});
  }

  // A table of 1 whose writer was killed behind the commit of 2.
  static std::shared_ptr<MemoryFileSystem> Killed() {
    const auto memory = TableOf(1);
    const auto fs = std::make_shared<FaultFileSystem>(memory);
    const auto table = Value(Table::Open(fs, "t"));
    const auto appender = Value(table->NewAppender({.mode = AppendMode::kOverwrite}));
    EXPECT_TRUE(appender->Write(*Batch({{1, 1, 2, {}, "A"}})).ok());
    const auto follow_up = Value(FollowUp::Prepare(*table, kFile, "2"));
    appender->Record(follow_up.transaction());
    EXPECT_TRUE(appender->Commit().ok());
    EXPECT_EQ(Notes(*memory).size(), 1U);
    EXPECT_EQ(Value(file::ReadAll(*memory, file::JoinPath("t", kFile))), "1");
    return memory;
  }
};

TEST_F(FollowUpTest, KilledAtAnyOperationTheNextOpenerFindsRowsAndFileOfOneCommit) {
  const auto of_one = TableOf(1);
  int old = 0, redone = 0;
  for (int64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    const auto memory = of_one->Copy();
    const auto killed = std::make_shared<FaultFileSystem>(memory);
    killed->FailAt({.operation = n, .error_number = EIO, .lasting = true});  // does nothing from there on
    const auto status = Replace(killed, "t", 2);
    const bool behind = Value(file::ReadAll(*memory, file::JoinPath("t", kFile))) == "1";
    const int32_t found = Opened(memory);
    old += found == 1;
    redone += found == 2 && behind;
    if (found == 2) {
      EXPECT_THAT(Notes(*memory), IsEmpty());
    }
    EXPECT_EQ(Opened(memory->AfterPowerCut()), found);
    MQ_OK(Replace(memory, "t", 3));
    EXPECT_EQ(Opened(memory), 3);
    if (killed->operations() < n) {
      MQ_OK(status);
      EXPECT_EQ(found, 2);
      break;
    }
  }
  EXPECT_GT(old, 10);
  EXPECT_GT(redone, 0);
}

TEST_F(FollowUpTest, AfterAPowerCutRowsAndFileAreOfOneCommit) {
  const auto memory = TableOf(1);
  const auto fs = std::make_shared<FaultFileSystem>(memory);
  int states = 0, before = 1;
  std::mutex one_at_a_time;
  const auto look = [&] {
    std::lock_guard lock(one_at_a_time);
    AfterEachPowerCut(*memory, [&](const std::shared_ptr<MemoryFileSystem>& after) {
      const int32_t found = Opened(after);
      ASSERT_TRUE(found == before || found == before + 1) << found << " after " << before;
      ++states;
    });
  };
  fs->OnOperation([&](int64_t, std::string_view, const std::string&) { look(); });
  for (; before < 4; ++before) MQ_OK(Replace(fs, "t", before + 1));
  look();
  EXPECT_GT(states, 200);
}

TEST_F(FollowUpTest, AnErrorAtAnyOperationLeavesRowsAndFileOfOneCommit) {
  const auto of_one = TableOf(1);
  for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
    for (int64_t n = 1;; ++n) {
      SCOPED_TRACE(n);
      const auto memory = of_one->Copy();
      const auto faulty = std::make_shared<FaultFileSystem>(memory);
      faulty->FailAt({.operation = n, .error_number = ENOSPC, .effect = effect});
      const auto status = Replace(faulty, "t", 2);
      const int32_t found = Opened(memory);
      EXPECT_TRUE(found == 2 || !status.ok());
      if (found == 1 && effect == Fault::Effect::kNone) {
        EXPECT_THAT(Notes(*memory), IsEmpty()) << status;
      }
      if (faulty->operations() < n) break;
    }
  }
}

TEST_F(FollowUpTest, AnOpenerThatFailsAtAnyOperationOfItOpensAllTheSame) {
  const auto done = TableOf(1), left_behind = Killed();
  MQ_OK(Replace(done, "t", 2));
  const auto counted = std::make_shared<FaultFileSystem>(done);
  Value(Table::Open(counted, "t"));
  const int64_t plain = counted->operations();  // the last of them lists the notes
  for (const int error : {EROFS, EACCES, EIO}) {
    for (int64_t n = plain;; ++n) {
      SCOPED_TRACE(n);
      const auto memory = left_behind->Copy();
      const auto faulty = std::make_shared<FaultFileSystem>(memory);
      faulty->FailAt({.operation = n, .error_number = error, .lasting = true});
      EXPECT_THAT(Sizes(*Read(*Value(Table::Open(memory, "t", 2)))), testing::ElementsAre(2));
      const auto opened = Table::Open(faulty, "t");
      MQ_OK(opened.status());
      EXPECT_EQ((*opened)->version(), 2);
      if (faulty->operations() < n) {
        EXPECT_GT(n, plain + 3);
        break;
      }
      EXPECT_EQ(Opened(memory), 2);
    }
  }
}

TEST_F(FollowUpTest, AnOlderVersionLeavesNotesAlone) {
  const auto memory = Killed();
  for (const int64_t version : {1, 2}) {
    EXPECT_EQ(Value(Table::Open(memory, "t", version))->version(), version);
    EXPECT_EQ(Notes(*memory).size(), 1U);
  }
  EXPECT_EQ(Value(file::ReadAll(*memory, file::JoinPath("t", kFile))), "1");
  EXPECT_EQ(Opened(memory), 2);
}

TEST_F(FollowUpTest, AnOpenerThatOthersOvertakeAtAnyOperationPutsNothingOldInPlace) {
  const auto left_behind = Killed();
  for (const bool writes : {false, true}) {
    for (int64_t n = 1;; ++n) {
      SCOPED_TRACE(n);
      const auto memory = left_behind->Copy();
      const auto slow = std::make_shared<FaultFileSystem>(memory);
      slow->OnOperation([&](int64_t number, std::string_view, const std::string&) {
        if (number != n) return;
        EXPECT_EQ(Opened(memory), 2);
        const auto written = writes ? Replace(memory, "t", 3) : arrow::Status::OK();
        EXPECT_TRUE(written.ok()) << written;
      });
      MQ_OK(Table::Open(slow, "t").status());
      EXPECT_EQ(Opened(memory), writes && n <= slow->operations() ? 3 : 2);
      EXPECT_THAT(Notes(*memory), IsEmpty());
      if (slow->operations() < n) break;
    }
  }
}

TEST_F(FollowUpTest, OpenersAtAnyOperationOfTheWriterFindOneCommit) {
  const auto memory = TableOf(1);
  const auto fs = std::make_shared<FaultFileSystem>(memory);
  std::mutex one_at_a_time;
  fs->OnOperation([&](int64_t, std::string_view, const std::string&) {
    std::lock_guard lock(one_at_a_time);
    Opened(memory);
  });
  for (int32_t size = 2; size < 5; ++size) MQ_OK(Replace(fs, "t", size));
  EXPECT_EQ(Opened(memory), 4);
  EXPECT_THAT(Notes(*memory), IsEmpty());
}

TEST_F(FollowUpTest, OfTwoWritersWhoBeganAtOneVersionOneCommits) {
  const auto of_one = TableOf(1);
  for (const auto mode : {AppendMode::kOverwrite, AppendMode::kAppend}) {
    for (int round = 0; round < 8; ++round) {  // numbers are drawn: either may be the larger
      const auto memory = of_one->Copy();
      const auto first = Value(Table::Open(memory, "t")), second = Value(Table::Open(memory, "t"));
      MQ_OK(Replace(*first, 2));
      const auto refused = Replace(*second, 3, mode);
      EXPECT_TRUE(IsKind(refused, ErrorKind::kConflict)) << refused;
      EXPECT_EQ(Opened(memory), 2);
      EXPECT_THAT(Notes(*memory), IsEmpty());
    }
  }
}

TEST_F(FollowUpTest, ManyOpenersAtOnceOnADisk) {
  Value(Table::Create(fs_, Path(), *Trades(), {.partition_by = {"symbol"}}));
  for (int32_t size = 1; size <= 10; ++size) {
    std::atomic<bool> done = false;
    std::vector<std::thread> openers;
    for (int i = 0; i < 3; ++i) {
      openers.emplace_back([&] {
        while (!done) EXPECT_TRUE(Table::Open(fs_, Path()).ok());
      });
    }
    const auto status = Replace(fs_, Path(), size);
    done = true;
    for (auto& opener : openers) opener.join();
    MQ_OK(status);
    EXPECT_EQ(Opened(fs_, Path()), size);
    EXPECT_THAT(Notes(*fs_, Path()), IsEmpty());
  }
}

TEST_F(FollowUpTest, NotesThatLeadElsewhereAreNotFollowed) {
  const auto memory = Killed();
  const std::string folder = file::JoinPath("t", kFollowUps), good = Notes(*memory).at(0);
  const std::string text = Value(file::ReadAll(*memory, file::JoinPath(folder, good)));
  const std::string number = text.substr(text.find("\"number\""));
  MQ_OK(memory->Remove(file::JoinPath(folder, good)));
  const std::string stem = good.substr(0, good.size() - std::string(".journal").size());
  // What a note would move lies wherever it could lead.
  for (const char* place : {"", "t", "t/_marquet", "t/_marquet/follow-ups"}) {
    const std::string temporary = file::JoinPath(place, stem + ".tmp");
    MQ_OK(file::PutNew(memory, *place == 0 ? stem + ".tmp" : temporary, "planted"));
  }
  const auto note_of = [&](const std::string& path) {
    return "{\"format\": 1, \"file\": \"" + path + "\", " + number;
  };
  const std::vector<std::string> hostile = {
      note_of("rows.json"),
      note_of("../rows.json"),
      note_of("/rows.json"),
      note_of("_marquet/../rows.json"),
      note_of("_marquet/../../rows.json"),
      note_of("_marquet/./rows.json"),
      note_of("_marquet//rows.json"),
      note_of("_marquet/follow-ups/rows.json"),
      note_of("_marquet/rows.json/"),
      note_of("_marquet/.rows.json"),
      note_of("_marquet/copies/other.json"),
      note_of("_marquet/rows.json\\u0000"),
      note_of("_marquet"),
      "",
      "{}",
      "[1]",
      "not JSON",
      "{\"format\": 2, \"file\": \"_marquet/copies/rows.json\", " + number,
      "{\"format\": 1, \"file\": 3, " + number,
      "{\"format\": 1, \"file\": \"_marquet/copies/rows.json\"}",
      "{\"format\": 1, \"file\": \"_marquet/copies/rows.json\", \"number\": \"7\"}",
      std::string(5'000, ' ')};
  for (const std::string& content : hostile) {
    SCOPED_TRACE(content.substr(0, 100));
    MQ_OK(file::PutReplacing(memory, file::JoinPath(folder, good), content));
    MQ_OK(Table::Open(memory, "t").status());
    EXPECT_TRUE(Value(file::Exists(*memory, file::JoinPath(folder, good))));
    for (const char* place : {"rows.json", "t/rows.json", "t/_marquet/rows.json",
                              "t/_marquet/copies/other.json", "t/_marquet/follow-ups/rows.json"}) {
      EXPECT_FALSE(Value(file::Exists(*memory, place))) << place;
    }
    EXPECT_EQ(Value(file::ReadAll(*memory, file::JoinPath("t", kFile))), "1");
  }
  MQ_OK(file::PutReplacing(memory, file::JoinPath(folder, good), text));
  EXPECT_EQ(Opened(memory), 2);
}

// What another writer committed under Marquet's name for it.
TEST_F(FollowUpTest, ANumberThatLeavesNoHigherOneIsDamage) {
  const int64_t lowest = int64_t{INT32_MAX} << 32;
  for (const int64_t number : {lowest - 1, lowest, INT64_MAX}) {
    SCOPED_TRACE(number);
    const auto memory = TableOf(1);
    const auto appender = Value(Value(Table::Open(memory, "t"))->NewAppender({}));
    appender->Record({"marquet.followUp", number, std::nullopt});
    MQ_OK(appender->Commit().status());
    const auto replaced = Replace(memory, "t", 2);
    if (number < lowest) {
      MQ_OK(replaced);
      EXPECT_EQ(Opened(memory), 2);
      continue;
    }
    EXPECT_TRUE(IsKind(replaced, ErrorKind::kCorruptData)) << replaced;
    EXPECT_THAT(replaced.message(), testing::HasSubstr("t/_delta_log: "));
    EXPECT_THAT(HintOf(replaced), testing::HasSubstr("Restore the log"));
    EXPECT_EQ(Opened(memory), 1);
    EXPECT_THAT(Notes(*memory), IsEmpty());
  }
}

TEST_F(FollowUpTest, OnlyFilesOfTheTablesOwnCanFollow) {
  const auto memory = TableOf(1);
  const auto table = Value(Table::Open(memory, "t"));
  for (const char* name : {"rows.json", "../x", "_marquet/../x", "_marquet/follow-ups/x", "_marquet/", "",
                           "_marquet/a/.hidden"}) {
    EXPECT_TRUE(IsKind(FollowUp::Prepare(*table, name, "").status(), ErrorKind::kInvalidInput)) << name;
  }
  std::string too_long = "_marquet/";
  too_long.append(200, 'x');
  EXPECT_TRUE(IsKind(FollowUp::Prepare(*table, too_long, "").status(), ErrorKind::kInvalidInput));
}

}  // namespace
}  // namespace marquet::table
