// Files in memory with an exact model of what survives a power cut.
//
// Every change is made twice: at once in what the running process sees, and as a pending operation that only
// a sync carries out on the disk. Pending are
//
//   - the bytes of each Append, until the file's Sync();
//   - each change of a directory's names (a file or directory created, published, removed), until
//     SyncDirectory() of that directory. A publish is one change: the old name goes as the new one comes.
//
// Syncing a file does not make its name durable, nor does syncing a directory make the bytes of its files
// durable, or the directory's own name. That is all POSIX promises; journalling file systems do more, and a
// program that relies on more fails here.
//
// A power cut may find any subset of the pending operations on the disk: later ones without earlier ones, a
// name without its bytes, a write in some of its sectors only. So a test can look at all of them:
//
//   for (uint64_t subset = 0; subset < uint64_t{1} << fs.PendingOperations(); ++subset) {
//     auto after = fs.AfterPowerCut(Surviving::Subset(subset));
//     ... what does a reader find in *after?
//   }
//
// "/" and "." are the root, which always exists. ".." is not supported. All methods are thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "marquet/file/file_system.h"

namespace marquet::file {

// Which pending operations had reached the disk when the power went.
class Surviving {
 public:
  static Surviving None() { return Subset(0); }

  // Operation i (in the order they were made, from 0) survives whole if bit i is set; those from 64 on do
  // not.
  static Surviving Subset(uint64_t mask) { return Surviving(mask, 0, 0); }

  // Drawn from `seed`: an operation survives, does not, or, if it wrote bytes, survives in some of its
  // sectors of `sector_size` bytes, which are aligned in the file.
  static Surviving Drawn(uint64_t seed, int64_t sector_size = 512) { return Surviving(0, seed, sector_size); }

 private:
  friend class MemoryFileSystem;
  Surviving(uint64_t mask, uint64_t seed, int64_t sector_size)
      : mask_(mask), seed_(seed), sector_size_(sector_size) {}

  uint64_t mask_;
  uint64_t seed_;
  int64_t sector_size_;  // 0 when mask_ decides
};

class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

  // How many operations no sync has covered yet, and what they are: "write 12 bytes at byte 0 of a/b",
  // "publish a/b".
  int PendingOperations() const;
  std::vector<std::string> DescribePending() const;

  // A disk of its own in the same state, with what is pending: for tests that begin many times from one. What
  // is open stays with this one.
  std::shared_ptr<MemoryFileSystem> Copy() const;

  // The files that the next start of the machine finds. This object is left as it is.
  std::shared_ptr<MemoryFileSystem> AfterPowerCut(const Surviving& surviving = Surviving::None()) const;

  // The same in place. Files open for writing fail from now on with EIO, and locks are gone.
  void PowerCut(const Surviving& surviving = Surviving::None());

  // `modified_ms` of what is changed from now on. It starts at 2023-11-14T22:13:20Z and stands still.
  void SetTime(int64_t now_ms);

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenForReading(
      const std::string& path) override;
  arrow::Result<FileInfo> Stat(const std::string& path) override;
  arrow::Result<std::vector<FileInfo>> List(const std::string& directory) override;
  arrow::Result<std::unique_ptr<WritableFile>> CreateNew(const std::string& path) override;
  arrow::Result<std::unique_ptr<WritableFile>> GoOnWriting(const std::string& path) override;
  arrow::Status PublishNew(const std::string& temporary, const std::string& final_path) override;
  arrow::Status PublishReplacing(const std::string& temporary, const std::string& final_path) override;
  arrow::Status SyncDirectory(const std::string& directory) override;
  arrow::Status CreateDirectory(const std::string& path) override;
  arrow::Status Remove(const std::string& path) override;
  arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  struct Disk;
  class OpenFile;
  class HeldLock;

  arrow::Status Publish(const std::string& temporary, const std::string& final_path, bool replace);

  std::shared_ptr<Disk> disk_;  // shared with open files and locks
};

}  // namespace marquet::file
