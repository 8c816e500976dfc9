// Bounds of texts of which only the beginning is known.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace marquet {

// The shortest bytes above everything that begins with `prefix`, in the order of unsigned bytes; nothing when
// there are none. The result need not be UTF-8. Thread safe.
inline std::optional<std::string> AboveAllWithPrefix(std::string prefix) {
  while (!prefix.empty()) {
    const auto last = static_cast<unsigned char>(prefix.back());
    prefix.pop_back();
    if (last == 0xFF) continue;
    prefix.push_back(static_cast<char>(last + 1));
    return prefix;
  }
  return std::nullopt;
}

// The same of a prefix of UTF-8 text, closer: below every text that is above those that begin so, because no
// byte of UTF-8 is 0xFF.
inline std::string AboveAllTextWithPrefix(std::string prefix) { return std::move(prefix) + '\xFF'; }

}  // namespace marquet
