// The publishing protocol with every one of its steps failing, torn, killed, and cut from power.
#include <atomic>
#include <cerrno>
#include <cstring>

#include <gmock/gmock.h>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/file/test_directory.h"

namespace marquet::file {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What is written: a small piece that is buffered, a large one that passes through, a small one again.
const std::string& Content() {
  static const std::string bytes =
      std::string(10, 'a') + std::string(100'000, 'b') + std::string(10, 'c') + std::string(3, 'd');
  return bytes;
}

// A writer as careful as the Parquet writer: it reads back what it wrote before publishing.
arrow::Status WriteAndPublish(const std::shared_ptr<FileSystem>& fs, const std::string& path, bool replace) {
  ARROW_ASSIGN_OR_RAISE(auto file, DurableFile::Create(fs, path));
  int64_t at = 0;
  for (int64_t size : {10, 100'000, 10, 3}) {
    ARROW_RETURN_NOT_OK(file->Write(Content().data() + at, size));
    at += size;
  }
  ARROW_RETURN_NOT_OK(file->Close());
  ARROW_RETURN_NOT_OK(file->Sync());
  ARROW_ASSIGN_OR_RAISE(auto written, file->OpenWritten());
  auto bytes = written->ReadAt(0, file->size());
  if (!bytes.ok()) return WithContext(bytes.status(), path);
  if ((*bytes)->ToString() != Content()) return CorruptData(path + ": read back otherwise");
  return replace ? file->PublishReplacing() : file->Publish();
}

// "absent", "complete", "old" or what else is there.
std::string StateOf(FileSystem& fs, const std::string& path) {
  auto bytes = ReadAll(fs, path);
  if (IsKind(bytes.status(), ErrorKind::kNotFound)) return "absent";
  if (!bytes.ok()) return bytes.status().ToString();
  if (*bytes == Content()) return "complete";
  return *bytes == "old" ? "old" : "something else of " + std::to_string(bytes->size()) + " bytes";
}

struct FaultCase {
  int error_number;
  Fault::Effect effect;
  bool lasting;
};

void PrintTo(const FaultCase& c, std::ostream* out) {
  *out << strerror(c.error_number) << ", effect " << static_cast<int>(c.effect)
       << (c.lasting ? ", lasting" : ", once");
}

class FaultAtEachStep : public DirectoryTest, public ::testing::WithParamInterface<FaultCase> {
 protected:
  // Runs the writer with the fault at operation 1, 2, ... of each file system until none is left to fail.
  // `check` sees the file system without the fault, the path, the outcome and the names left behind.
  template <typename Check>
  void ForEachStep(bool replace, bool old_file, Check check) {
    for (bool in_memory : {true, false}) {
      for (int64_t n = 1;; ++n) {
        SCOPED_TRACE("operation " + std::to_string(n) + (in_memory ? " in memory" : " on disk"));
        std::shared_ptr<FileSystem> base =
            in_memory ? std::make_shared<MemoryFileSystem>() : LocalFileSystem();
        const std::string home = in_memory ? "/home" : At(std::to_string(n));
        ASSERT_TRUE(CreateDirectories(*base, home).ok());
        const std::string path = JoinPath(home, "day.parquet");
        if (old_file) {
          ASSERT_TRUE(PutNew(base, path, "old").ok());
        }

        auto fs = std::make_shared<FaultFileSystem>(base);
        std::string failed_operation;
        fs->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
          if (number == n) failed_operation = name;
        });
        fs->FailAt({n, GetParam().error_number, GetParam().effect, GetParam().lasting});
        const auto status = WriteAndPublish(fs, path, replace);
        if (fs->operations() < n) {
          ASSERT_TRUE(status.ok()) << status.ToString();
          EXPECT_EQ(StateOf(*base, path), "complete");
          EXPECT_GE(n, 10);
          break;
        }
        SCOPED_TRACE(failed_operation + ": " + status.ToString());
        check(base, path, status, failed_operation);
      }
    }
  }
};

TEST_P(FaultAtEachStep, PublishesNothing) {
  ForEachStep(false, false, [](auto& base, auto& path, auto& status, auto& operation) {
    const auto names = NamesIn(*base, ParentPath(path));
    if (status.ok()) {
      // The answer to the publish was lost, and its effect found.
      EXPECT_EQ(GetParam().effect, Fault::Effect::kWhole);
      EXPECT_EQ(operation, "publish new");
      EXPECT_THAT(names, ElementsAre("day.parquet"));
      return;
    }
    EXPECT_THAT(status.message(), HasSubstr(path));
    EXPECT_THAT(status.message(), HasSubstr(strerror(GetParam().error_number)));
    EXPECT_EQ(ErrnoOf(status), GetParam().error_number);
    if (IsKind(status, ErrorKind::kCommitUnknown)) {
      EXPECT_TRUE(GetParam().lasting) << "one fault alone leaves no doubt";
      EXPECT_THAT(StateOf(*base, path), testing::AnyOf("absent", "complete"));
      return;
    }
    EXPECT_EQ(StateOf(*base, path), "absent");
    if (!GetParam().lasting && operation != "create") {
      EXPECT_THAT(names, IsEmpty());
    }
    if (GetParam().error_number == ENOSPC && operation != "read") {
      EXPECT_THAT(HintOf(status), HasSubstr("free space"));
    }

    EXPECT_TRUE(WriteAndPublish(base, path, false).ok());
    EXPECT_EQ(StateOf(*base, path), "complete");
  });
}

TEST_P(FaultAtEachStep, LeavesAnOlderFileOfThatNameAlone) {
  for (bool in_memory : {true, false}) {
    for (int64_t n = 1;; ++n) {
      std::shared_ptr<FileSystem> base = in_memory ? std::make_shared<MemoryFileSystem>() : LocalFileSystem();
      const std::string home = in_memory ? "/home" : At(std::to_string(n));
      ASSERT_TRUE(CreateDirectories(*base, home).ok());
      const std::string path = JoinPath(home, "day.parquet");
      ASSERT_TRUE(PutNew(base, path, "old").ok());
      auto fs = std::make_shared<FaultFileSystem>(base);
      fs->FailAt({n, GetParam().error_number, GetParam().effect, GetParam().lasting});
      const auto status = WriteAndPublish(fs, path, false);
      EXPECT_FALSE(status.ok());
      EXPECT_EQ(StateOf(*base, path), "old") << status.ToString();
      if (fs->operations() < n) {
        EXPECT_TRUE(IsKind(status, ErrorKind::kAlreadyExists)) << status.ToString();
        break;
      }
    }
  }
}

TEST_P(FaultAtEachStep, ReplacesWholeOrNotAtAll) {
  ForEachStep(true, true, [](auto& base, auto& path, auto& status, auto& operation) {
    const std::string state = StateOf(*base, path);
    if (status.ok()) {
      EXPECT_EQ(operation, "publish replacing");
      EXPECT_EQ(state, "complete");
    } else if (IsKind(status, ErrorKind::kCommitUnknown)) {
      EXPECT_THAT(state, testing::AnyOf("old", "complete"));
      if (!GetParam().lasting) {
        EXPECT_EQ(operation, "sync the directory");
      }
    } else {
      EXPECT_EQ(state, "old");
      EXPECT_EQ(ErrnoOf(status), GetParam().error_number);
    }
    EXPECT_TRUE(WriteAndPublish(base, path, true).ok());
    EXPECT_EQ(StateOf(*base, path), "complete");
  });
}

INSTANTIATE_TEST_SUITE_P(Errors, FaultAtEachStep,
                         ::testing::Values(FaultCase{ENOSPC, Fault::Effect::kNone, false},
                                           FaultCase{ENOSPC, Fault::Effect::kHalf, true},
                                           FaultCase{EDQUOT, Fault::Effect::kHalf, false},
                                           FaultCase{EIO, Fault::Effect::kNone, false},
                                           FaultCase{EIO, Fault::Effect::kNone, true},
                                           FaultCase{EIO, Fault::Effect::kHalf, false},
                                           FaultCase{EIO, Fault::Effect::kWhole, false},
                                           FaultCase{ESTALE, Fault::Effect::kWhole, true},
                                           FaultCase{EROFS, Fault::Effect::kNone, true},
                                           FaultCase{EINTR, Fault::Effect::kNone, false}));

TEST(PublishProtocol, FailedSyncIsFinal) {
  auto base = std::make_shared<MemoryFileSystem>();
  auto fs = std::make_shared<FaultFileSystem>(base);
  std::vector<std::string> operations;
  fs->OnOperation([&](int64_t, std::string_view name, const std::string&) { operations.emplace_back(name); });
  fs->FailAt({3, EIO});
  auto file = DurableFile::Create(fs, "f").ValueOrDie();
  ASSERT_TRUE(file->Write("x", 1).ok());
  EXPECT_EQ(ErrnoOf(file->Sync()), EIO);
  EXPECT_EQ(ErrnoOf(file->Sync()), EIO);
  EXPECT_EQ(ErrnoOf(file->Publish()), EIO);
  EXPECT_EQ(ErrnoOf(file->Write("x", 1)), EIO);
  EXPECT_THAT(operations, ElementsAre("create", "append", "sync"));
  EXPECT_TRUE(file->Abort().ok());
  EXPECT_THAT(NamesIn(*base, "/"), IsEmpty());
}

TEST(PublishProtocol, CostsNoMoreThanABarePublish) {
  auto fs = std::make_shared<FaultFileSystem>(std::make_shared<MemoryFileSystem>());
  std::vector<std::string> operations;
  fs->OnOperation([&](int64_t, std::string_view name, const std::string&) { operations.emplace_back(name); });
  ASSERT_TRUE(PutNew(fs, "f", "bytes").ok());
  EXPECT_THAT(operations,
              ElementsAre("create", "append", "sync", "close", "publish new", "sync the directory"));
}

TEST(PublishProtocol, UncertainNameIsTakenBackOrKept) {
  for (auto unsynced : {UnsyncedName::kTakeBack, UnsyncedName::kKeep}) {
    auto base = std::make_shared<MemoryFileSystem>();
    auto fs = std::make_shared<FaultFileSystem>(base);
    fs->FailAt({6, EIO});
    const auto status = PutNew(fs, "f", "x", unsynced);
    const bool kept = unsynced == UnsyncedName::kKeep;
    EXPECT_EQ(KindOf(status), kept ? ErrorKind::kCommitUnknown : ErrorKind::kStorage) << status.ToString();
    EXPECT_EQ(Exists(*base, "f").ValueOrDie(), kept);
  }
}

// What the name may hold, and what to do, is told of a replacement in doubt, whoever made the file.
TEST(PublishProtocol, AReplacementInDoubtSaysWhatStandsThere) {
  const auto replace = [](const std::shared_ptr<FileSystem>& fs, bool in_place) {
    if (!in_place) return PutReplacing(fs, "f", "newer");
    EXPECT_TRUE(PutNew(fs, "g", "newer").ok());
    return PutInPlace(*fs, "g", "f", 5);
  };
  for (const bool in_place : {false, true}) {
    int unsynced = 0, unknown = 0;
    for (const bool lasting : {false, true}) {
      for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kWhole}) {
        for (int64_t n = in_place ? 7 : 1;; ++n) {
          auto base = std::make_shared<MemoryFileSystem>();
          ASSERT_TRUE(PutNew(base, "f", "old").ok());
          auto fs = std::make_shared<FaultFileSystem>(base);
          fs->FailAt({.operation = n, .error_number = EIO, .effect = effect, .lasting = lasting});
          std::string failed;
          fs->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
            if (number == n) failed = name;
          });
          const arrow::Status status = replace(fs, in_place);
          if (fs->operations() < n) break;
          const std::string now = ReadAll(*base, "f").ValueOrDie();
          if (failed == "publish replacing" && !lasting && effect == Fault::Effect::kWhole) {
            EXPECT_TRUE(status.ok()) << status.ToString();  // the look tells that it took place
            EXPECT_EQ(now, "newer");
          }
          if (!IsKind(status, ErrorKind::kCommitUnknown)) {
            EXPECT_EQ(now, status.ok() ? "newer" : "old") << failed << ": " << status.ToString();
            continue;
          }
          EXPECT_EQ(ErrnoOf(status), EIO);
          EXPECT_THAT(HintOf(status), HasSubstr("of 5 bytes"));
          if (failed == "sync the directory") {
            ++unsynced;
            EXPECT_EQ(now, "newer");
            EXPECT_THAT(status.message(), HasSubstr("a power cut may bring back what was there before"));
          } else {
            ++unknown;
            EXPECT_EQ(failed, "publish replacing");
            EXPECT_THAT(HintOf(status), HasSubstr("f holds the new file"));
            EXPECT_THAT(HintOf(status), HasSubstr("or what was there before"));
          }
        }
      }
    }
    EXPECT_EQ(unsynced, 4);
    EXPECT_EQ(unknown, 2);
  }
}

// Runs `job` and calls `cut` before each of its operations and once at the end, with what memory and disk
// hold at that moment.
template <typename Job, typename Cut>
void AtEachMoment(Job job, Cut cut) {
  auto memory = std::make_shared<MemoryFileSystem>();
  auto fs = std::make_shared<FaultFileSystem>(memory);
  fs->OnOperation([&](int64_t, std::string_view, const std::string&) { cut(*memory); });
  job(fs);
  cut(*memory);
}

// Calls `look` with every state that a power cut at this moment can leave.
template <typename Look>
void ForEachOutcome(const MemoryFileSystem& memory, Look look) {
  const int pending = memory.PendingOperations();
  ASSERT_LE(pending, 8) << "too many subsets";
  for (uint64_t subset = 0; subset < uint64_t{1} << pending; ++subset) {
    look(*memory.AfterPowerCut(Surviving::Subset(subset)));
  }
  for (uint64_t seed = 0; seed < 16; ++seed) {
    look(*memory.AfterPowerCut(Surviving::Drawn(seed, seed % 2 == 0 ? 512 : 4096)));
  }
}

TEST(PowerCut, AcknowledgedFilesAreThereAndOthersCompleteOrAbsent) {
  int acknowledged = 0, moments = 0;
  AtEachMoment(
      [&](const std::shared_ptr<FileSystem>& fs) {
        for (int i = 0; i < 4; ++i) {
          ASSERT_TRUE(WriteAndPublish(fs, "part-" + std::to_string(i), false).ok());
          ++acknowledged;
        }
      },
      [&](const MemoryFileSystem& memory) {
        ++moments;
        ForEachOutcome(memory, [&](FileSystem& after) {
          for (int i = 0; i < 4; ++i) {
            const std::string state = StateOf(after, "part-" + std::to_string(i));
            if (i < acknowledged) {
              ASSERT_EQ(state, "complete");
            } else {
              ASSERT_TRUE(state == "absent" || state == "complete") << state;
            }
          }
        });
      });
  EXPECT_EQ(acknowledged, 4);
  EXPECT_GT(moments, 40);
}

TEST(PowerCut, ReplacedFileIsTheOldOneOrTheNew) {
  bool acknowledged = false;
  AtEachMoment(
      [&](const std::shared_ptr<FileSystem>& fs) {
        // Not part of the moments that matter, but harmless to look at.
        ASSERT_TRUE(PutNew(fs, "pointer", "old").ok());
        ASSERT_TRUE(WriteAndPublish(fs, "pointer", true).ok());
        acknowledged = true;
      },
      [&, first = true](const MemoryFileSystem& memory) mutable {
        const bool old_there = !first && StateOf(*memory.AfterPowerCut(), "pointer") != "absent";
        first = false;
        ForEachOutcome(memory, [&](FileSystem& after) {
          const std::string state = StateOf(after, "pointer");
          if (acknowledged) {
            ASSERT_EQ(state, "complete");
          } else if (old_there) {
            ASSERT_TRUE(state == "old" || state == "complete") << state;
          }
        });
      });
}

TEST(PowerCut, NewDirectoriesSurviveWithWhatIsInThem) {
  bool acknowledged = false;
  AtEachMoment(
      [&](const std::shared_ptr<FileSystem>& fs) {
        ASSERT_TRUE(CreateDirectories(*fs, "table/symbol=ESH4/date=2024-01-02").ok());
        ASSERT_TRUE(WriteAndPublish(fs, "table/symbol=ESH4/date=2024-01-02/part", false).ok());
        acknowledged = true;
      },
      [&](const MemoryFileSystem& memory) {
        ForEachOutcome(memory, [&](FileSystem& after) {
          const std::string state = StateOf(after, "table/symbol=ESH4/date=2024-01-02/part");
          if (acknowledged) {
            ASSERT_EQ(state, "complete");
          } else {
            ASSERT_TRUE(state == "absent" || state == "complete") << state;
          }
        });
      });
  EXPECT_TRUE(acknowledged);
}

// The killed process may have made directories and never synced them. Whoever comes next finds them and must
// not take them for durable.
TEST(PowerCut, SecondWriterMakesDurableWhatAKilledOneBegan) {
  for (int64_t n = 1;; ++n) {
    auto memory = std::make_shared<MemoryFileSystem>();
    auto killed = std::make_shared<FaultFileSystem>(memory);
    killed->FailAt({.operation = n, .error_number = EIO, .lasting = true});  // does nothing from there on
    if (CreateDirectories(*killed, "a/b/c").ok())
      static_cast<void>(WriteAndPublish(killed, "a/b/c/part", false));

    ASSERT_TRUE(CreateDirectories(*memory, "a/b/c").ok());
    const auto status = WriteAndPublish(memory, "a/b/c/part", false);
    ASSERT_TRUE(status.ok() || IsKind(status, ErrorKind::kAlreadyExists)) << status.ToString();
    if (status.ok()) {
      const auto after = memory->AfterPowerCut();
      ASSERT_EQ(StateOf(*after, "a/b/c/part"), "complete") << "killed at operation " << n;
    }
    if (killed->operations() < n) break;
  }
}

// What a file system throws, before or after it has done its work, is an error like those that it returns.
TEST(PublishProtocol, EachOperationThrowing) {
  for (const bool replace : {false, true}) {
    for (const auto thrown : {Fault::Thrown::kBadAlloc, Fault::Thrown::kSystemError}) {
      for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
        for (int64_t n = 1;; ++n) {
          const auto base = std::make_shared<MemoryFileSystem>();
          ASSERT_TRUE(CreateDirectories(*base, "/home").ok());
          if (replace) {
            ASSERT_TRUE(PutNew(base, "/home/day.parquet", "old").ok());
          }
          const auto fs = std::make_shared<FaultFileSystem>(base);
          std::string operation;
          fs->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
            if (number == n) operation = name;
          });
          fs->FailAt({.operation = n, .error_number = EAGAIN, .effect = effect, .thrown = thrown});
          const auto status =
              Caught("write", [&] { return WriteAndPublish(fs, "/home/day.parquet", replace); });
          SCOPED_TRACE(fmt::format("operation {} ({}), effect {}, thrown {}: {}", n, operation,
                                   static_cast<int>(effect), static_cast<int>(thrown), status.ToString()));
          const std::string state = StateOf(*base, "/home/day.parquet");
          if (status.ok()) {
            EXPECT_EQ(state, "complete");
          } else if (IsKind(status, ErrorKind::kCommitUnknown)) {
            EXPECT_EQ(operation, "sync the directory");
            EXPECT_TRUE(replace) << "a new file is taken back";
          } else {
            EXPECT_EQ(state, replace ? "old" : "absent");
            EXPECT_TRUE(IsKind(status, ErrorKind::kStorage));
            EXPECT_EQ(NamesIn(*base, "/home").size(), replace ? 1u : 0u) << "it leaves something behind";
          }
          EXPECT_TRUE(WriteAndPublish(base, "/home/day.parquet", true).ok());
          EXPECT_EQ(StateOf(*base, "/home/day.parquet"), "complete");
          if (operation.empty()) break;
        }
      }
    }
  }
}

}  // namespace
}  // namespace marquet::file
