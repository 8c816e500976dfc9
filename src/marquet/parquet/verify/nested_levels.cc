#include <algorithm>

#include "marquet/parquet/verify/nested_levels_internal.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using ::parquet::schema::Node;

// From the column down to the leaf itself, without the schema's root.
std::vector<const Node*> PathOf(const ::parquet::SchemaDescriptor& schema, int leaf) {
  std::vector<const Node*> path;
  for (const Node* node = schema.Column(leaf)->schema_node().get(); node->parent() != nullptr;
       node = node->parent()) {
    path.push_back(node);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace

bool IsInside(const ::parquet::SchemaDescriptor& schema, int leaf) {
  const ::parquet::ColumnDescriptor& column = *schema.Column(leaf);
  return column.max_repetition_level() > 0 || PathOf(schema, leaf).size() > 1;
}

LeafLevels::LeafLevels(const ::parquet::SchemaDescriptor& schema, int leaf)
    : most_definition_(schema.Column(leaf)->max_definition_level()),
      most_repetition_(schema.Column(leaf)->max_repetition_level()),
      item_{0},
      before_(SharedWith(schema, leaf, leaf - 1)),
      behind_(SharedWith(schema, leaf, leaf + 1)) {
  int16_t definition = 0;
  for (const Node* node : PathOf(schema, leaf)) {
    if (!node->is_required()) ++definition;
    if (node->is_repeated()) item_.push_back(definition);
  }
}

std::optional<LeafLevels::Shared> LeafLevels::SharedWith(const ::parquet::SchemaDescriptor& schema, int leaf,
                                                         int neighbour) {
  if (neighbour < 0 || neighbour >= schema.num_columns()) return std::nullopt;
  const auto path = PathOf(schema, leaf), other = PathOf(schema, neighbour);
  if (path.front() != other.front()) return std::nullopt;
  Shared shared;
  for (size_t i = 0; i < std::min(path.size(), other.size()) && path[i] == other[i]; ++i) {
    if (!path[i]->is_required()) ++shared.definition;
    if (path[i]->is_repeated()) ++shared.repetition;
  }
  return shared;
}

void LeafLevels::Add(const int16_t* definition, const int16_t* repetition, int64_t count) {
  if (most_definition_ == 0) definition = nullptr;
  if (most_repetition_ == 0) repetition = nullptr;
  if (repetition != nullptr) {  // and so there are definitions
    for (int64_t i = 0; i < count; ++i) {
      const int16_t again = repetition[i];
      const bool fits = again >= 0 && again <= most_repetition_ && definition[i] <= most_definition_;
      if (!fits) {
        sound_ = false;
      } else if (again > 0) {
        const int16_t item = item_[static_cast<size_t>(again)];
        sound_ = sound_ && last_definition_ >= item && definition[i] >= item;
      }
      last_definition_ = definition[i];
    }
  }
  if (before_) AddTo(&*before_, definition, repetition, count);
  if (behind_) AddTo(&*behind_, definition, repetition, count);
}

void LeafLevels::AddTo(Shared* shared, const int16_t* definition, const int16_t* repetition, int64_t count) {
  packed_.clear();
  for (int64_t i = 0; i < count; ++i) {
    const int16_t again = repetition == nullptr ? int16_t{0} : repetition[i];
    if (again > shared->repetition) continue;
    const int16_t defined = definition == nullptr ? int16_t{0} : std::min(definition[i], shared->definition);
    packed_.push_back(static_cast<uint32_t>(again) << 16 | static_cast<uint16_t>(defined));
  }
  shared->digest.Update(packed_.data(), static_cast<int64_t>(packed_.size() * sizeof(uint32_t)));
}

LevelSummary LeafLevels::Summary() const {
  return {sound_, before_ ? before_->digest.Hex() : std::string(),
          behind_ ? behind_->digest.Hex() : std::string()};
}

}  // namespace marquet::pq
