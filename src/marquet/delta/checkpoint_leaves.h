// The leaves of a checkpoint's row group by their names, and walks over them that meet the actions' rows.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "arrow/result.h"
#include "marquet/base/error.h"
#include "marquet/delta/checkpoint_leaf.h"
#include "marquet/parquet/decode/leaf_file.h"

namespace marquet::delta {

// Only the leaves that are asked for are read. Everything else in a checkpoint (parsed statistics, above all)
// costs nothing. `rows` are ascending rows of the row group, and `i` a place among them. kCorruptData for a
// leaf whose physical type no field of an action has.
class CheckpointLeaves {
 public:
  CheckpointLeaves(const pq::LeafFile& file, const std::map<std::string, int>& names, int row_group,
                   int64_t first_row)
      : file_(file), names_(names), row_group_(row_group), first_row_(first_row) {}

  int64_t first_row() const { return first_row_; }  // of the row group, within the file

  // The rows in which a struct is there, told by one of its leaves.
  arrow::Result<std::vector<int64_t>> RowsWith(const std::string& name, const std::string& leaf);

  // Calls each(i, leaf) for the values in rows[i].
  template <typename Each>
  arrow::Status ForEach(const std::string& name, const std::vector<int64_t>& rows, Each&& each) {
    if (rows.empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(CheckpointLeaf leaf, Open(name, &values_));
    size_t i = 0;
    while (leaf.NextValue()) {
      while (i < rows.size() && rows[i] < leaf.row()) ++i;
      if (i == rows.size()) return arrow::Status::OK();
      if (rows[i] == leaf.row()) ARROW_RETURN_NOT_OK(each(i, leaf));
    }
    return arrow::Status::OK();
  }

  // Calls each(i, text) for the elements of a list of texts.
  template <typename Each>
  arrow::Status ForEachElement(const std::string& name, const std::vector<int64_t>& rows, Each&& each) {
    const auto elements = LeavesUnder(name);
    if (elements.empty()) return arrow::Status::OK();
    return ForEach(elements[0], rows, [&](size_t i, const CheckpointLeaf& leaf) {
      each(i, leaf.text());
      return arrow::Status::OK();
    });
  }

  // Calls each(i, key, value) for the pairs of a map of texts; a null value is an empty one.
  template <typename Each>
  arrow::Status ForEachPair(const std::string& name, const std::vector<int64_t>& rows, Each&& each) {
    const auto pair = LeavesUnder(name);
    if (pair.size() != 2 || rows.empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(CheckpointLeaf key, Open(pair[0], &keys_));
    ARROW_ASSIGN_OR_RAISE(CheckpointLeaf value, Open(pair[1], &values_));
    size_t i = 0;
    while (key.NextEntry()) {
      if (!value.NextEntry() || value.row() != key.row()) {
        return CorruptData(fmt::format("{}: there are not as many values as keys", name));
      }
      if (!key.present()) continue;
      while (i < rows.size() && rows[i] < key.row()) ++i;
      if (i == rows.size()) return arrow::Status::OK();
      if (rows[i] == key.row()) each(i, key.text(), value.present() ? value.text() : std::string_view());
    }
    return arrow::Status::OK();
  }

 private:
  // Without values where there is no such leaf. Valid until the next call with the same batch.
  arrow::Result<CheckpointLeaf> Open(const std::string& name, LeafBatch* batch) const;
  // The definition level from which on a top-level struct is not null.
  int16_t LevelOf(const std::string& name) const;
  // In the file's order: a key before its value.
  std::vector<std::string> LeavesUnder(const std::string& name) const;

  const pq::LeafFile& file_;
  const std::map<std::string, int>& names_;
  const int row_group_;
  const int64_t first_row_;
  LeafBatch keys_, values_;
};

}  // namespace marquet::delta
