#include "marquet/table/data_file_path.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/file/file_system.h"

namespace marquet::table {

arrow::Result<std::string> DataFilePath(const std::string& table, const std::string& relative) {
  const size_t colon = relative.find(':');
  const bool scheme = colon != std::string::npos &&
                      relative.substr(0, colon).find_first_of("/=%") == std::string::npos &&
                      relative.compare(colon, 3, "://") == 0;
  if (relative.starts_with('/') || scheme || relative.starts_with("file:")) {
    return Unsupported(
        fmt::format("{}: the log names the file {} by an absolute path", table, Quoted(relative)),
        "Only tables whose files lie under the table's own directory are read.");
  }
  for (size_t begin = 0; begin <= relative.size();) {
    const size_t end = std::min(relative.find('/', begin), relative.size());
    const std::string_view part = std::string_view(relative).substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) {
      return CorruptData(fmt::format("{}: the log names the file {}, which leads out of the table", table,
                                     Quoted(relative)));
    }
    begin = end + 1;
  }
  return file::JoinPath(table, relative);
}

}  // namespace marquet::table
