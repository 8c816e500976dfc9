#include "marquet/table/table_state.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/compute/initialize.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::table {
namespace {

// Looks through a snapshot's files that cost less than a set of their directories: an append to few
// partitions needs no such set.
constexpr int kLooks = 8;

}  // namespace

arrow::Status InitializeKernels() {
  static const arrow::Status status = arrow::compute::Initialize();
  return status;
}

TableState::TableState(std::shared_ptr<file::FileSystem> the_fs, std::string the_path)
    : path(std::move(the_path)), fs(std::move(the_fs)), log(fs, path), readers(fs) {}

std::shared_ptr<const delta::Snapshot> TableState::snapshot() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

void TableState::Advance(std::shared_ptr<const delta::Snapshot> snapshot, bool force) {
  std::lock_guard lock(mutex_);
  if (!force && snapshot_ != nullptr && snapshot->version < snapshot_->version) return;
  parents_.clear();
  parents_known_ = false;
  asked_ = 0;
  snapshot_ = std::move(snapshot);
}

arrow::Result<std::shared_ptr<const FileIndex>> TableState::index() const {
  std::lock_guard lock(mutex_);
  if (index_ == nullptr || &index_->snapshot() != snapshot_.get()) {
    ARROW_ASSIGN_OR_RAISE(index_, FileIndex::Make(snapshot_, index_.get()));
  }
  return index_;
}

arrow::Result<std::shared_ptr<const pq::FileFormat>> TableState::FormatOf(
    const std::shared_ptr<arrow::Schema>& schema, const pq::WriteOptions& options) {
  std::lock_guard lock(mutex_);
  if (format_ == nullptr || format_->options() != options ||
      !format_->schema()->Equals(*schema, /*check_metadata=*/true)) {
    ARROW_ASSIGN_OR_RAISE(format_, pq::FileFormat::Make(schema, options));
  }
  return format_;
}

arrow::Status TableState::EnsureDirectory(const std::string& relative) {
  if (relative.empty()) return arrow::Status::OK();  // the table's own: its log lies in it
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    if (directories_.contains(relative)) return arrow::Status::OK();
    known = HoldsFiles(relative);
  }
  if (!known) ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::JoinPath(path, relative)));
  std::lock_guard lock(mutex_);
  directories_.insert(relative);
  return arrow::Status::OK();
}

int64_t TableState::paths_looked_at() const {
  std::lock_guard lock(mutex_);
  return paths_looked_at_;
}

bool TableState::HoldsFiles(const std::string& directory) {
  if (asked_ < kLooks) {
    ++asked_;
    return std::any_of(snapshot_->files.begin(), snapshot_->files.end(), [&](const auto& add) {
      ++paths_looked_at_;
      return add->path.size() > directory.size() && add->path[directory.size()] == '/' &&
             add->path.starts_with(directory) &&
             add->path.find('/', directory.size() + 1) == std::string::npos;
    });
  }
  if (!parents_known_) {
    for (const auto& add : snapshot_->files) {
      ++paths_looked_at_;
      const size_t slash = add->path.rfind('/');
      if (slash != std::string::npos) parents_.insert(std::string_view(add->path).substr(0, slash));
    }
    parents_known_ = true;
  }
  return parents_.contains(directory);
}

}  // namespace marquet::table
