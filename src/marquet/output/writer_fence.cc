#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/file/durable_file.h"
#include "marquet/output/manifest_names_internal.h"
#include "marquet/output/writer_fence_internal.h"
#include "marquet/output/writer_manifest.h"

namespace marquet::output {
namespace {

// The greatest number of an output's manifests and fences, but for one name.
arrow::Result<int64_t> Newest(file::FileSystem& fs, const std::string& directory, const std::string& id,
                              const std::string& without) {
  ARROW_ASSIGN_OR_RAISE(const auto names, fs.ListNames(directory));
  int64_t newest = 0;
  for (const std::string& name : names) {
    const auto attempt = ParseAttemptName(name);
    if (attempt && attempt->id == id && name != without) newest = std::max(newest, attempt->number);
  }
  return newest;
}

arrow::Status JustBegun(const std::string& folder, int64_t attempt) {
  return Conflict(
      fmt::format("{}: another process has just begun attempt {} at this output", folder, attempt),
      "Let it go on, or wait until it has ended.");
}

}  // namespace

arrow::Result<Fence> Fence::Put(const std::shared_ptr<file::FileSystem>& fs, const std::string& folder,
                                const std::string& id) {
  const std::string directory = ManifestDirectory(folder);
  ARROW_ASSIGN_OR_RAISE(const int64_t before, Newest(*fs, directory, id, ""));
  Fence fence;
  fence.attempt_ = before + 1;
  if (before == 0) return fence;
  const std::string name = FenceName(id, fence.attempt_);
  const std::string path = file::JoinPath(directory, name);
  const arrow::Status put = file::PutNew(fs, path, "");
  if (IsKind(put, ErrorKind::kAlreadyExists)) return JustBegun(folder, fence.attempt_);
  fence.fs_ = fs;
  fence.path_ = path;
  ARROW_RETURN_NOT_OK(file::NotYetCommitted(put));
  // Somebody may have begun, and removed a fence of the same number, since the first look.
  ARROW_ASSIGN_OR_RAISE(const int64_t now, Newest(*fs, directory, id, name));
  if (now >= fence.attempt_) return JustBegun(folder, now);
  return fence;
}

Fence::Fence(Fence&& other) noexcept
    : fs_(std::move(other.fs_)), path_(std::exchange(other.path_, {})), attempt_(other.attempt_) {}

Fence& Fence::operator=(Fence&& other) noexcept {
  std::swap(fs_, other.fs_);
  std::swap(path_, other.path_);
  std::swap(attempt_, other.attempt_);
  return *this;
}

Fence::~Fence() {
  if (!path_.empty()) BestEffort([&] { return fs_->Remove(path_); });  // the next attempt removes it else
}

}  // namespace marquet::output
