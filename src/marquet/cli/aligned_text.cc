#include "marquet/cli/aligned_text.h"

#include <algorithm>

namespace marquet::cli {

// Continuation bytes of UTF-8 do not count.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void AlignedColumn::Add(std::string cell) {
  width = std::max(width, Width(cell));
  cells.push_back(std::move(cell));
}

std::string Render(const std::vector<AlignedColumn>& columns) {
  std::string text;
  for (size_t row = 0; !columns.empty() && row < columns.front().cells.size(); ++row) {
    std::string line;
    for (const AlignedColumn& column : columns) {
      const std::string& cell = column.cells[row];
      const std::string space(column.width - Width(cell), ' ');
      if (!line.empty() || &column != &columns.front()) line += std::string(kColumnGap, ' ');
      line += column.right ? space + cell : cell + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace marquet::cli
