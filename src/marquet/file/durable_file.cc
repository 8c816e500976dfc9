// The publishing protocol. DIR is the directory of the final name NAME.
//
//   1. Create DIR/.NAME.UNIQUE.tmp exclusively.       Crash: an empty temporary file, or none.
//   2. Append the bytes to it.                        Crash: a temporary file with any part of them.
//   3. Sync its data.                                 Crash: a complete temporary file, perhaps nameless.
//   4. Close it: some file systems report a failed    Crash: the same.
//      write only here.
//   5. Give it the name NAME, if that is free         Crash: the complete file under either name; after a
//      (PublishNew), or in place of the old file      power cut the old state of the directory or the new,
//      (PublishReplacing).                            never NAME without its bytes, since 3 came before.
//   6. Sync DIR.                                      Crash: NAME is there, complete, for good.
//   7. Return OK.
//
// A failure before 5 removes the temporary file: nothing was published. Step 5 is atomic; when it reports an
// error, a look for the temporary file tells whether it took place. A failure in 6 leaves NAME visible but
// not certain; UnsyncedName says which way that is decided. Temporary files that crashes leave behind are
// never read by anyone and may be deleted at any time when no writer lives; a writer never meets them, since
// UNIQUE does not come twice.
//
// What a file system throws is an error like those that it returns: of 5 the look tells, and of 6 nothing is
// known, as of a sync that failed.
#include "marquet/file/durable_file.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/hash.h"
#include "marquet/base/home_process.h"
#include "marquet/file/temporary_name.h"

namespace marquet::file {
namespace {

constexpr int64_t kBufferSize = 64 * 1024;
constexpr int64_t kFirstBufferSize = 4 * 1024;  // which holds a small file, and grows with a larger one

// Step 5. An error of the storage below may hide a success (a reply that a network lost). Only the caller
// knows the name `written`, so when that is gone, the file has its final one. `hint()`: to an error that
// leaves it open; nothing is allocated for it before.
template <typename Hint>
arrow::Status Rename(FileSystem& fs,
                     arrow::Status (FileSystem::*publish)(const std::string&, const std::string&),
                     const std::string& written, const std::string& path, const Hint& hint) {
  const arrow::Status status = Caught(path, [&] { return (fs.*publish)(written, path); });
  if (status.ok() || IsKind(status, ErrorKind::kAlreadyExists) || IsKind(status, ErrorKind::kNotFound)) {
    return status;
  }
  const auto look = Caught(path, [&] { return fs.Stat(written).status(); });
  if (look.ok()) return status;
  if (IsKind(look, ErrorKind::kNotFound)) return arrow::Status::OK();
  return CommitUnknown(
      look,
      fmt::format("{}; whether it took place could not be learnt: {}", status.message(), look.message()),
      hint());
}

// To a replacement of which it is open whether it took place.
std::string WhatMayBeThere(const std::string& path, int64_t bytes) {
  return fmt::format(
      "{} holds the new file, of {} bytes, or what was there before, each of them whole. Look which it is, "
      "or write it again, which harms neither.",
      path, bytes);
}

// To one that took place, and may not last.
arrow::Status UnsyncedReplacement(const arrow::Status& sync, const std::string& path, int64_t bytes) {
  return CommitUnknown(
      sync,
      fmt::format(
          "{}: the new file is complete under its name, but a power cut may bring back what was there "
          "before: {}",
          path, sync.message()),
      fmt::format("Readers find the new file, of {} bytes. Once the disk is well, write it again, or look "
                  "after a restart whether it is still there.",
                  bytes));
}

}  // namespace

struct DurableFile::Impl {
  std::shared_ptr<FileSystem> fs;
  std::string path;
  std::string temporary;
  std::string directory;               // once synced
  std::unique_ptr<WritableFile> file;  // null once closed, and while it is parked
  std::unique_ptr<char[]> buffer;      // made by the first small write
  int64_t capacity = 0;                // of the buffer
  int64_t buffered = 0;
  int64_t size = 0;
  bool unsynced = false;    // bytes that were handed on since the last sync
  int64_t parked_size = 0;  // of the file, while it is parked
  Xxh3Digest digest;
  bool write_closed = false;
  bool synced = false;
  bool temporary_exists = false;
  bool finished = false;  // published or aborted
  arrow::Status failed;   // the first error
  const HomeProcess home;

  // Remembers the first error and gives it the final path, which the caller knows, and a hint.
  arrow::Status Poison(const arrow::Status& status) {
    if (status.ok()) return status;
    failed = status.message().find(path) == std::string::npos ? WithContext(status, path) : status;
    const int error = ErrnoOf(status);
    if (HintOf(failed).empty() && (error == ENOSPC || error == EDQUOT)) {
      failed = WithHint(
          failed, fmt::format("Nothing was published. The file needs more than the {} bytes written so far; "
                              "free space and write it again.",
                              size));
    }
    return failed;
  }

  arrow::Status CheckUsable() const {
    ARROW_RETURN_NOT_OK(failed);
    if (finished) return InvalidInput(fmt::format("{}: was published or aborted already", path));
    return home.Check(path, "Write another file in each process.");
  }

  // Runs what may throw, and remembers it as any other error.
  template <typename Body>
  arrow::Status Guarded(Body&& body) {
    arrow::Status status = Caught(path, std::forward<Body>(body));
    return status.ok() || !failed.ok() ? status : Poison(status);
  }

  // Appends to the buffer, which has not more than its full size then.
  void Buffer(const void* data, int64_t nbytes) {
    if (buffered + nbytes > capacity) {
      while (buffered + nbytes > capacity) capacity = capacity == 0 ? kFirstBufferSize : 2 * capacity;
      auto larger = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(capacity));
      if (buffered > 0) std::memcpy(larger.get(), buffer.get(), static_cast<size_t>(buffered));
      buffer = std::move(larger);
    }
    if (nbytes > 0) std::memcpy(buffer.get() + buffered, data, static_cast<size_t>(nbytes));
    buffered += nbytes;
  }

  arrow::Status FlushBuffer() {
    if (buffered == 0) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(HandOn(buffer.get(), buffered));
    buffered = 0;
    return arrow::Status::OK();
  }

  arrow::Status HandOn(const void* data, int64_t nbytes) {
    ARROW_RETURN_NOT_OK(OpenAgain());
    unsynced = true;
    return Poison(file->Append(data, nbytes));
  }

  // After Park(). All that is in the file was written here.
  arrow::Status OpenAgain() {
    if (file != nullptr) return arrow::Status::OK();
    const auto info = fs->Stat(temporary);
    ARROW_RETURN_NOT_OK(Poison(info.status()));
    if (info->size != parked_size) {
      return Poison(
          CorruptData(fmt::format("{}: {} bytes were written to it, and it has {}: somebody else "
                                  "has changed it",
                                  temporary, parked_size, info->size)));
    }
    auto again = fs->GoOnWriting(temporary);
    ARROW_RETURN_NOT_OK(Poison(again.status()));
    file = *std::move(again);
    return arrow::Status::OK();
  }

  arrow::Status Park() {
    if (file == nullptr) return arrow::Status::OK();
    if (unsynced) ARROW_RETURN_NOT_OK(Poison(file->Sync()));
    unsynced = false;
    ARROW_RETURN_NOT_OK(Poison(file->Close()));
    file.reset();
    parked_size = size - buffered;
    return arrow::Status::OK();
  }

  // Steps 3 and 4.
  arrow::Status SyncAndClose() {
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (synced) return arrow::Status::OK();
    return Guarded([&]() -> arrow::Status {
      ARROW_RETURN_NOT_OK(FlushBuffer());
      write_closed = true;
      ARROW_RETURN_NOT_OK(OpenAgain());
      ARROW_RETURN_NOT_OK(Poison(file->Sync()));
      ARROW_RETURN_NOT_OK(Poison(file->Close()));
      file.reset();
      directory = ParentPath(path);
      synced = true;
      return arrow::Status::OK();
    });
  }

  // Step 5.
  template <typename Hint>
  arrow::Status GiveName(arrow::Status (FileSystem::*publish)(const std::string&, const std::string&),
                         const Hint& hint) {
    const arrow::Status status = Rename(*fs, publish, temporary, path, hint);
    if (status.ok()) temporary_exists = false;
    return Poison(status);
  }

  // Step 6.
  arrow::Status SyncName() {
    return Caught(path, [&] { return fs->SyncDirectory(directory); });
  }

  bool TakeBack() {
    return Caught(path, [&] { return fs->Remove(path); }).ok();
  }

  arrow::Status UnsyncedNameError(const arrow::Status& sync) {
    return Poison(CommitUnknown(sync,
                                fmt::format("{}: the file is complete under its name, but the name may not "
                                            "survive a power cut: {}",
                                            path, sync.message()),
                                "Look whether it is still there before writing it again."));
  }
};

DurableFile::DurableFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DurableFile::~DurableFile() {
  BestEffort([&] { return Abort(); });  // a temporary file that stays is what a crash would leave
}

arrow::Result<std::shared_ptr<DurableFile>> DurableFile::Create(std::shared_ptr<FileSystem> fs,
                                                                std::string path) {
  if (FileName(path).empty() || path.back() == '/') {
    return InvalidInput(fmt::format("'{}': not the path of a file", path));
  }
  auto impl = std::make_unique<Impl>();
  impl->fs = std::move(fs);
  impl->path = std::move(path);
  impl->temporary = MakeTemporaryPath(impl->path);
  Impl& self = *impl;
  std::shared_ptr<DurableFile> made(new DurableFile(std::move(impl)));
  self.temporary_exists = true;  // also when creating it throws: its end removes what there is
  auto file = self.fs->CreateNew(self.temporary);
  if (!file.ok()) {
    self.temporary_exists = false;
    return self.Poison(WithContext(file.status(), self.path));
  }
  self.file = std::move(file).ValueUnsafe();
  return made;
}

arrow::Status DurableFile::Write(const void* data, int64_t nbytes) {
  Impl& self = *impl_;
  ARROW_RETURN_NOT_OK(self.CheckUsable());
  if (self.write_closed) {
    return self.Poison(InvalidInput(fmt::format("{}: write after the file was closed", self.path)));
  }
  if (nbytes < 0) return self.Poison(InvalidInput(fmt::format("{}: write of {} bytes", self.path, nbytes)));
  if (nbytes == 0) return arrow::Status::OK();
  return self.Guarded([&]() -> arrow::Status {
    self.digest.Update(data, nbytes);
    self.size += nbytes;

    if (nbytes > kBufferSize - self.buffered) ARROW_RETURN_NOT_OK(self.FlushBuffer());
    if (nbytes >= kBufferSize) return self.HandOn(data, nbytes);
    self.Buffer(data, nbytes);
    return arrow::Status::OK();
  });
}

arrow::Status DurableFile::Flush() {
  ARROW_RETURN_NOT_OK(impl_->CheckUsable());
  return impl_->Guarded([&] { return impl_->FlushBuffer(); });
}

arrow::Status DurableFile::Close() {
  ARROW_RETURN_NOT_OK(impl_->failed);
  if (impl_->finished) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(impl_->CheckUsable());
  ARROW_RETURN_NOT_OK(impl_->Guarded([&] { return impl_->FlushBuffer(); }));
  impl_->write_closed = true;
  return arrow::Status::OK();
}

bool DurableFile::closed() const { return impl_->write_closed || impl_->finished; }

arrow::Result<int64_t> DurableFile::Tell() const { return impl_->size; }

arrow::Status DurableFile::Park() {
  ARROW_RETURN_NOT_OK(impl_->CheckUsable());
  if (impl_->synced) return arrow::Status::OK();
  return impl_->Guarded([&] { return impl_->Park(); });
}

arrow::Status DurableFile::Sync() { return impl_->SyncAndClose(); }

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> DurableFile::OpenWritten() {
  ARROW_RETURN_NOT_OK(Flush());
  auto file = impl_->fs->OpenForReading(impl_->temporary);
  if (!file.ok()) return impl_->Poison(file.status());
  return file;
}

arrow::Status DurableFile::Publish(UnsyncedName unsynced) {
  Impl& self = *impl_;
  ARROW_RETURN_NOT_OK(self.SyncAndClose());
  ARROW_RETURN_NOT_OK(self.GiveName(&FileSystem::PublishNew, [] {
    return std::string("Look whether the file is there before writing it again.");
  }));
  const arrow::Status sync = self.SyncName();
  if (sync.ok()) {
    self.finished = true;
    return sync;
  }
  if (unsynced == UnsyncedName::kTakeBack && self.TakeBack()) return self.Poison(sync);
  return self.UnsyncedNameError(sync);
}

arrow::Status DurableFile::PublishReplacing() {
  Impl& self = *impl_;
  ARROW_RETURN_NOT_OK(self.SyncAndClose());
  ARROW_RETURN_NOT_OK(
      self.GiveName(&FileSystem::PublishReplacing, [&] { return WhatMayBeThere(self.path, self.size); }));
  const arrow::Status sync = self.SyncName();
  if (!sync.ok()) return self.Poison(UnsyncedReplacement(sync, self.path, self.size));
  self.finished = true;
  return sync;
}

arrow::Status DurableFile::Abort() {
  Impl& self = *impl_;
  self.finished = true;
  self.failed = arrow::Status::OK();
  self.file.reset();  // its content no longer matters, and so neither does an error of closing it
  self.buffer.reset();
  if (!self.temporary_exists || !self.home.IsThis()) return arrow::Status::OK();
  self.temporary_exists = false;
  const arrow::Status removed = self.fs->Remove(self.temporary);
  return IsKind(removed, ErrorKind::kNotFound) ? arrow::Status::OK() : removed;
}

const std::string& DurableFile::path() const { return impl_->path; }
const std::string& DurableFile::temporary_path() const { return impl_->temporary; }
int64_t DurableFile::size() const { return impl_->size; }
int64_t DurableFile::gathering_bytes() const { return impl_->buffer == nullptr ? 0 : impl_->capacity; }
std::string DurableFile::Digest() const { return impl_->digest.Hex(); }

namespace {

// Before anything is published an exception is an error like any other.
arrow::Result<std::shared_ptr<DurableFile>> CreateWith(const std::shared_ptr<FileSystem>& fs,
                                                       const std::string& path, std::string_view bytes) {
  return Caught(path, [&]() -> arrow::Result<std::shared_ptr<DurableFile>> {
    ARROW_ASSIGN_OR_RAISE(auto file, DurableFile::Create(fs, path));
    ARROW_RETURN_NOT_OK(file->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
    return file;
  });
}

}  // namespace

arrow::Status PutNew(const std::shared_ptr<FileSystem>& fs, const std::string& path, std::string_view bytes,
                     UnsyncedName unsynced) {
  ARROW_ASSIGN_OR_RAISE(const auto file, CreateWith(fs, path, bytes));
  return file->Publish(unsynced);
}

arrow::Status PutReplacing(const std::shared_ptr<FileSystem>& fs, const std::string& path,
                           std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(const auto file, CreateWith(fs, path, bytes));
  return file->PublishReplacing();
}

arrow::Status PutInPlace(FileSystem& fs, const std::string& written, const std::string& path, int64_t bytes) {
  ARROW_RETURN_NOT_OK(
      Rename(fs, &FileSystem::PublishReplacing, written, path, [&] { return WhatMayBeThere(path, bytes); }));
  const arrow::Status sync = Caught(path, [&] { return fs.SyncDirectory(ParentPath(path)); });
  return sync.ok() ? sync : UnsyncedReplacement(sync, path, bytes);
}

arrow::Status NotYetCommitted(const arrow::Status& status) {
  return IsKind(status, ErrorKind::kCommitUnknown) ? AsKind(status, ErrorKind::kStorage) : status;
}

}  // namespace marquet::file
