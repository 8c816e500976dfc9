#include "marquet/dbn/text_field.h"

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::dbn {

DecodedText DecodeText(std::string_view field) {
  const std::string_view text = field.substr(0, field.find('\0'));
  const bool padded = field.find_first_not_of('\0', text.size()) == std::string_view::npos;
  if (IsUtf8(text)) return {std::string(text), padded};
  std::string latin;
  for (char byte : text) latin += DecodeChar(static_cast<uint8_t>(byte));
  return {std::move(latin), false};
}

std::string DecodeChar(uint8_t byte) {
  if (byte == 0) return {};
  if (byte < 0x80) return std::string(1, static_cast<char>(byte));
  return {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
}

arrow::Result<uint8_t> EncodeChar(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<uint8_t>(text[0]);
  if (text.size() == 1 && first < 0x80) return first;
  if (text.size() == 2 && (first == 0xC2 || first == 0xC3)) {
    return static_cast<uint8_t>(first << 6 | (static_cast<uint8_t>(text[1]) & 0x3F));
  }
  return InvalidInput(fmt::format("{} is not one character", Quoted(text)));
}

}  // namespace marquet::dbn
