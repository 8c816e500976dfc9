#include "marquet/delta/log_path_internal.h"

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::delta {

std::string EncodePath(std::string_view path) { return UriEncode(path, "/="); }

arrow::Result<std::string> DecodePath(std::string_view text) {
  if (text.empty()) return CorruptData("a file's path is empty");
  if (text.find('%') == text.npos && !text.starts_with("file:")) return std::string(text);
  auto decoded = UriDecode(text);
  if (!decoded.ok()) return AsKind(decoded.status(), ErrorKind::kCorruptData);
  std::string path = std::move(decoded).ValueUnsafe();
  if (path.starts_with("file:///")) return path.substr(7);
  if (path.starts_with("file:/") && !path.starts_with("file://")) return path.substr(5);
  return path;
}

}  // namespace marquet::delta
