// A file system that fails on demand: it wraps another one, numbers every operation, and makes the one that a
// test names fail, throw, tear, or stop the process.
//
// Operations are the calls of FileSystem, WritableFile and of the files opened for reading (each read), in
// the order they are made, numbered from 1. So a protocol is tested at each of its steps:
//
//   for (int64_t n = 1;; ++n) {
//     auto fs = std::make_shared<FaultFileSystem>(base);
//     fs->FailAt({.operation = n, .error_number = ENOSPC});
//     ... run it ...
//     if (fs->operations() < n) break;  // nothing was left to fail
//   }
//
// Thread safe, but FailAt and OnOperation come before the first operation. Closing by destruction is not
// counted and does not fail.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "marquet/file/file_system.h"

namespace marquet::file {

struct Fault {
  // How much of a failing operation takes place all the same.
  enum class Effect {
    kNone,
    kHalf,   // an append writes half of its bytes; others do nothing
    kWhole,  // all of it, and only the answer is an error, as when a network drops the reply
  };

  // What is thrown in place of the error.
  enum class Thrown { kNothing, kBadAlloc, kSystemError };

  int64_t operation = 0;  // its number; 0 never comes
  int error_number = 0;   // an errno, also of what is thrown
  Effect effect = Effect::kNone;
  bool lasting = false;  // all later operations fail as well, without effect
  Thrown thrown = Thrown::kNothing;
};

class FaultFileSystem final : public FileSystem {
 public:
  // Called before each operation with its number, its name ("append", "publish new") and its path.
  using Hook = std::function<void(int64_t number, std::string_view name, const std::string& path)>;

  explicit FaultFileSystem(std::shared_ptr<FileSystem> base);
  ~FaultFileSystem() override;

  void FailAt(const Fault& fault);
  void OnOperation(Hook hook);
  void AfterOperation(Hook hook);  // the same, after each; also after one that fails
  int64_t operations() const;      // made so far

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenForReading(
      const std::string& path) override;
  arrow::Result<FileInfo> Stat(const std::string& path) override;
  arrow::Result<std::vector<FileInfo>> List(const std::string& directory) override;
  arrow::Result<std::vector<std::string>> ListNames(const std::string& directory) override;
  arrow::Result<std::unique_ptr<WritableFile>> CreateNew(const std::string& path) override;
  arrow::Result<std::unique_ptr<WritableFile>> GoOnWriting(const std::string& path) override;
  arrow::Status PublishNew(const std::string& temporary, const std::string& final_path) override;
  arrow::Status PublishReplacing(const std::string& temporary, const std::string& final_path) override;
  arrow::Status SyncDirectory(const std::string& directory) override;
  arrow::Status CreateDirectory(const std::string& path) override;
  arrow::Status Remove(const std::string& path) override;
  arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  struct Plan;
  class FaultyWritableFile;
  class FaultyReadableFile;

  const std::shared_ptr<FileSystem> base_;
  const std::shared_ptr<Plan> plan_;  // shared with open files
};

// `base` so wrapped that operation n sends SIGINT to this process first, and waits for `wait_ms`: in a tenth
// of a second a program that looks for signals finds it.
std::shared_ptr<FileSystem> InterruptAtOperation(std::shared_ptr<FileSystem> base, int64_t n,
                                                 int64_t wait_ms);

// `base` so wrapped that operation n throws std::bad_alloc in place of its answer.
std::shared_ptr<FileSystem> ThrowAtOperation(std::shared_ptr<FileSystem> base, int64_t n);

// `base` so wrapped that SIGKILL hits this process instead of its n-th operation; n = 1 kills it before it
// did anything.
std::shared_ptr<FileSystem> KillAtOperation(std::shared_ptr<FileSystem> base, int64_t n);

}  // namespace marquet::file
