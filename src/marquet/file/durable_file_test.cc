#include "marquet/file/durable_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/test_directory.h"

namespace marquet::file {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DurableFileTest : public DirectoryTest {
 protected:
  std::vector<std::string> Names() const { return NamesIn(*fs_, directory_); }

  std::shared_ptr<FileSystem> fs_ = LocalFileSystem();
};

TEST_F(DurableFileTest, AppearsOnlyWhenPublished) {
  auto file = DurableFile::Create(fs_, At("day.parquet")).ValueOrDie();
  ASSERT_TRUE(file->Write("hello ", 6).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_FALSE(Exists(*fs_, At("day.parquet")).ValueOrDie());
  EXPECT_THAT(FileName(file->temporary_path()), testing::MatchesRegex("\\.day\\.parquet\\..*\\.tmp"));

  ASSERT_TRUE(file->Publish().ok());
  EXPECT_THAT(Names(), ElementsAre("day.parquet"));
  EXPECT_EQ(ReadAll(*fs_, At("day.parquet")).ValueOrDie(), "hello ");
  EXPECT_TRUE(file->Abort().ok());
  EXPECT_THAT(Names(), ElementsAre("day.parquet"));
}

TEST_F(DurableFileTest, SmallAndLargeWritesKeepTheirOrderAndDigest) {
  auto file = DurableFile::Create(fs_, At("mixed")).ValueOrDie();
  std::string all;
  for (int64_t size : {1, 100, 65'535, 65'536, 3, 200'000, 65'000, 536, 1, 70'000, 7}) {
    std::string piece(static_cast<size_t>(size), static_cast<char>('a' + all.size() % 26));
    all += piece;
    ASSERT_TRUE(file->Write(piece.data(), size).ok());
    EXPECT_EQ(file->Tell().ValueOrDie(), static_cast<int64_t>(all.size()));
    EXPECT_EQ(file->Digest(), Xxh3Hex(all));
  }
  auto written = file->OpenWritten().ValueOrDie();
  EXPECT_EQ(written->GetSize().ValueOrDie(), file->size());
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(ReadAll(*fs_, At("mixed")).ValueOrDie(), all);
}

TEST_F(DurableFileTest, GoesOnAfterItWasParked) {
  auto file = DurableFile::Create(fs_, At("parked")).ValueOrDie();
  std::string all;
  for (const int64_t size : {10, 100'000, 0, 70'000, 5, 200'000}) {
    const std::string piece(static_cast<size_t>(size), static_cast<char>('a' + all.size() % 26));
    all += piece;
    ASSERT_TRUE(file->Write(piece.data(), size).ok());
    ASSERT_TRUE(file->Park().ok());
    ASSERT_TRUE(file->Park().ok());
  }
  EXPECT_EQ(file->Digest(), Xxh3Hex(all));
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(ReadAll(*fs_, At("parked")).ValueOrDie(), all);
}

// Nobody has it open meanwhile: what a write that failed later would tell of must be known before.
TEST_F(DurableFileTest, IsSyncedBeforeItIsParked) {
  const auto watched = std::make_shared<FaultFileSystem>(fs_);
  std::vector<std::string> names;
  watched->OnOperation([&](int64_t, std::string_view name, const std::string&) { names.emplace_back(name); });
  auto file = DurableFile::Create(watched, At("parked")).ValueOrDie();
  ASSERT_TRUE(file->Park().ok());
  ASSERT_TRUE(file->Write(std::string(100'000, 'x').data(), 100'000).ok());
  ASSERT_TRUE(file->Park().ok());
  EXPECT_THAT(names, ElementsAre("create", "close", "stat", "open again", "append", "sync", "close"));
}

TEST_F(DurableFileTest, DoesNotGoOnWithWhatAnotherHasChanged) {
  auto file = DurableFile::Create(fs_, At("parked")).ValueOrDie();
  ASSERT_TRUE(file->Write(std::string(100'000, 'x').data(), 100'000).ok());
  ASSERT_TRUE(file->Park().ok());
  std::filesystem::resize_file(file->temporary_path(), 5);
  const auto status = file->Write(std::string(100'000, 'x').data(), 100'000);
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("100000 bytes were written to it, and it has 5"));
  EXPECT_FALSE(file->Publish().ok());
}

TEST_F(DurableFileTest, TakenNameIsLeftAsItWas) {
  ASSERT_TRUE(PutNew(fs_, At("name"), "old").ok());
  const auto status = PutNew(fs_, At("name"), "new");
  EXPECT_TRUE(IsKind(status, ErrorKind::kAlreadyExists)) << status.ToString();
  EXPECT_EQ(ErrnoOf(status), EEXIST);
  EXPECT_THAT(status.message(), HasSubstr(At("name")));
  EXPECT_EQ(ReadAll(*fs_, At("name")).ValueOrDie(), "old");
  EXPECT_THAT(Names(), ElementsAre("name"));
}

TEST_F(DurableFileTest, ReplacingPutsTheNewContentInPlace) {
  ASSERT_TRUE(PutReplacing(fs_, At("name"), "old").ok());
  ASSERT_TRUE(PutReplacing(fs_, At("name"), "new").ok());
  EXPECT_EQ(ReadAll(*fs_, At("name")).ValueOrDie(), "new");
  EXPECT_THAT(Names(), ElementsAre("name"));
}

TEST_F(DurableFileTest, AbortAndDestructionLeaveNothing) {
  auto file = DurableFile::Create(fs_, At("a")).ValueOrDie();
  ASSERT_TRUE(file->Write("x", 1).ok());
  EXPECT_THAT(Names(), Not(IsEmpty()));
  EXPECT_TRUE(file->Abort().ok());
  EXPECT_TRUE(file->Abort().ok());
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_FALSE(file->Publish().ok());
  EXPECT_FALSE(file->Write("x", 1).ok());

  DurableFile::Create(fs_, At("b")).ValueOrDie().reset();
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DurableFileTest, CloseDoesNotPublishAndEndsWriting) {
  auto file = DurableFile::Create(fs_, At("a")).ValueOrDie();
  ASSERT_TRUE(file->Write("x", 1).ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_TRUE(file->closed());
  EXPECT_FALSE(Exists(*fs_, At("a")).ValueOrDie());
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(ReadAll(*fs_, At("a")).ValueOrDie(), "x");
}

TEST_F(DurableFileTest, WriteAfterSyncPoisonsUntilAbort) {
  auto file = DurableFile::Create(fs_, At("a")).ValueOrDie();
  ASSERT_TRUE(file->Sync().ok());
  const auto first = file->Write("x", 1);
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(file->Publish().message(), first.message());
  EXPECT_EQ(file->Flush().message(), first.message());
  EXPECT_EQ(file->Close().message(), first.message());
  EXPECT_TRUE(file->Abort().ok());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DurableFileTest, LongNamesStillHaveATemporaryName) {
  std::string name;
  while (name.size() + 2 <= 255) name += "é";
  ASSERT_TRUE(PutNew(fs_, At(name), "x").ok());
  EXPECT_THAT(Names(), ElementsAre(name));

  const auto status = PutNew(fs_, At(name + "éé"), "x");
  EXPECT_EQ(ErrnoOf(status), ENAMETOOLONG) << status.ToString();
  EXPECT_THAT(Names(), ElementsAre(name));
}

TEST_F(DurableFileTest, MissingDirectoryIsNamed) {
  const auto status = PutNew(fs_, At("none/file"), "x");
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound));
  EXPECT_THAT(status.message(), HasSubstr("none/file"));
  EXPECT_TRUE(IsKind(PutNew(fs_, directory_ + "/", "x"), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(PutNew(fs_, "", "x"), ErrorKind::kInvalidInput));
}

}  // namespace
}  // namespace marquet::file
