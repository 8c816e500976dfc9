// Text for people and for paths: numbers with separators, sizes, URI escapes. Thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace marquet {

std::string WithCommas(int64_t value);  // "1,234,567"
// "1 file", "1,234 files": for nouns whose plural ends in s.
std::string Counted(int64_t count, std::string_view noun);
std::string HumanBytes(int64_t bytes);     // "1.5 MiB"
std::string HumanSeconds(double seconds);  // "3.2 s", "2 min 05 s"

// Reads "2GB", "512MiB", "1.5 GB", "4096": SI and IEC units, case-insensitive. Errors: kInvalidInput.
arrow::Result<int64_t> ParseBytes(std::string_view text);

// Reads "90s", "30m", "1.5h", "2d" as milliseconds. Errors: kInvalidInput.
arrow::Result<int64_t> ParseDuration(std::string_view text);

// Percent-encodes every byte except the unreserved ones of RFC 3986 and '/' ("keep" names more bytes to
// keep), and back. Decoding: kInvalidInput when a '%' is not followed by two hexadecimal digits.
std::string UriEncode(std::string_view text, std::string_view keep = "/");
arrow::Result<std::string> UriDecode(std::string_view text);

// True when `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool IsUtf8(std::string_view text);

// 'text' with control characters and bytes that are not UTF-8 as \xNN, cut after `limit` bytes: safe in an
// error line.
std::string Quoted(std::string_view text, size_t limit = 80);

// Those of `known` that a mistyped `name` may have meant: the nearest, at most three that are equally near,
// within two edits (one for names under four letters; a swap of neighbours is one edit), upper and lower case
// alike.
std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& known);

// "did you mean 'a' or 'b'?", or empty when nothing is near.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& known);

// 32 hexadecimal digits out of the operating system's random source, in the form of a version 4 UUID.
std::string RandomUuid();

}  // namespace marquet
