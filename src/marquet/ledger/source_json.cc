#include "marquet/ledger/source_json.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"

namespace marquet::ledger {
namespace {

// No other member stands so in the text.
constexpr std::string_view kDigestKey = ",\n \"xxh3\": \"";
constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string ToHex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    text.push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kHexDigits[static_cast<unsigned char>(c) & 15]);
  }
  return text;
}

std::string BytesOf(const JsonField& json) {
  const std::string text = json.String();
  if (text.size() % 2 != 0 || text.find_first_not_of(kHexDigits) != text.npos) {
    json.Fail("two hexadecimal digits for each byte");
    return {};
  }
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(kHexDigits.find(text[i]) * 16 + kHexDigits.find(text[i + 1])));
  }
  return bytes;
}

nlohmann::ordered_json TextToJson(const std::string& text) {
  if (IsUtf8(text)) return text;
  return {{"hex", ToHex(text)}};
}

std::string TextOf(const JsonField& json) {
  return json.is_object() ? BytesOf(json.At("hex")) : json.String();
}

std::string WithDigest(const nlohmann::ordered_json& object) {
  std::string text = object.dump(1);
  text.resize(text.size() - std::string_view("\n}").size());
  const std::string digest = Xxh3Hex(text);
  return text + std::string(kDigestKey) + digest + "\"\n}\n";
}

arrow::Status CheckDigest(std::string_view json, const std::string& path) {
  const size_t end = json.rfind(kDigestKey);
  if (end == json.npos) return arrow::Status::OK();
  const size_t begin = end + kDigestKey.size();
  const std::string digest = Xxh3Hex(json.substr(0, end));
  const std::string_view wanted = json.substr(begin, json.find('"', begin) - begin);
  if (digest == wanted) return arrow::Status::OK();
  return CorruptData(fmt::format("{}: its bytes have the XXH3-128 {}; expected {}", path, digest, wanted));
}

}  // namespace marquet::ledger
