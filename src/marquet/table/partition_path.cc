#include "marquet/table/partition_path.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/file/file_system.h"
#include "marquet/table/table.h"

namespace marquet::table {
namespace {

constexpr size_t kLongestComponent = 255;  // bytes of a name in Linux' file systems
// Of what values are escaped: what Hive and Spark escape.
constexpr std::string_view kEscaped = "\"#%'*/:=?\\{}[]^<>|";

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string Escaped(std::string_view text) {
  const bool readable = IsUtf8(text);
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // A leading '_' or '.' would be taken for a hidden name by some engines.
    const bool hides = i == 0 && (c == '_' || c == '.');
    if (IsControl(text[i]) || hides || (c >= 0x80 && !readable) ||
        kEscaped.find(text[i]) != std::string_view::npos) {
      escaped += fmt::format("%{:02X}", c);
    } else {
      escaped.push_back(text[i]);
    }
  }
  return escaped;
}

// What of a name the form "name=value" or a path cannot carry; nothing where it carries all.
std::string_view Unfit(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    // A colon makes DataFusion, behind deltalake, take what stands before it for a scheme.
    if (IsControl(name[i]) || name[i] == '/' || name[i] == '=' || name[i] == ':') return name.substr(i, 1);
  }
  return {};
}

// What DuckDB's reading of such directories ends a name at, or takes for the parting of two.
std::string_view EndsName(std::string_view name) {
  const size_t at = name.find_first_of("?\\");
  return at == name.npos ? std::string_view() : name.substr(at, 1);
}

// Tables of other writers, and older ones, have columns that CheckPartitionName() refuses.
std::string NameInPath(const std::string& column) {
  return Unfit(column).empty() && IsUtf8(column) ? column : Escaped(column);
}

}  // namespace

arrow::Status CheckPartitionName(const std::string& column) {
  std::string_view unfit = Unfit(column);
  if (unfit.empty()) unfit = EndsName(column);
  if (!unfit.empty()) {
    return InvalidInput(
        fmt::format("cannot partition by {}: its name holds {}, which other engines cannot read in the name "
                    "of a directory",
                    Quoted(column), Quoted(unfit)),
        "Rename the column: without '/', '=', ':', '?', '\\' and control characters.");
  }
  const size_t longest = kLongestComponent - 1 - delta::kNullPartition.size();
  if (column.size() <= longest) return arrow::Status::OK();
  return InvalidInput(
      fmt::format("cannot partition by {}: its name has {} bytes; at most {} leave room for a value in the "
                  "name of a directory",
                  Quoted(column), column.size(), longest),
      "Give the column a shorter name.");
}

arrow::Status CheckPartitionLength(const std::string& column, std::string_view value) {
  const size_t size = NameInPath(column).size() + 1 + Escaped(value).size();
  if (size <= kLongestComponent) return arrow::Status::OK();
  return InvalidInput(
      fmt::format("{} is too long for a partition value: the name of its directory would have {} bytes, and "
                  "file systems hold {}",
                  Quoted(value), size, kLongestComponent),
      "Partition by a shorter column, such as a code or a hash of this one, or do not partition by it.");
}

std::string PartitionDirectory(const std::vector<std::string>& columns,
                               const delta::PartitionValues& values) {
  std::string directory;
  for (const std::string& column : columns) {
    const auto found = values.find(column);
    const bool null = found == values.end() || !found->second || found->second->empty();
    std::string component =
        NameInPath(column) + "=" + (null ? std::string(delta::kNullPartition) : Escaped(*found->second));
    if (component.size() > kLongestComponent) {
      const std::string hash = Xxh3Hex(component);
      size_t cut = kLongestComponent - hash.size() - 1;
      while (cut > 0 && (static_cast<unsigned char>(component[cut]) & 0xC0) == 0x80) --cut;
      component = component.substr(0, cut) + "-" + hash;
    }
    directory = directory.empty() ? component : file::JoinPath(directory, component);
  }
  return directory;
}

}  // namespace marquet::table
