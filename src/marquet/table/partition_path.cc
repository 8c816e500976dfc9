// Names of partition directories. The characters escaped are those that Hive and Spark escape.

#include <fmt/format.h>

#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/file/file_system.h"
#include "marquet/table/table.h"

namespace marquet::table {
namespace {

constexpr size_t kLongestComponent = 200;
constexpr std::string_view kEscaped = "\"#%'*/:=?\\{}[]^<>|";

std::string Escaped(std::string_view text) {
  const bool readable = IsUtf8(text);
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // A leading '_' or '.' would hide the directory from every engine's listing.
    const bool hides = i == 0 && (c == '_' || c == '.');
    if (c < 0x20 || c == 0x7F || hides || (c >= 0x80 && !readable) ||
        kEscaped.find(text[i]) != std::string_view::npos) {
      escaped += fmt::format("%{:02X}", c);
    } else {
      escaped.push_back(text[i]);
    }
  }
  return escaped;
}

}  // namespace

std::string PartitionDirectory(const std::vector<std::string>& columns,
                               const delta::PartitionValues& values) {
  std::string directory;
  for (const std::string& column : columns) {
    const auto found = values.find(column);
    const bool null = found == values.end() || !found->second || found->second->empty();
    std::string component =
        Escaped(column) + "=" + (null ? std::string(delta::kNullPartition) : Escaped(*found->second));
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
