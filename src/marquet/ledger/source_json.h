// What the JSON files about sources have in common: text that need not be UTF-8, and a digest at the end.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "arrow/status.h"
#include "marquet/ledger/json_file.h"

namespace marquet::ledger {

// Two hexadecimal digits for each byte.
std::string ToHex(std::string_view bytes);
std::string BytesOf(const JsonField& json);

// Text; where it is not UTF-8, which JSON cannot hold, {"hex": ...}.
nlohmann::ordered_json TextToJson(const std::string& text);
std::string TextOf(const JsonField& json);

// The text of a file: the object, with the XXH3-128 of what stands before it as its last member, "xxh3".
std::string WithDigest(const nlohmann::ordered_json& object);
// kCorruptData when the bytes have another digest than the one at their end. Files of early versions have
// none.
arrow::Status CheckDigest(std::string_view json, const std::string& path);

}  // namespace marquet::ledger
