#include "marquet/cli/row_table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "marquet/base/text.h"
#include "marquet/cli/aligned_text.h"
#include "marquet/jobs/text/cell_text.h"

namespace marquet::cli {
namespace {

constexpr size_t kWidestCell = 40;
constexpr int64_t kDefaultRows = 20;

std::string Cut(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (Width(text) <= kWidestCell) return text;
  size_t characters = 0, bytes = 0;
  while (bytes < text.size()) {
    if ((static_cast<unsigned char>(text[bytes]) & 0xC0) != 0x80 && ++characters > kWidestCell - 3) break;
    ++bytes;
  }
  return text.substr(0, bytes) + "...";
}

// Leaves out columns of the middle until the rest fits.
std::vector<AlignedColumn> Fit(std::vector<AlignedColumn> columns, size_t terminal) {
  size_t total = 0;
  for (const AlignedColumn& column : columns) total += column.width + kColumnGap;
  if (terminal == 0 || total <= terminal + kColumnGap || columns.size() < 3) return columns;
  AlignedColumn gap;
  for (size_t i = 0; i < columns.front().cells.size(); ++i) gap.Add("...");
  size_t used = gap.width + kColumnGap, head = 0, tail = 0;
  while (head + tail < columns.size()) {
    const bool from_head = head <= tail + 1;  // what identifies a row comes first
    const AlignedColumn& next = from_head ? columns[head] : columns[columns.size() - 1 - tail];
    if (used + next.width + kColumnGap > terminal + kColumnGap && head + tail > 0) break;
    used += next.width + kColumnGap;
    ++(from_head ? head : tail);
  }
  std::vector<AlignedColumn> fitting(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(head));
  fitting.push_back(std::move(gap));
  fitting.insert(fitting.end(), columns.end() - static_cast<std::ptrdiff_t>(tail), columns.end());
  return fitting;
}

size_t OutputWidth() {
  winsize size = {};
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

}  // namespace

arrow::Status PrintRowTable(Session& session, const table::Table& table, table::ScanOptions options) {
  const bool shortened = !options.limit.has_value();
  if (shortened) options.limit = kDefaultRows;
  ARROW_ASSIGN_OR_RAISE(const table::Scan scan, table.NewScan(options));
  ARROW_ASSIGN_OR_RAISE(const auto rows, scan.ToTable());

  std::vector<AlignedColumn> columns;
  for (int i = 0; i < rows->num_columns(); ++i) {
    const auto& field = rows->schema()->field(i);
    ARROW_ASSIGN_OR_RAISE(auto cells, jobs::MakeCellWriter(*field->type()));
    AlignedColumn column;
    column.right = cells->is_number();
    column.Add(Cut(field->name()));
    for (const auto& chunk : rows->column(i)->chunks()) {
      cells->Bind(chunk);
      for (int64_t row = 0; row < chunk->length(); ++row) {
        std::string text;
        if (cells->IsNull(row)) {
          text = "null";
        } else {
          cells->Plain(row, &text);
        }
        column.Add(Cut(std::move(text)));
      }
    }
    columns.push_back(std::move(column));
  }
  ARROW_RETURN_NOT_OK(session.Print(Render(Fit(std::move(columns), OutputWidth()))));

  int64_t total = rows->num_rows();
  if (shortened && total == kDefaultRows) {
    options.limit.reset();
    ARROW_ASSIGN_OR_RAISE(const table::Scan all, table.NewScan(options));
    ARROW_ASSIGN_OR_RAISE(total, all.Count());
  }
  if (total == rows->num_rows())
    return session.Print(WithCommas(total) + (total == 1 ? " row\n" : " rows\n"));
  return session.Print("... the first " + WithCommas(rows->num_rows()) + " of " + WithCommas(total) +
                       " rows; --limit N shows more, --format csv all of them\n");
}

}  // namespace marquet::cli
