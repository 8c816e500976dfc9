// JSON files of a known form: fields are asked for one after the other, and the first that is not as expected
// is told with its line and column.
//
//   ARROW_ASSIGN_OR_RAISE(const auto file, JsonFile::Parse("day.json", "a calendar", text));
//   const std::string day = file->root().At("day").String();
//   ARROW_RETURN_NOT_OK(file->status());
//
// After a misfit the fields give empty values, so that the reading goes on to its end and looks at status()
// once, before it uses anything. Owned by one thread at a time.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "arrow/result.h"
#include "marquet/delta/json_document.h"

namespace marquet::ledger {

class JsonField;

class JsonFile {
 public:
  // `what` is what the file should be: "a manifest". kCorruptData for text that is not JSON.
  static arrow::Result<std::unique_ptr<JsonFile>> Parse(std::string path, std::string what, std::string text);

  JsonField root();
  // kCorruptData for the first misfit: "PATH: is not WHAT: line 3, column 7: found ...; expected ...".
  const arrow::Status& status() const { return status_; }

 private:
  friend class JsonField;
  JsonFile(std::string path, std::string what, std::string text)
      : path_(std::move(path)), what_(std::move(what)), text_(std::move(text)) {}
  std::string Place(size_t at) const;
  // Where a part of the text begins.
  size_t At(std::string_view part, size_t otherwise) const;

  const std::string path_, what_, text_;
  std::optional<delta::JsonDocument> document_;
  arrow::Status status_;
};

// A value of the file; none, and giving empty values, behind a misfit.
class JsonField {
 public:
  bool is_null() const { return value_ && value_->is_null(); }
  bool is_object() const { return value_ && value_->IsObject(); }

  // Whether it is an object with such a member.
  bool Has(std::string_view name) const;
  // A member of an object, which must be there; an element of a list.
  JsonField At(std::string_view name) const;
  JsonField At(size_t index) const;

  std::string String() const;
  bool Bool() const;
  template <typename T>
  T Integer() const;

  // each(JsonField) for the elements of a list, each(std::string_view, JsonField) for the members of an
  // object; none of them once there was a misfit.
  template <typename Each>
  void ForEach(Each&& each) const;
  template <typename Each>
  void ForEachMember(Each&& each) const;

  // Tells that this value is something else than what is expected.
  void Fail(std::string_view expected) const;

 private:
  friend class JsonFile;
  JsonField(JsonFile* file, std::optional<delta::JsonValue> value, size_t near);
  JsonField None() const { return {file_, std::nullopt, at_}; }
  std::string Found() const;

  JsonFile* file_;
  std::optional<delta::JsonValue> value_;
  size_t at_;  // where it lies in the text
};

template <typename T>
T JsonField::Integer() const {
  T value = 0;
  if (!value_) return value;
  const std::string_view text = value_->Text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (value_->kind() == delta::JsonKind::kNumber && error == std::errc() &&
      end == text.data() + text.size()) {
    return value;
  }
  Fail(fmt::format("a whole number from {} to {}", std::numeric_limits<T>::min(),
                   std::numeric_limits<T>::max()));
  return 0;
}

template <typename Each>
void JsonField::ForEach(Each&& each) const {
  if (!value_) return;
  if (!value_->IsArray()) return Fail("a list");
  value_->ForEachElement([&](delta::JsonValue element) {
    if (file_->status().ok()) each(JsonField(file_, element, at_));
  });
}

template <typename Each>
void JsonField::ForEachMember(Each&& each) const {
  if (!value_) return;
  if (!value_->IsObject()) return Fail("an object");
  value_->ForEachMember([&](std::string_view name, delta::JsonValue member) {
    if (file_->status().ok()) each(name, JsonField(file_, member, at_));
  });
}

}  // namespace marquet::ledger
