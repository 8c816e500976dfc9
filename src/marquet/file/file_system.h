// Files and directories, behind one interface.
//
// Everything that Marquet reads or writes goes through a FileSystem, which is injected: the operating
// system's files (LocalFileSystem below), files in memory with power cuts (memory_file_system.h), and a
// wrapper that fails or tears the n-th operation (fault_file_system.h). Only this room calls the operating
// system's file functions.
//
// These are the primitives. A file that must survive is written with DurableFile (durable_file.h), which runs
// the publishing protocol over them; nothing else should call CreateNew or GoOnWriting.
//
// Paths are UTF-8 and use '/'. Every error names the path; a missing file is kNotFound, a taken name
// kAlreadyExists, any other refusal kStorage with its errno. All methods are thread safe; a WritableFile
// belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/status.h"

namespace marquet::file {

struct FileInfo {
  std::string path;  // as given for Stat; the bare name for List
  int64_t size = 0;
  int64_t modified_ms = 0;  // since 1970, UTC
  bool is_directory = false;
  uint64_t device = 0;  // with the inode one file or directory, whatever names lead to it; both 0 where that
  uint64_t inode = 0;   // is not known
};

// A file that is being written, from its first byte on.
class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes without syncing; errors are dropped, so call Close()

  // Appends all of the bytes or fails; after a failure the file must be abandoned.
  virtual arrow::Status Append(const void* data, int64_t size) = 0;

  // Forces the file's bytes to stable storage. A failure is final: the pages may have been dropped, and a
  // second call that succeeds would prove nothing.
  virtual arrow::Status Sync() = 0;

  virtual arrow::Status Close() = 0;
};

// Held until destroyed; the operating system releases it when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens for reading. The result allows concurrent ReadAt calls.
  virtual arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenForReading(
      const std::string& path) = 0;
  virtual arrow::Result<FileInfo> Stat(const std::string& path) = 0;

  // The entries of one directory, without "." and "..", in no particular order.
  virtual arrow::Result<std::vector<FileInfo>> List(const std::string& directory) = 0;

  // The names alone, which spares a call per entry.
  virtual arrow::Result<std::vector<std::string>> ListNames(const std::string& directory);

  // Creates a file that must not exist (O_EXCL).
  virtual arrow::Result<std::unique_ptr<WritableFile>> CreateNew(const std::string& path) = 0;

  // Opens a file that CreateNew made, and that was closed, to append to it.
  virtual arrow::Result<std::unique_ptr<WritableFile>> GoOnWriting(const std::string& path) = 0;

  // Gives the file at `temporary` the name `final_path`, atomically, only if that name is free (link +
  // unlink, or RENAME_NOREPLACE). kAlreadyExists when it is taken; `temporary` is then still there.
  virtual arrow::Status PublishNew(const std::string& temporary, const std::string& final_path) = 0;

  // The same, but takes the place of what is there (rename).
  virtual arrow::Status PublishReplacing(const std::string& temporary, const std::string& final_path) = 0;

  // Makes the names in a directory durable.
  virtual arrow::Status SyncDirectory(const std::string& directory) = 0;

  // Creates one directory; kAlreadyExists when the name is taken.
  virtual arrow::Status CreateDirectory(const std::string& path) = 0;

  // Removes a file, or an empty directory.
  virtual arrow::Status Remove(const std::string& path) = 0;

  // Takes the exclusive lock on `path` (created when absent), without waiting; kConflict when another holder
  // lives, which the message names where it is known. A fork does not hold its parent's.
  virtual arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The operating system's files. One shared object for the process.
std::shared_ptr<FileSystem> LocalFileSystem();

// Creates `path` and its missing parents, and syncs the parent of each directory made and of the deepest one
// that was there (its maker may have been killed before syncing): after this returns, the whole path survives
// a power cut. It costs a directory sync even when everything exists, so a caller that knows a directory to
// be durable, since a committed file lies in it, does not call.
arrow::Status CreateDirectories(FileSystem& fs, const std::string& path);

// The whole content of a file of at most `limit` bytes (kInvalidInput beyond).
arrow::Result<std::string> ReadAll(FileSystem& fs, const std::string& path, int64_t limit = int64_t{1} << 30);

// True when there is a file or directory of this name; other failures than kNotFound are returned.
arrow::Result<bool> Exists(FileSystem& fs, const std::string& path);

// "a/b" and "c" to "a/b/c"; the parent "a/b" and the name "c" of "a/b/c". The parent of "c" is ".", that of
// "/" is "/". Pure text.
std::string JoinPath(std::string_view directory, std::string_view name);
std::string ParentPath(std::string_view path);
std::string FileName(std::string_view path);

}  // namespace marquet::file
