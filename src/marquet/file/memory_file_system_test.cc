#include "marquet/file/memory_file_system.h"

#include <cerrno>
#include <set>

#include <gmock/gmock.h>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "marquet/base/error.h"
#include "marquet/file/test_directory.h"

namespace marquet::file {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class MemoryFileSystemTest : public ::testing::Test {
 protected:
  std::unique_ptr<WritableFile> Write(const std::string& path, std::string_view bytes) {
    auto file = fs_.CreateNew(path).ValueOrDie();
    EXPECT_TRUE(file->Append(bytes.data(), static_cast<int64_t>(bytes.size())).ok());
    return file;
  }

  MemoryFileSystem fs_;
};

TEST_F(MemoryFileSystemTest, WhatWasNotSyncedIsGone) {
  Write("data only", "1")->Sync().ok();
  Write("nothing", "2");
  EXPECT_THAT(NamesIn(*fs_.AfterPowerCut(), "/"), IsEmpty());

  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  Write("later", "3");
  const auto after = fs_.AfterPowerCut();
  EXPECT_THAT(NamesIn(*after, "/"), ElementsAre("data only", "nothing"));
  EXPECT_EQ(ReadAll(*after, "data only").ValueOrDie(), "1");
  EXPECT_EQ(ReadAll(*after, "nothing").ValueOrDie(), "");
  EXPECT_THAT(NamesIn(fs_, "/"), ElementsAre("data only", "later", "nothing"));
}

TEST_F(MemoryFileSystemTest, ACopyGoesItsOwnWayFromTheSameState) {
  ASSERT_TRUE(Write("durable", "1")->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  Write("pending", "2");
  const auto copy = fs_.Copy();
  EXPECT_EQ(copy->DescribePending(), fs_.DescribePending());
  EXPECT_THAT(NamesIn(*copy->AfterPowerCut(), "/"), ElementsAre("durable"));

  ASSERT_TRUE(copy->Remove("durable").ok());
  ASSERT_TRUE(copy->SyncDirectory("/").ok());
  EXPECT_THAT(NamesIn(*copy->AfterPowerCut(), "/"), ElementsAre("pending"));
  EXPECT_THAT(NamesIn(fs_, "/"), ElementsAre("durable", "pending"));
  EXPECT_THAT(NamesIn(*fs_.AfterPowerCut(), "/"), ElementsAre("durable"));

  Write("written later", "3");
  EXPECT_FALSE(Exists(*copy, "written later").ValueOrDie());
  EXPECT_EQ(ReadAll(fs_, "written later").ValueOrDie(), "3");
}

TEST_F(MemoryFileSystemTest, DirectoryNeedsItsParentSynced) {
  ASSERT_TRUE(fs_.CreateDirectory("a").ok());
  ASSERT_TRUE(Write("a/file", "x")->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("a").ok());
  EXPECT_THAT(NamesIn(*fs_.AfterPowerCut(), "/"), IsEmpty());
  ASSERT_TRUE(fs_.SyncDirectory(".").ok());
  EXPECT_EQ(ReadAll(*fs_.AfterPowerCut(), "a/file").ValueOrDie(), "x");
}

TEST_F(MemoryFileSystemTest, PublishIsOneChangeUntilTheDirectoryIsSynced) {
  ASSERT_TRUE(Write("tmp", "new")->Sync().ok());
  ASSERT_TRUE(Write("name", "old")->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  EXPECT_TRUE(IsKind(fs_.PublishNew("tmp", "name"), ErrorKind::kAlreadyExists));
  ASSERT_TRUE(fs_.PublishReplacing("tmp", "name").ok());
  EXPECT_THAT(fs_.DescribePending(), ElementsAre("publish name"));
  EXPECT_EQ(ReadAll(*fs_.AfterPowerCut(), "name").ValueOrDie(), "old");
  EXPECT_EQ(ReadAll(*fs_.AfterPowerCut(Surviving::Subset(1)), "name").ValueOrDie(), "new");
  EXPECT_THAT(NamesIn(*fs_.AfterPowerCut(Surviving::Subset(1)), "/"), ElementsAre("name"));
}

TEST_F(MemoryFileSystemTest, SubsetsReachEveryStateOfTheDisk) {
  auto file = Write("f", "ab");
  ASSERT_TRUE(file->Append("cd", 2).ok());
  EXPECT_THAT(fs_.DescribePending(),
              ElementsAre("create f", "write 2 bytes at byte 0 of f", "write 2 bytes at byte 2 of f"));
  std::set<std::string> states;
  for (uint64_t subset = 0; subset < 8; ++subset) {
    const auto after = fs_.AfterPowerCut(Surviving::Subset(subset));
    const auto bytes = ReadAll(*after, "f");
    states.insert(bytes.ok() ? "'" + *bytes + "'" : "absent");
  }
  EXPECT_THAT(states, UnorderedElementsAre("''", "'ab'", "'abcd'", std::string("'\0\0cd'", 6), "absent"));
}

TEST_F(MemoryFileSystemTest, DrawnPowerCutsTearAtSectorsAndRepeat) {
  const std::string bytes(3000, 'x');
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  auto file = Write("f", std::string(100, 'x'));
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(file->Append(bytes.data(), 3000).ok());
  std::set<std::string> states;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto state = ReadAll(*fs_.AfterPowerCut(Surviving::Drawn(seed)), "f").ValueOrDie();
    EXPECT_EQ(state, ReadAll(*fs_.AfterPowerCut(Surviving::Drawn(seed)), "f").ValueOrDie());
    // Within each aligned sector, the second write's bytes are all there or none.
    for (size_t from = 0; from < state.size(); from += 512) {
      const std::string sector = state.substr(std::max<size_t>(from, 100), from == 0 ? 412 : 512);
      EXPECT_TRUE(sector.find('x') == std::string::npos || sector.find('\0') == std::string::npos);
    }
    states.insert(state);
  }
  EXPECT_GT(states.size(), 40u);
}

TEST_F(MemoryFileSystemTest, PowerCutEndsWhatWasOpen) {
  auto file = Write("f", "x");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  auto lock = fs_.Lock("lock").ValueOrDie();
  EXPECT_TRUE(IsKind(fs_.Lock("lock").status(), ErrorKind::kConflict));
  fs_.PowerCut();
  EXPECT_EQ(fs_.PendingOperations(), 0);
  EXPECT_EQ(ErrnoOf(file->Append("y", 1)), EIO);
  EXPECT_EQ(ErrnoOf(file->Sync()), EIO);
  EXPECT_EQ(ReadAll(fs_, "f").ValueOrDie(), "");
  auto again = fs_.Lock("lock").ValueOrDie();
  lock.reset();
  EXPECT_FALSE(fs_.Lock("lock").ok());
}

TEST_F(MemoryFileSystemTest, ReaderKeepsWhatItOpened) {
  auto file = Write("f", "abc");
  auto reader = fs_.OpenForReading("f").ValueOrDie();
  ASSERT_TRUE(file->Append("def", 3).ok());
  EXPECT_EQ(reader->GetSize().ValueOrDie(), 3);
  EXPECT_EQ(reader->ReadAt(0, 10).ValueOrDie()->ToString(), "abc");
  EXPECT_EQ(fs_.Stat("f")->size, 6);
}

TEST_F(MemoryFileSystemTest, ErrorsAreThoseOfTheOperatingSystem) {
  ASSERT_TRUE(fs_.CreateDirectory("/d").ok());
  Write("/d/f", "x");
  EXPECT_EQ(ErrnoOf(fs_.CreateDirectory("d")), EEXIST);
  EXPECT_EQ(ErrnoOf(fs_.CreateDirectory("none/d")), ENOENT);
  EXPECT_EQ(ErrnoOf(fs_.CreateNew("d/f").status()), EEXIST);
  EXPECT_EQ(ErrnoOf(fs_.CreateNew("d/f/g").status()), ENOTDIR);
  EXPECT_EQ(ErrnoOf(fs_.OpenForReading("d").status()), EISDIR);
  EXPECT_EQ(ErrnoOf(fs_.OpenForReading("e").status()), ENOENT);
  EXPECT_EQ(ErrnoOf(fs_.List("d/f").status()), ENOTDIR);
  EXPECT_EQ(ErrnoOf(fs_.Remove("d")), ENOTEMPTY);
  EXPECT_EQ(ErrnoOf(fs_.Remove("/")), EBUSY);
  EXPECT_EQ(ErrnoOf(fs_.SyncDirectory("d/f")), ENOTDIR);
  EXPECT_EQ(ErrnoOf(fs_.PublishNew("d/none", "d/g")), ENOENT);
  EXPECT_EQ(ErrnoOf(fs_.PublishReplacing("d/f", "d")), EISDIR);
  EXPECT_EQ(ErrnoOf(fs_.Stat("d/../d").status()), EINVAL);
  EXPECT_TRUE(fs_.Remove("d/f").ok());
  EXPECT_TRUE(fs_.Remove("d").ok());
  fs_.SetTime(42);
  ASSERT_TRUE(fs_.CreateDirectory("late").ok());
  EXPECT_EQ(fs_.Stat("late")->modified_ms, 42);
}

}  // namespace
}  // namespace marquet::file
