#include "marquet/pipeline/ingest_call.h"

#include <algorithm>

#include "marquet/pipeline/source_stream.h"

namespace marquet::pipeline {

const SourceDescription* PlannedTable::Find(const std::string& digest) const {
  const auto found = std::find_if(sources.begin(), sources.end(),
                                  [&](const SourceDescription& source) { return source.digest == digest; });
  return found == sources.end() ? nullptr : &*found;
}

arrow::Result<bool> IngestCall::Contains(const SourceDescription& held) {
  if (digests_.contains(held.digest)) return true;
  if (!files_) {
    std::multimap<int64_t, File> files;
    for (const SourceFile& source : sources_) {
      if (source.standard_input()) continue;
      ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs_->Stat(source.path));
      files.insert({info.size, {&source.path, {}}});
    }
    files_ = std::move(files);
  }
  const auto [begin, end] = files_->equal_range(held.bytes);
  for (auto file = begin; file != end; ++file) {
    std::string& digest = file->second.digest;
    if (digest.empty()) {
      ARROW_ASSIGN_OR_RAISE(digest, DigestOfFile(*fs_, *file->second.path, stop_));
    }
    if (digest == held.digest) return true;
  }
  return false;
}

}  // namespace marquet::pipeline
