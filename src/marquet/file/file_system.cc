#include "marquet/file/file_system.h"

#include <cerrno>

#include <fmt/format.h>

#include "arrow/io/interfaces.h"
#include "marquet/base/error.h"

namespace marquet::file {

arrow::Result<std::vector<std::string>> FileSystem::ListNames(const std::string& directory) {
  ARROW_ASSIGN_OR_RAISE(auto entries, List(directory));
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (auto& entry : entries) names.push_back(std::move(entry.path));
  return names;
}

// Every directory is made durable before the next one is made inside it, from the top down:
//
//   1. Find the deepest directory of the path that is there. A process may have been killed after making it
//      and before step 2, so its own name may not be durable; those above it are, by the order of the steps.
//   2. Sync its parent.
//   3. Create the next directory inside. A crash leaves it empty, perhaps not durable: step 1 of the next
//      caller finds it.
//   4. Sync the directory it is in; go on at 3.
//
// Someone else may create the same directory at the same time: then it is there, and step 4 covers it as
// well.
arrow::Status CreateDirectories(FileSystem& fs, const std::string& path) {
  std::vector<std::string> missing;
  std::string deepest = path.empty() ? "." : path;
  for (;;) {
    auto info = fs.Stat(deepest);
    if (info.ok()) {
      if (!info->is_directory) return StorageError(ENOTDIR, "create directories in it", deepest);
      break;
    }
    if (!IsKind(info.status(), ErrorKind::kNotFound)) return info.status();
    const std::string parent = ParentPath(deepest);
    if (parent == deepest) return info.status();
    missing.push_back(deepest);
    deepest = parent;
  }

  const arrow::Status synced = fs.SyncDirectory(ParentPath(deepest));
  // Whoever may not read a directory (the /home above one's own) did not make anything in it either.
  const int error = ErrnoOf(synced);
  if (!synced.ok() && error != EACCES && error != EPERM) return synced;

  for (auto next = missing.rbegin(); next != missing.rend(); ++next) {
    const arrow::Status made = fs.CreateDirectory(*next);
    if (!made.ok()) {
      if (!IsKind(made, ErrorKind::kAlreadyExists)) return made;
      ARROW_ASSIGN_OR_RAISE(auto info, fs.Stat(*next));
      if (!info.is_directory) return made;
    }
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(ParentPath(*next)));
  }
  return arrow::Status::OK();
}

arrow::Result<std::string> ReadAll(FileSystem& fs, const std::string& path, int64_t limit) {
  ARROW_ASSIGN_OR_RAISE(auto file, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(int64_t size, file->GetSize());
  if (size > limit) {
    return InvalidInput(fmt::format("{}: {} bytes, where at most {} were expected", path, size, limit));
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  ARROW_ASSIGN_OR_RAISE(int64_t got, file->ReadAt(0, size, bytes.data()));
  if (got != size) return CorruptData(fmt::format("{}: ends at byte {} of {}", path, got, size));
  ARROW_RETURN_NOT_OK(file->Close());
  return bytes;
}

arrow::Result<bool> Exists(FileSystem& fs, const std::string& path) {
  const arrow::Status status = fs.Stat(path).status();
  if (status.ok()) return true;
  if (IsKind(status, ErrorKind::kNotFound)) return false;
  return status;
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

namespace {

// Without the slashes at the end, except that of the root.
std::string_view Trimmed(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

}  // namespace

std::string ParentPath(std::string_view path) {
  path = Trimmed(path);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(Trimmed(path.substr(0, slash + 1)));
}

std::string FileName(std::string_view path) {
  path = Trimmed(path);
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace marquet::file
