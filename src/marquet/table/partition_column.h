// The values of one partition column in the files of a snapshot, as codes: equal texts have one. Internal to
// the room.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::table {

// Immutable but for values that are parsed when they are first asked for; thread safe.
class PartitionColumn {
 public:
  // `texts`: the value of each file as the log spells it, empty for null; they must stay where they are.
  // kCorruptData for a text that is no value of the type; `file` is then the one that has it.
  static arrow::Result<std::unique_ptr<const PartitionColumn>> Make(
      std::shared_ptr<arrow::DataType> type, const std::vector<std::string_view>& texts, size_t* file);

  // A null scalar for null.
  std::shared_ptr<arrow::Scalar> ValueOf(size_t file) const;

  // The files that have one of the values whose keys these are (KeyOf in predicate_node.h), ascending.
  std::vector<uint32_t> FilesOf(const std::vector<std::string>& keys) const;

 private:
  explicit PartitionColumn(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {}

  uint32_t AddText(std::string_view text);
  // The slot that holds the text's code, or the free one where it belongs.
  size_t SlotOf(std::string_view text) const;
  void Grow();
  void GroupFiles();
  arrow::Status CheckText(std::string_view text);
  arrow::Status FillKeys();
  // The text of a key, as it is spelled where all texts are spelled in the one usual way.
  std::string TextOf(const std::string& key) const;

  const std::shared_ptr<arrow::DataType> type_;
  std::vector<std::string_view> texts_;   // by code
  std::vector<uint32_t> slots_;           // hash table of texts: code + 1, or 0; a power of two
  std::vector<uint32_t> codes_;           // by file
  std::vector<uint32_t> begins_, files_;  // by code: where its files begin among files_; one more at the end

  // Whether values are found by their text: no value has two spellings. Otherwise they are by their keys.
  bool usual_ = false;
  std::unordered_map<std::string, std::vector<uint32_t>> by_key_;  // codes

  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<arrow::Scalar>> values_;  // by code; null pointers where not parsed yet
};

}  // namespace marquet::table
