#include "marquet/base/readable.h"

#include <algorithm>

#include "marquet/base/text.h"

namespace marquet {

std::string Readable(std::string_view text) {
  if (IsUtf8(text)) return std::string(text);
  std::string readable;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (IsUtf8(line)) {
      readable += line;
    } else {
      const std::string quoted = Quoted(line, line.size());
      readable.append(quoted, 1, quoted.size() - 2);
    }
    if (end < text.size()) readable += '\n';
    begin = end + 1;
  }
  return readable;
}

}  // namespace marquet
