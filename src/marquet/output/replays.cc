#include <utility>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/output/published_rows_internal.h"
#include "marquet/output/replays_internal.h"

namespace marquet::output {

Replays::Replays(const OutputFolder* published, std::string directory) : published_(published) {
  folder_.fs = published->fs;
  folder_.path = std::move(directory);
  folder_.check_claim = published->check_claim;
}

std::unique_ptr<OutputParts> Replays::Begin(const std::string& name) {
  return std::make_unique<OutputParts>(&folder_, Xxh3Hex(name) + ".parquet");
}

arrow::Status Replays::End(OutputParts* rows, const std::vector<std::string>& files, bool prefix) {
  ARROW_RETURN_NOT_OK(rows->Finish(nullptr));
  std::vector<std::string> published, again;
  for (const std::string& file : files) published.push_back(file::JoinPath(published_->path, file));
  for (const PublishedFile& file : rows->published())
    again.push_back(file::JoinPath(folder_.path, file.name));
  ARROW_RETURN_NOT_OK(CheckSameRows(folder_.fs, published, again, prefix));
  return rows->Abort();
}

arrow::Status Replays::Clear() {
  const auto names = folder_.fs->ListNames(folder_.path);
  if (IsKind(names.status(), ErrorKind::kNotFound)) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(names.status());
  // Whose writer failed may remove them at the same time.
  const auto gone = [](const arrow::Status& removed) {
    return IsKind(removed, ErrorKind::kNotFound) ? arrow::Status::OK() : removed;
  };
  for (const std::string& name : *names) {
    ARROW_RETURN_NOT_OK(gone(folder_.fs->Remove(file::JoinPath(folder_.path, name))));
  }
  folder_.made.clear();
  return gone(folder_.fs->Remove(folder_.path));
}

}  // namespace marquet::output
