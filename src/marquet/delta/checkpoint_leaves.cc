#include "marquet/delta/checkpoint_leaves.h"

#include <algorithm>

#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::delta {

arrow::Result<std::vector<int64_t>> CheckpointLeaves::RowsWith(const std::string& name,
                                                               const std::string& leaf) {
  std::vector<int64_t> rows;
  std::string telling = name + "." + leaf;
  if (!names_.contains(telling)) {
    const auto others = LeavesUnder(name);
    if (others.empty()) return rows;
    telling = others[0];
  }
  ARROW_ASSIGN_OR_RAISE(CheckpointLeaf told, Open(telling, &values_));
  const int16_t level = LevelOf(name);
  while (told.NextEntry()) {
    if (told.definition() >= level && (rows.empty() || rows.back() != told.row())) rows.push_back(told.row());
  }
  return rows;
}

arrow::Result<CheckpointLeaf> CheckpointLeaves::Open(const std::string& name, LeafBatch* batch) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return CheckpointLeaf();
  ARROW_ASSIGN_OR_RAISE(auto reader, file_.Leaf(row_group_, found->second));
  CheckpointLeaf leaf(std::move(reader), batch);
  if (leaf.is_text() || leaf.is_number() || leaf.is_flag()) return leaf;
  return CorruptData(fmt::format("{} is of an unexpected physical type", name));
}

int16_t CheckpointLeaves::LevelOf(const std::string& name) const {
  const auto& root = *file_.footer().schema()->group_node();
  const int field = root.FieldIndex(name);
  return field >= 0 && root.field(field)->is_optional() ? 1 : 0;
}

std::vector<std::string> CheckpointLeaves::LeavesUnder(const std::string& name) const {
  std::vector<std::pair<int, std::string>> places;
  const std::string prefix = name + ".";
  for (auto leaf = names_.lower_bound(prefix); leaf != names_.end() && leaf->first.starts_with(prefix);
       ++leaf) {
    places.emplace_back(leaf->second, leaf->first);
  }
  std::sort(places.begin(), places.end());
  std::vector<std::string> found;
  for (auto& [place, path] : places) found.push_back(std::move(path));
  return found;
}

}  // namespace marquet::delta
