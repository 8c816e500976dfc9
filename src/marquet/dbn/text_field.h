// Characters and NUL-padded text of records as UTF-8, and back.
//
// A character is one byte: NUL is the empty string, and bytes above 127 stand for the Latin-1 character of
// that number. Text ends at the first NUL; what is not UTF-8 is read as Latin-1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace marquet::dbn {

struct DecodedText {
  std::string text;
  bool plain;  // false: the bytes hold more than the text (behind its NUL, or in another encoding than UTF-8)
};
DecodedText DecodeText(std::string_view field);

// The UTF-8 of one Latin-1 byte; empty for NUL.
std::string DecodeChar(uint8_t byte);
// The byte of such a string. kInvalidInput when it is not one character up to U+00FF.
arrow::Result<uint8_t> EncodeChar(std::string_view text);

}  // namespace marquet::dbn
