#include "marquet/ledger/json_file.h"

#include <algorithm>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::ledger {

arrow::Result<std::unique_ptr<JsonFile>> JsonFile::Parse(std::string path, std::string what,
                                                         std::string text) {
  std::unique_ptr<JsonFile> file(new JsonFile(std::move(path), std::move(what), std::move(text)));
  size_t failed_at = 0;
  auto document = delta::JsonDocument::Parse(file->text_, &failed_at);
  if (!document.ok()) return WithContext(document.status(), file->Place(failed_at));
  file->document_ = std::move(document).ValueUnsafe();
  return file;
}

JsonField JsonFile::root() { return JsonField(this, document_->root(), 0); }

std::string JsonFile::Place(size_t at) const {
  const auto before = std::string_view(text_).substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t begin = before.rfind('\n') + 1;  // 0 in the first line, where npos + 1 is 0
  return fmt::format("{}: is not {}: line {}, column {}", path_, what_, line, at - begin + 1);
}

// The content of a string with escapes is a copy; its place is then that of what leads to it.
JsonField::JsonField(JsonFile* file, std::optional<delta::JsonValue> value, size_t near)
    : file_(file), value_(value), at_(value ? file->At(value->Text(), near) : near) {
  const bool quoted = value && value->kind() == delta::JsonKind::kString && at_ != near;
  if (quoted) --at_;
}

size_t JsonFile::At(std::string_view part, size_t otherwise) const {
  const bool inside = part.data() >= text_.data() && part.data() <= text_.data() + text_.size();
  return inside ? static_cast<size_t>(part.data() - text_.data()) : otherwise;
}

JsonField JsonField::At(std::string_view name) const {
  if (!value_) return None();
  if (!value_->IsObject()) {
    Fail(fmt::format("an object with \"{}\"", name));
    return None();
  }
  std::optional<delta::JsonValue> found;
  size_t near = at_;
  value_->ForEachMember([&](std::string_view key, delta::JsonValue member) {
    if (key != name || found) return;
    found = member;
    near = file_->At(key, at_);
  });
  if (!found) Fail(fmt::format("\"{}\" in it", name));
  return JsonField(file_, found, near);
}

JsonField JsonField::At(size_t index) const {
  if (!value_) return None();
  std::optional<delta::JsonValue> found;
  size_t count = 0;
  value_->ForEachElement([&](delta::JsonValue element) {
    if (count++ == index) found = element;
  });
  if (!found) Fail(fmt::format("a list of {} values or more", index + 1));
  return JsonField(file_, found, at_);
}

std::string JsonField::String() const {
  if (!value_) return {};
  if (const auto text = value_->String()) return std::string(*text);
  Fail("a string");
  return {};
}

bool JsonField::Has(std::string_view name) const { return is_object() && value_->Find(name).has_value(); }

bool JsonField::Bool() const {
  if (!value_) return false;
  if (const auto value = value_->Bool()) return *value;
  Fail("true or false");
  return false;
}

void JsonField::Fail(std::string_view expected) const {
  if (!value_ || !file_->status_.ok()) return;
  file_->status_ =
      CorruptData(fmt::format("{}: found {}; expected {}", file_->Place(at_), Found(), expected));
}

std::string JsonField::Found() const {
  constexpr size_t kMost = 40;
  switch (value_->kind()) {
    case delta::JsonKind::kArray:
      return "a list";
    case delta::JsonKind::kObject:
      return "an object";
    case delta::JsonKind::kString:
      return "the string " + Quoted(value_->Text(), kMost);
    default:
      return std::string(value_->Text().substr(0, kMost));
  }
}

}  // namespace marquet::ledger
