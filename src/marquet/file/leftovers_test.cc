#include "marquet/file/leftovers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "gtest/gtest.h"
#include "marquet/base/error.h"
#include "marquet/file/file_owner.h"
#include "marquet/file/temporary_name.h"
#include "marquet/file/test_directory.h"

namespace marquet::file {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHour = 3'600'000;

// The number of a process that has ended.
int64_t GonePid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  return child;
}

class LeftoversTest : public DirectoryTest {
 protected:
  static std::string Name(int64_t pid, int counter = 0, const std::string& ending = ".tmp") {
    return fmt::format(".day.parquet.{:x}-{:x}-{:016x}{}", pid, counter, 0x123456789abcdefull, ending);
  }

  std::string Put(const std::string& name, int64_t age_ms = 2 * kHour) {
    const fs::path path = fs::path(directory_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "0123456789";
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::milliseconds(age_ms));
    return path.string();
  }

  std::vector<Leftover> Find(bool remove = false, int64_t older_than_ms = kHour) {
    LeftoverOptions options;
    options.remove = remove;
    options.older_than_ms = older_than_ms;
    auto found = FindLeftovers(directory_, options);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return *std::move(found);
  }

  const int64_t gone_ = GonePid();
};

TEST_F(LeftoversTest, AreListedAndRemovedOnlyWhenAsked) {
  const std::string top = Put(Name(gone_)), deep = Put("a=1/b=2/" + Name(gone_, 1));
  const std::string data = Put("a=1/part-0.parquet");
  const auto listed = Find();
  ASSERT_EQ(listed.size(), 2u);
  for (const Leftover& file : listed) {
    EXPECT_FALSE(file.kept() || file.removed || file.journal);
    EXPECT_EQ(file.bytes, 10);
    EXPECT_EQ(file.pid, gone_);
    EXPECT_EQ(file.final_name, "day.parquet");
    EXPECT_GE(file.age_ms, 2 * kHour);
  }
  EXPECT_TRUE(fs::exists(top) && fs::exists(deep));
  const auto removed = Find(/*remove=*/true);
  ASSERT_EQ(removed.size(), 2u);
  EXPECT_TRUE(removed[0].removed && removed[1].removed);
  EXPECT_FALSE(fs::exists(top) || fs::exists(deep));
  EXPECT_TRUE(fs::exists(data));
  EXPECT_TRUE(Find(true).empty());
}

TEST_F(LeftoversTest, FilesThatMarquetDidNotMakeStay) {
  const std::string unique = Name(gone_);
  std::vector<std::string> others;
  for (const std::string& name :
       {std::string("part-0.parquet"), std::string(".tmp"), std::string(".x.tmp"),
        std::string("_delta_log/00000000000000000000.json"), unique.substr(1), unique + ".tmp", unique + "~",
        std::string(".day.parquet.journal"), std::string(".day.36d26ccd-93e4-4bc3-9d41-4be3ab77bc5c.tmp")}) {
    others.push_back(Put(name));
  }
  // A directory of such a name stays with what nobody stages, and so does one with a journal's name.
  for (const std::string inside : {"/other.parquet", "/below/day.parquet"}) {
    others.push_back(Put(Name(gone_, 7) + inside));
  }
  others.push_back(Put(Name(gone_, 8, ".journal") + "/day.parquet"));
  others.push_back(Put("kept/day.parquet"));
  fs::create_directory_symlink(fs::path(directory_) / "kept", fs::path(directory_) / Name(gone_, 9));
  EXPECT_TRUE(Find(true).empty());
  for (const std::string& path : others) EXPECT_TRUE(fs::exists(path)) << path;
}

TEST_F(LeftoversTest, StagingDirectoriesGoWithWhatIsInThem) {
  const std::string directory = directory_ + "/a=1/" + Name(gone_, 7);
  const auto put = [&](int64_t age_ms) {
    const std::string published = Put("a=1/" + Name(gone_, 7) + "/day.parquet", age_ms);
    Put("a=1/" + Name(gone_, 7) + "/" + Name(gone_, 8), age_ms);
    Put("a=1/" + Name(gone_, 7) + "/" + Name(gone_, 8, ".journal"), age_ms);
    fs::last_write_time(directory, fs::file_time_type::clock::now() - std::chrono::milliseconds(2 * kHour));
    return published;
  };
  // As young as the youngest in it.
  const std::string published = put(kHour / 2);
  for (const Leftover& one : Find(true)) EXPECT_TRUE(one.young) << one.path;
  EXPECT_TRUE(fs::exists(published));
  put(2 * kHour);
  const auto listed = Find();
  ASSERT_EQ(listed.size(), 4u);
  EXPECT_EQ(listed[0].path, directory);
  EXPECT_EQ(listed[0].bytes, 0);
  for (const Leftover& one : listed) {
    EXPECT_FALSE(one.kept() || one.removed) << one.path;
    EXPECT_EQ(one.pid, gone_);
    EXPECT_EQ(one.final_name, "day.parquet");
  }
  EXPECT_TRUE(fs::exists(published));
  const auto removed = Find(true);
  ASSERT_EQ(removed.size(), 4u);
  for (const Leftover& one : removed) EXPECT_TRUE(one.removed) << one.path;
  EXPECT_FALSE(fs::exists(directory));
  EXPECT_TRUE(fs::exists(directory_ + "/a=1"));
}

TEST_F(LeftoversTest, StagingDirectoriesOfLivingProcessesStay) {
  const std::string published = Put(Name(::getpid(), 7) + "/day.parquet", 0);
  const auto found = Find(true, 0);
  ASSERT_EQ(found.size(), 2u);
  for (const Leftover& one : found) EXPECT_TRUE(one.owner_lives && !one.removed) << one.path;
  EXPECT_TRUE(fs::exists(published));
}

TEST_F(LeftoversTest, YoungFilesStay) {
  const std::string path = Put(Name(gone_), kHour / 2);
  ASSERT_EQ(Find(true).size(), 1u);
  EXPECT_TRUE(Find(true)[0].young);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_TRUE(Find(true, kHour / 3)[0].removed);
}

TEST_F(LeftoversTest, FilesOfLivingProcessesStay) {
  // This process began before the file was changed; a file of an hour ago was another's of the same number.
  const std::string mine = Put(Name(::getpid()), 0);
  const std::string older = Put(Name(::getpid(), 1), int64_t{365} * 24 * kHour * 20);
  const auto found = Find(true, 0);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0].owner_lives && !found[0].removed);
  EXPECT_TRUE(found[1].removed);
  EXPECT_TRUE(fs::exists(mine));
  EXPECT_FALSE(fs::exists(older));
}

TEST_F(LeftoversTest, AnEndedProcessThatNobodyWaitedForIsGone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const TemporaryName name{"day.parquet", child, false};
  EXPECT_FALSE(OwnerMayLive(name, INT64_MAX / 2));
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(LeftoversTest, AJournalIsAsYoungAsItsFile) {
  const std::string file = Put(Name(gone_), 0), journal = Put(Name(gone_, 0, ".journal"));
  const std::string alone = Put(Name(gone_, 1, ".journal"));
  const auto found = Find(true);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_TRUE(fs::exists(file) && fs::exists(journal));
  EXPECT_FALSE(fs::exists(alone));
  for (const Leftover& one : found) EXPECT_EQ(one.removed, one.path == alone) << one.path;
}

TEST_F(LeftoversTest, SymbolicLinksAreNotFollowed) {
  const std::string elsewhere = directory_ + "-elsewhere";
  fs::create_directory(elsewhere);
  const fs::path outside = fs::path(elsewhere) / Name(gone_);
  std::ofstream(outside) << "x";
  fs::last_write_time(outside, fs::file_time_type::clock::now() - std::chrono::hours(2));
  fs::create_directory_symlink(elsewhere, fs::path(directory_) / "link");
  fs::create_symlink(outside, fs::path(directory_) / Name(gone_, 1));
  fs::create_directory_symlink(directory_, fs::path(directory_) / "loop");
  EXPECT_TRUE(Find(true).empty());
  EXPECT_TRUE(fs::exists(outside));
  EXPECT_TRUE(fs::is_symlink(fs::path(directory_) / Name(gone_, 1)));
  fs::remove_all(elsewhere);
}

TEST_F(LeftoversTest, AMissingDirectoryIsAnError) {
  EXPECT_TRUE(IsKind(FindLeftovers(At("nowhere"), {}).status(), ErrorKind::kNotFound));
  const std::string file = Put("part-0.parquet");
  EXPECT_TRUE(IsKind(FindLeftovers(file, {}).status(), ErrorKind::kStorage));
}

}  // namespace
}  // namespace marquet::file
