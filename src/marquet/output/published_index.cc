#include "marquet/output/published_index_internal.h"

#include <utility>

#include "marquet/output/output_template.h"

namespace marquet::output {

void PublishedIndex::Add(const PublishedUnit& unit) {
  Chunk& chunk = unit.chunk ? chunks_[*unit.chunk] : rest_;
  chunk.records += unit.records;
  for (const PublishedFile& file : unit.files) chunk.files.insert(file.name);
}

void PublishedIndex::Merge(PublishedIndex more) noexcept {
  rest_.records += more.rest_.records;
  rest_.files.merge(more.rest_.files);
  chunks_.merge(more.chunks_);
  for (auto& [index, chunk] : more.chunks_) {  // those that were there
    chunks_.find(index)->second.records += chunk.records;
    chunks_.find(index)->second.files.merge(chunk.files);
  }
}

std::vector<int64_t> PublishedIndex::Chunks() const {
  std::vector<int64_t> indexes;
  for (const auto& [index, chunk] : chunks_) indexes.push_back(index);
  return indexes;
}

int64_t PublishedIndex::RecordsInFront() const {
  int64_t records = 0;
  for (int64_t index = 0; chunks_.contains(index); ++index) records += chunks_.at(index).records;
  return records;
}

int64_t PublishedIndex::AllRecords() const {
  int64_t records = rest_.records;
  for (const auto& [index, chunk] : chunks_) records += chunk.records;
  return records;
}

std::vector<std::string> PublishedIndex::FilesOf(const std::string& name,
                                                 std::optional<int64_t> chunk) const {
  if (chunk && !Has(*chunk)) return {};
  const std::set<std::string>& files = chunk ? chunks_.at(*chunk).files : rest_.files;
  std::vector<std::string> found;
  if (files.contains(name)) found.push_back(name);
  for (auto part = static_cast<int>(found.size());; ++part) {
    std::string part_name = PartName(name, part);
    if (!files.contains(part_name)) return found;
    found.push_back(std::move(part_name));
  }
}

}  // namespace marquet::output
