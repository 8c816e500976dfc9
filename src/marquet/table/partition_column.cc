#include "marquet/table/partition_column.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/time.h"
#include "marquet/delta/schema.h"
#include "marquet/predicate/predicate_node.h"

namespace marquet::table {
namespace {

using arrow::Type;

constexpr size_t kFirstSlots = 64;

// An integer as everybody spells it, without zeros or signs that say nothing, that `bits` hold.
bool IsUsualInteger(std::string_view text, int bits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  const int64_t most = INT64_MAX >> (64 - bits);
  return (text == "0" || text[text[0] == '-' ? 1 : 0] != '0') && value <= most && value >= -most - 1;
}

bool IsUsualDate(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' && ParseDate(text).ok();
}

bool IsUsual(std::string_view text, const arrow::DataType& type) {
  if (type.id() == Type::STRING) return true;
  if (type.id() == Type::DATE32) return IsUsualDate(text);
  return arrow::is_signed_integer(type.id()) && IsUsualInteger(text, type.bit_width());
}

}  // namespace

arrow::Result<std::unique_ptr<const PartitionColumn>> PartitionColumn::Make(
    std::shared_ptr<arrow::DataType> type, const std::vector<std::string_view>& texts, size_t* file) {
  std::unique_ptr<PartitionColumn> column(new PartitionColumn(std::move(type)));
  column->usual_ = true;
  column->slots_.resize(kFirstSlots);
  column->codes_.resize(texts.size());
  for (*file = 0; *file < texts.size(); ++*file) {
    const size_t known = column->texts_.size();
    column->codes_[*file] = column->AddText(texts[*file]);
    if (column->texts_.size() > known) ARROW_RETURN_NOT_OK(column->CheckText(texts[*file]));
  }
  column->values_.resize(column->texts_.size());
  column->GroupFiles();
  if (!column->usual_) ARROW_RETURN_NOT_OK(column->FillKeys());
  return column;
}

arrow::Status PartitionColumn::CheckText(std::string_view text) {
  if (text.empty() || IsUsual(text, *type_)) return arrow::Status::OK();
  usual_ = false;
  return delta::PartitionValueFromText(text, type_).status();
}

size_t PartitionColumn::SlotOf(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>()(text) & mask;
  while (slots_[slot] != 0 && texts_[slots_[slot] - 1] != text) slot = (slot + 1) & mask;
  return slot;
}

uint32_t PartitionColumn::AddText(std::string_view text) {
  size_t slot = SlotOf(text);
  if (slots_[slot] != 0) return slots_[slot] - 1;
  texts_.push_back(text);
  slots_[slot] = static_cast<uint32_t>(texts_.size());
  if (texts_.size() * 2 > slots_.size()) Grow();
  return static_cast<uint32_t>(texts_.size()) - 1;
}

void PartitionColumn::Grow() {
  slots_.assign(slots_.size() * 4, 0);
  for (size_t code = 0; code < texts_.size(); ++code)
    slots_[SlotOf(texts_[code])] = static_cast<uint32_t>(code) + 1;
}

void PartitionColumn::GroupFiles() {
  begins_.assign(texts_.size() + 1, 0);
  for (const uint32_t code : codes_) ++begins_[code + 1];
  for (size_t code = 0; code < texts_.size(); ++code) begins_[code + 1] += begins_[code];
  files_.resize(codes_.size());
  std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
  for (size_t file = 0; file < codes_.size(); ++file)
    files_[next[codes_[file]]++] = static_cast<uint32_t>(file);
}

arrow::Status PartitionColumn::FillKeys() {
  for (size_t code = 0; code < texts_.size(); ++code) {
    ARROW_ASSIGN_OR_RAISE(values_[code], delta::PartitionValueFromText(texts_[code], type_));
    if (values_[code]->is_valid)
      by_key_[predicate::KeyOf(*values_[code])].push_back(static_cast<uint32_t>(code));
  }
  return arrow::Status::OK();
}

std::shared_ptr<arrow::Scalar> PartitionColumn::ValueOf(size_t file) const {
  std::lock_guard lock(mutex_);
  std::shared_ptr<arrow::Scalar>& value = values_[codes_[file]];
  if (value == nullptr) {
    // It was checked.
    value = delta::PartitionValueFromText(texts_[codes_[file]], type_).ValueOr(arrow::MakeNullScalar(type_));
  }
  return value;
}

std::string PartitionColumn::TextOf(const std::string& key) const {
  if (type_->id() == Type::STRING) return key;
  predicate::Int128 value = 0;
  std::memcpy(&value, key.data(), std::min(key.size(), sizeof value));
  if (value < INT64_MIN || value > INT64_MAX) return {};
  if (type_->id() != Type::DATE32) return std::to_string(static_cast<int64_t>(value));
  return value < INT32_MIN || value > INT32_MAX ? std::string() : FormatDate(static_cast<int32_t>(value));
}

std::vector<uint32_t> PartitionColumn::FilesOf(const std::vector<std::string>& keys) const {
  std::vector<uint32_t> found;
  const auto add = [&](uint32_t code) {
    found.insert(found.end(), files_.begin() + begins_[code], files_.begin() + begins_[code + 1]);
  };
  for (const std::string& key : keys) {
    if (!usual_) {
      const auto codes = by_key_.find(key);
      if (codes == by_key_.end()) continue;
      for (const uint32_t code : codes->second) add(code);
    } else if (const std::string text = TextOf(key); !text.empty()) {
      if (const uint32_t slot = slots_[SlotOf(text)]; slot != 0) add(slot - 1);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace marquet::table
