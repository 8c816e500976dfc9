#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/output/manifest_names_internal.h"

namespace marquet::output {
namespace {

constexpr std::string_view kManifestEnding = ".json";
constexpr std::string_view kFenceEnding = ".fence";

std::string NameOf(const std::string& id, int64_t attempt, std::string_view ending) {
  return fmt::format("{}.{}{}", id, attempt, ending);
}

}  // namespace

std::string ManifestName(const std::string& id, int64_t attempt) {
  return NameOf(id, attempt, kManifestEnding);
}

std::string FenceName(const std::string& id, int64_t attempt) { return NameOf(id, attempt, kFenceEnding); }

std::optional<AttemptName> ParseAttemptName(std::string_view name) {
  AttemptName attempt;
  attempt.fence = name.ends_with(kFenceEnding);
  if (!attempt.fence && !name.ends_with(kManifestEnding)) return std::nullopt;
  name.remove_suffix((attempt.fence ? kFenceEnding : kManifestEnding).size());
  const size_t dot = name.rfind('.');
  if (dot == name.npos || dot == 0) return std::nullopt;
  attempt.id = name.substr(0, dot);
  const std::string_view digits = name.substr(dot + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), attempt.number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (attempt.number < 1 || attempt.number == INT64_MAX) return std::nullopt;  // none comes after the last
  return attempt;
}

arrow::Result<std::map<std::string, int64_t>> NewestAttempts(file::FileSystem& fs,
                                                             const std::string& directory) {
  std::map<std::string, int64_t> newest;
  const auto names = fs.ListNames(directory);
  if (IsKind(names.status(), ErrorKind::kNotFound)) return newest;
  ARROW_RETURN_NOT_OK(names.status());
  for (const std::string& name : *names) {
    const auto attempt = ParseAttemptName(name);
    if (!attempt || attempt->fence) continue;
    int64_t& number = newest[attempt->id];
    number = std::max(number, attempt->number);
  }
  return newest;
}

}  // namespace marquet::output
