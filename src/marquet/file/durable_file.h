// A file that appears under its name only when it is complete and on stable storage.
//
// The bytes go to a temporary name in the same directory, ".NAME.UNIQUE.tmp", which no reader's pattern
// matches (never "*.parquet" or "*.json"). Sync() makes them durable; Publish() gives them the final name.
// Until then no reader sees anything, and a crash leaves only the temporary file.
//
// Any failure poisons the object: every later call returns the first error until Abort(). Not thread safe. In
// a forked process it is of no use: calls fail, and the end of the copy leaves the file alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/io/interfaces.h"
#include "marquet/file/file_system.h"

namespace marquet::file {

// What Publish does when the file has its name but the directory could not be synced, so that the name may or
// may not survive a power cut.
enum class UnsyncedName {
  // Removes the name again and returns the storage error: nothing is published. For data files, which mean
  // nothing until something else refers to them. kCommitUnknown when even the removal fails.
  kTakeBack,
  // Leaves it and returns kCommitUnknown. For commits: a concurrent writer may have built on it already.
  kKeep,
};

class DurableFile final : public arrow::io::OutputStream {
 public:
  // Creates the temporary file beside `path`. The directory must exist. The final name is not looked at
  // before Publish.
  static arrow::Result<std::shared_ptr<DurableFile>> Create(std::shared_ptr<FileSystem> fs, std::string path);
  ~DurableFile() override;  // aborts when nothing was published

  // arrow::io::OutputStream. Small writes are gathered into blocks of 64 KiB; larger ones are passed on as
  // they are. Close() hands everything to the file system but does not publish and does not sync: it is for
  // Arrow's writers, which call it.
  arrow::Status Write(const void* data, int64_t nbytes) override;
  using arrow::io::OutputStream::Write;
  arrow::Status Flush() override;
  arrow::Status Close() override;
  bool closed() const override;
  arrow::Result<int64_t> Tell() const override;

  // Closes the file until it is written to again: for those who write more files side by side than a process
  // may have open. What it has is synced first, because a file that nobody has open may lose bytes without a
  // word. What is gathered stays in memory. Harmless when called again, and after Sync().
  arrow::Status Park();

  // Flushes and syncs the bytes. No Write may follow.
  arrow::Status Sync();

  // Reads back what was written, for verification between Sync() and Publish().
  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenWritten();

  // Publish and PublishReplacing turn what the file system throws into errors, so that their caller always
  // knows what became of the name. When memory does not even suffice for the error, they throw, and the file
  // may have its name: who publishes what counts from then on, as a commit does, takes that for
  // kCommitUnknown.

  // Syncs if that was not done yet, gives the file its final name, and syncs the directory. kAlreadyExists
  // when the name is taken (the older file is untouched). Once it returns OK the file survives a power cut;
  // after an error nothing has the name, except after kCommitUnknown (see UnsyncedName).
  arrow::Status Publish(UnsyncedName unsynced = UnsyncedName::kTakeBack);

  // The same, in place of what is there. Whenever a crash comes, the name holds the old content or the new
  // one. kCommitUnknown when only the directory's sync failed (then the new one is there, perhaps not for
  // good), or when it could not be learnt which of them is there: the hint tells what the name may hold.
  arrow::Status PublishReplacing();

  // Removes the temporary file. Harmless after Publish() and when called again.
  arrow::Status Abort() override;

  const std::string& path() const;
  const std::string& temporary_path() const;
  int64_t size() const;
  int64_t gathering_bytes() const;  // memory that small writes are gathered in

  // XXH3-128 of the bytes written so far, in hexadecimal.
  std::string Digest() const;

 private:
  struct Impl;
  explicit DurableFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Small files in one call, with Publish's and PublishReplacing's errors. Both are durable when they return
// OK.
arrow::Status PutNew(const std::shared_ptr<FileSystem>& fs, const std::string& path, std::string_view bytes,
                     UnsyncedName unsynced = UnsyncedName::kTakeBack);
arrow::Status PutReplacing(const std::shared_ptr<FileSystem>& fs, const std::string& path,
                           std::string_view bytes);

// Steps 5 and 6 of PublishReplacing for a file of `bytes` that is complete and durable under another name of
// the same file system, with its errors. What the file system throws is an error here, too.
arrow::Status PutInPlace(FileSystem& fs, const std::string& written, const std::string& path, int64_t bytes);

// For files that are stored before a commit begins, or without one: a doubt about one of them is none about a
// commit, so kCommitUnknown becomes kStorage.
arrow::Status NotYetCommitted(const arrow::Status& status);

}  // namespace marquet::file
