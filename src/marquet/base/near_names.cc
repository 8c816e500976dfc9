#include <algorithm>
#include <cctype>

#include "marquet/base/text.h"

namespace marquet {
namespace {

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lowered;
}

// Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other (the optimal
// string alignment distance).
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

}  // namespace

std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& known) {
  constexpr size_t kLongestName = 200;  // the work is quadratic, and the name may come from anywhere
  if (name.size() > kLongestName) return {};
  const size_t most = name.size() < 4 ? 1 : 2;
  const std::string lowered = Lowered(name);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : known) {
    if (candidate.size() > name.size() + most || candidate.size() + most < name.size()) continue;
    const size_t edits = Edits(lowered, Lowered(candidate));
    if (edits > 0 && edits >= std::max(name.size(), candidate.size())) continue;  // nothing in common
    if (edits <= most) near.emplace_back(edits, candidate);
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  constexpr size_t kMostNames = 3;
  for (auto& [edits, candidate] : near) {
    if (edits > near.front().first || names.size() == kMostNames) break;
    names.push_back(std::move(candidate));
  }
  return names;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& known) {
  const std::vector<std::string> near = NearNames(name, known);
  if (near.empty()) return {};
  std::string text = "did you mean ";
  for (size_t i = 0; i < near.size(); ++i) {
    text += (i == 0 ? "'" : " or '") + near[i] + "'";
  }
  return text + "?";
}

}  // namespace marquet
