// Small pieces of JSON text, written by hand because a commit's cost is mostly its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace marquet::delta {

// Appends "text" in quotes, with the escapes of RFC 8259. Bytes of 0x80 and above pass through unchanged.
void AppendJsonString(std::string_view text, std::string* out);

void AppendInteger(int64_t value, std::string* out);

}  // namespace marquet::delta
