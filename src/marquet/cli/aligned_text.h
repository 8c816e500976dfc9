// Cells in columns of equal width, for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace marquet::cli {

constexpr size_t kColumnGap = 2;  // spaces between columns

// In characters, not bytes.
size_t Width(std::string_view text);

struct AlignedColumn {
  std::vector<std::string> cells;  // the name first
  size_t width = 0;
  bool right = false;  // numbers

  void Add(std::string cell);
};

// A line for each row of cells; `columns` have equally many.
std::string Render(const std::vector<AlignedColumn>& columns);

}  // namespace marquet::cli
