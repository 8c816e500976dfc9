#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include <gmock/gmock.h>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "marquet/base/error.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/test_directory.h"

namespace marquet::file {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LocalFileSystemTest : public DirectoryTest {
 protected:
  void Write(const std::string& name, std::string_view bytes) {
    auto file = fs_->CreateNew(At(name)).ValueOrDie();
    ASSERT_TRUE(file->Append(bytes.data(), static_cast<int64_t>(bytes.size())).ok());
    ASSERT_TRUE(file->Close().ok());
  }

  std::shared_ptr<FileSystem> fs_ = LocalFileSystem();
};

// Runs `body` in a forked child and gives its exit code, or minus the signal that ended it.
template <typename Body>
int InChild(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST_F(LocalFileSystemTest, ReadsAnywhereFromManyThreads) {
  std::string bytes(1 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  Write("data", bytes);
  auto file = fs_->OpenForReading(At("data")).ValueOrDie();
  EXPECT_EQ(file->GetSize().ValueOrDie(), 1 << 20);

  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 500; ++i) {
        const size_t at = (t * 7919 + i * 104729) % (bytes.size() - 4096);
        auto buffer = file->ReadAt(static_cast<int64_t>(at), 4096).ValueOrDie();
        if (buffer->ToString() != bytes.substr(at, 4096)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(LocalFileSystemTest, ReadsStopAtTheEndAndTakeNoMemoryBeyondIt) {
  Write("data", "0123456789");
  auto file = fs_->OpenForReading(At("data")).ValueOrDie();
  EXPECT_EQ(file->ReadAt(8, int64_t{1} << 60).ValueOrDie()->ToString(), "89");
  EXPECT_EQ(file->ReadAt(10, 5).ValueOrDie()->size(), 0);
  EXPECT_EQ(file->ReadAt(INT64_MAX, 5).ValueOrDie()->size(), 0);
  EXPECT_FALSE(file->ReadAt(-1, 5).ok());
  EXPECT_FALSE(file->ReadAt(0, -5).ok());
  EXPECT_FALSE(file->Seek(-1).ok());

  ASSERT_TRUE(file->Seek(4).ok());
  EXPECT_EQ(file->Read(3).ValueOrDie()->ToString(), "456");
  EXPECT_EQ(file->Tell().ValueOrDie(), 7);
  char rest[8];
  EXPECT_EQ(file->Read(8, rest).ValueOrDie(), 3);

  ASSERT_TRUE(file->Close().ok());
  EXPECT_TRUE(file->closed());
  EXPECT_THAT(file->ReadAt(0, 1).status().message(), HasSubstr(At("data")));
}

TEST_F(LocalFileSystemTest, FileCutShortAfterOpeningGivesFewerBytes) {
  Write("data", "0123456789");
  auto file = fs_->OpenForReading(At("data")).ValueOrDie();
  ASSERT_EQ(::truncate(At("data").c_str(), 3), 0);
  EXPECT_EQ(file->ReadAt(0, 10).ValueOrDie()->ToString(), "012");
}

TEST_F(LocalFileSystemTest, WhatIsNoFileIsRefused) {
  EXPECT_TRUE(IsKind(fs_->OpenForReading(At("none")).status(), ErrorKind::kNotFound));
  EXPECT_EQ(ErrnoOf(fs_->OpenForReading(directory_).status()), EISDIR);
  ASSERT_EQ(::mkfifo(At("pipe").c_str(), 0600), 0);
  const auto status = fs_->OpenForReading(At("pipe")).status();  // must not wait for a writer
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("not a regular file"));
}

TEST_F(LocalFileSystemTest, StatListAndRemove) {
  Write("b", "12345");
  ASSERT_TRUE(fs_->CreateDirectory(At("d")).ok());
  ASSERT_EQ(::symlink("nowhere", At("dangling").c_str()), 0);
  auto entries = fs_->List(directory_).ValueOrDie();
  std::sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.path < b.path; });
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].path, "b");
  EXPECT_EQ(entries[0].size, 5);
  EXPECT_FALSE(entries[0].is_directory);
  EXPECT_EQ(entries[1].path, "d");
  EXPECT_TRUE(entries[1].is_directory);
  EXPECT_THAT(NamesIn(*fs_, directory_), ElementsAre("b", "d", "dangling"));

  const auto info = fs_->Stat(At("b")).ValueOrDie();
  EXPECT_EQ(info.path, At("b"));
  EXPECT_EQ(info.size, 5);
  EXPECT_GT(info.modified_ms, 1'600'000'000'000);

  Write("d/inside", "x");
  EXPECT_EQ(ErrnoOf(fs_->Remove(At("d"))), ENOTEMPTY);
  EXPECT_TRUE(fs_->Remove(At("d/inside")).ok());
  EXPECT_TRUE(fs_->Remove(At("d")).ok());
  EXPECT_TRUE(fs_->Remove(At("dangling")).ok());
  EXPECT_TRUE(fs_->Remove(At("b")).ok());
  EXPECT_TRUE(IsKind(fs_->Remove(At("b")), ErrorKind::kNotFound));
  EXPECT_THAT(NamesIn(*fs_, directory_), IsEmpty());
  EXPECT_TRUE(IsKind(fs_->List(At("none")).status(), ErrorKind::kNotFound));
  EXPECT_EQ(Exists(*fs_, At("b")).ValueOrDie(), false);
}

TEST_F(LocalFileSystemTest, TakenNamesAreRefused) {
  Write("a", "old");
  EXPECT_TRUE(IsKind(fs_->CreateNew(At("a")).status(), ErrorKind::kAlreadyExists));
  EXPECT_TRUE(IsKind(fs_->CreateDirectory(At("a")), ErrorKind::kAlreadyExists));
  Write("b", "new");
  EXPECT_TRUE(IsKind(fs_->PublishNew(At("b"), At("a")), ErrorKind::kAlreadyExists));
  EXPECT_THAT(NamesIn(*fs_, directory_), ElementsAre("a", "b"));
  EXPECT_EQ(ReadAll(*fs_, At("a")).ValueOrDie(), "old");
  EXPECT_TRUE(fs_->PublishReplacing(At("b"), At("a")).ok());
  EXPECT_EQ(ReadAll(*fs_, At("a")).ValueOrDie(), "new");
  const auto missing = fs_->PublishNew(At("b"), At("c"));
  EXPECT_TRUE(IsKind(missing, ErrorKind::kNotFound));
  EXPECT_THAT(missing.message(), HasSubstr(At("b")));
}

TEST_F(LocalFileSystemTest, CreateDirectoriesMakesWhatIsMissing) {
  ASSERT_TRUE(CreateDirectories(*fs_, At("x/y/z")).ok());
  ASSERT_TRUE(CreateDirectories(*fs_, At("x/y/z")).ok());
  ASSERT_TRUE(CreateDirectories(*fs_, At("x/y/w/")).ok());
  EXPECT_THAT(NamesIn(*fs_, At("x/y")), ElementsAre("w", "z"));
  Write("file", "");
  const auto status = CreateDirectories(*fs_, At("file/below"));
  EXPECT_EQ(ErrnoOf(status), ENOTDIR) << status.ToString();
  EXPECT_EQ(ErrnoOf(CreateDirectories(*fs_, At("file"))), ENOTDIR);
}

TEST_F(LocalFileSystemTest, ReadAllIsLimited) {
  Write("a", "12345");
  EXPECT_EQ(ReadAll(*fs_, At("a"), 5).ValueOrDie(), "12345");
  const auto status = ReadAll(*fs_, At("a"), 4).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput));
  EXPECT_THAT(status.message(), HasSubstr("5 bytes"));
}

TEST_F(LocalFileSystemTest, LockKeepsOthersOutUntilItsHolderIsGone) {
  auto held = fs_->Lock(At("lock")).ValueOrDie();
  const auto second = fs_->Lock(At("lock")).status();
  EXPECT_TRUE(IsKind(second, ErrorKind::kConflict)) << second.ToString();
  EXPECT_THAT(second.message(), HasSubstr(At("lock")));
  EXPECT_EQ(InChild([&] { return fs_->Lock(At("lock")).ok() ? 1 : 0; }), 0);
  // A child that drops its copy of the object does not give away the parent's lock.
  EXPECT_EQ(InChild([&] {
              held.reset();
              return 0;
            }),
            0);
  EXPECT_FALSE(fs_->Lock(At("lock")).ok());

  held.reset();
  EXPECT_EQ(InChild([&] {
              auto taken = fs_->Lock(At("lock"));
              if (!taken.ok()) return 1;
              ::kill(::getpid(), SIGKILL);
              return 0;
            }),
            -SIGKILL);
  EXPECT_TRUE(fs_->Lock(At("lock")).ok());
}

// What a killed process has forked lives on, and holds no lock.
TEST_F(LocalFileSystemTest, LocksOfAKilledProcessAreNotItsForks) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto held = fs_->Lock(At("lock"));
    const pid_t fork = held.ok() ? ::fork() : -1;
    if (fork > 0 && ::write(told[1], &fork, sizeof(fork)) < 0) ::_exit(1);
    ::alarm(60);  // nothing of the test outlives it by long
    for (;;) ::pause();
  }
  ::close(told[1]);
  pid_t fork = 0;
  ASSERT_EQ(::read(told[0], &fork, sizeof(fork)), static_cast<ssize_t>(sizeof(fork)));
  const auto refused = fs_->Lock(At("lock")).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kConflict));
  EXPECT_THAT(refused.message(), HasSubstr("locked by process " + std::to_string(parent) + " on "));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  // The fork may not have come to run yet.
  bool free = false;
  for (int i = 0; i < 10'000 && !free; ++i) {
    free = fs_->Lock(At("lock")).ok();
    if (!free) ::usleep(1'000);
  }
  EXPECT_TRUE(free);
  EXPECT_EQ(::kill(fork, 0), 0);
  ::kill(fork, SIGKILL);
  ::close(told[0]);
}

TEST_F(LocalFileSystemTest, AForkTakesALockOfItsOwn) {
  const auto held = fs_->Lock(At("one")).ValueOrDie();
  EXPECT_EQ(InChild([&] {
              if (fs_->Lock(At("one")).ok()) return 1;
              auto own = fs_->Lock(At("two"));
              if (!own.ok()) return 2;
              own->reset();
              return fs_->Lock(At("two")).ok() ? 0 : 3;
            }),
            0);
  EXPECT_FALSE(fs_->Lock(At("one")).ok());
}

TEST_F(LocalFileSystemTest, OneOfManyThreadsGetsTheName) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = At("name" + std::to_string(round));
    std::atomic<int> won{0}, lost{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        const auto status = PutNew(fs_, path, std::string(1000, static_cast<char>('a' + t)));
        if (status.ok()) won += 1 + t * 100;
        if (IsKind(status, ErrorKind::kAlreadyExists)) ++lost;
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(won % 100, 1);
    ASSERT_EQ(lost, 7);
    ASSERT_EQ(ReadAll(*fs_, path).ValueOrDie(), std::string(1000, static_cast<char>('a' + won / 100)));
    ASSERT_EQ(NamesIn(*fs_, directory_).size(), static_cast<size_t>(round) + 1);
  }
}

TEST_F(LocalFileSystemTest, OneOfManyProcessesGetsTheName) {
  std::vector<pid_t> children;
  for (int p = 0; p < 6; ++p) {
    const pid_t child = ::fork();
    if (child == 0)
      ::_exit(PutNew(fs_, At("name"), std::string(100, static_cast<char>('a' + p))).ok() ? 7 : 0);
    children.push_back(child);
  }
  int won = 0;
  for (size_t p = 0; p < children.size(); ++p) {
    int status = 0;
    ::waitpid(children[p], &status, 0);
    if (WEXITSTATUS(status) != 7) continue;
    ++won;
    EXPECT_EQ(ReadAll(*fs_, At("name")).ValueOrDie(), std::string(100, static_cast<char>('a' + p)));
  }
  EXPECT_EQ(won, 1);
  EXPECT_THAT(NamesIn(*fs_, directory_), ElementsAre("name"));
}

// A limit on the file's size makes the kernel write less than was asked for, and refuse the rest.
TEST_F(LocalFileSystemTest, ShortWritePublishesNothing) {
  EXPECT_EQ(InChild([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{100'000, 100'000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              const auto status = PutNew(fs_, At("big"), std::string(150'000, 'x'));
              if (ErrnoOf(status) != EFBIG) return 1;
              if (status.message().find(At("big")) == std::string::npos) return 2;
              if (status.message().find("write 50000 bytes at byte 100000") == std::string::npos) return 3;
              return NamesIn(*fs_, directory_).empty() ? 0 : 4;
            }),
            0);
}

TEST_F(LocalFileSystemTest, NoPermissionIsSaid) {
  if (::geteuid() == 0) {
    // Root may write everywhere, except where the file system itself is read-only by nature.
    const auto status = PutNew(fs_, "/proc/marquet", "x");
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), HasSubstr("/proc/marquet"));
    return;
  }
  ASSERT_EQ(::chmod(directory_.c_str(), 0500), 0);
  const auto status = PutNew(fs_, At("a"), "x");
  ASSERT_EQ(::chmod(directory_.c_str(), 0700), 0);
  EXPECT_EQ(ErrnoOf(status), EACCES);
  EXPECT_THAT(status.message(), HasSubstr("Permission denied"));
}

TEST(PathTest, JoinsAndSplits) {
  EXPECT_EQ(JoinPath("a/b", "c"), "a/b/c");
  EXPECT_EQ(JoinPath("a/b/", "c"), "a/b/c");
  EXPECT_EQ(JoinPath("", "c"), "c");
  EXPECT_EQ(JoinPath("/", "c"), "/c");
  EXPECT_EQ(ParentPath("a/b/c"), "a/b");
  EXPECT_EQ(ParentPath("a/b/"), "a");
  EXPECT_EQ(ParentPath("a//b"), "a");
  EXPECT_EQ(ParentPath("c"), ".");
  EXPECT_EQ(ParentPath("/c"), "/");
  EXPECT_EQ(ParentPath("/"), "/");
  EXPECT_EQ(FileName("a/b/c"), "c");
  EXPECT_EQ(FileName("a/b/"), "b");
  EXPECT_EQ(FileName("c"), "c");
}

// The child half of the next test, which sets the variable: it publishes, and is killed on the way.
TEST(KillAtOperation, Publish) {
  const char* path = std::getenv("MARQUET_FILE_TEST_TARGET");
  if (path == nullptr) return;
  ASSERT_TRUE(CreateDirectories(*LocalFileSystem(), ParentPath(path)).ok());
  ASSERT_TRUE(PutNew(LocalFileSystem(), path, std::string(100'000, 'x')).ok());
}

TEST_F(LocalFileSystemTest, ProcessKilledAtEachOperationLeavesNothingHalf) {
  const std::string target = At("made/by/it");
  int kills = 0;
  for (int n = 1;; ++n) {
    std::filesystem::remove_all(At("made"));
    const int outcome = InChild([&] {
      ::setenv("MARQUET_TEST_KILL_AT_OPERATION", std::to_string(n).c_str(), 1);
      ::setenv("MARQUET_FILE_TEST_TARGET", target.c_str(), 1);
      ::unsetenv("GTEST_OUTPUT");  // the report is the parent's
      const int null = ::open("/dev/null", O_WRONLY);
      ::dup2(null, 1);
      ::execl("/proc/self/exe", "marquet_file_test", "--gtest_filter=KillAtOperation.*", nullptr);
      return 9;
    });
    const bool there = Exists(*fs_, target).ValueOrDie();
    if (there) {
      EXPECT_EQ(ReadAll(*fs_, target).ValueOrDie(), std::string(100'000, 'x'));
    }
    if (outcome == 0) {
      EXPECT_TRUE(there);
      break;
    }
    ASSERT_EQ(outcome, -SIGKILL) << "at operation " << n;
    ++kills;
    // Run again, undisturbed, over what the killed one left.
    ASSERT_TRUE(CreateDirectories(*fs_, ParentPath(target)).ok());
    const auto again = PutNew(fs_, target, std::string(100'000, 'x'));
    EXPECT_TRUE(there ? IsKind(again, ErrorKind::kAlreadyExists) : again.ok()) << again.ToString();
  }
  EXPECT_GE(kills, 10);
}

}  // namespace
}  // namespace marquet::file
