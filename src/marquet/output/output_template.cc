#include "marquet/output/output_template.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::output {
namespace {

constexpr std::string_view kEnding = ".parquet";

bool IsKeyStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsKeyByte(char c) { return IsKeyStart(c) || IsDigit(c); }

// What is wrong with a path within the folder, or an empty text.
std::string WrongWith(std::string_view path) {
  if (path.find('\0') != path.npos) return "it holds a NUL";
  if (!IsUtf8(path)) return "it is not UTF-8";
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty()) return "a part of it is empty";
    if (part == "." || part == "..") return "it leads out of the output folder";
    if (part.front() == '.') return "readers pass over names that begin with a dot";
    begin = end + 1;
  }
  if (path.starts_with("_marquet/")) return "the folder _marquet is the writer's own";
  return {};
}

// Whether `text` is `pattern`, in which '\1' stands for one or more bytes other than '/', and '\2' for
// digits.
bool MatchesPattern(std::string_view text, std::string_view pattern) {
  // reachable[i]: the pattern so far can end after i bytes of the text.
  std::vector<bool> reachable(text.size() + 1), next;
  reachable[0] = true;
  for (const char symbol : pattern) {
    next.assign(text.size() + 1, false);
    bool within = false;  // a stretch of the symbol's bytes has begun
    for (size_t i = 0; i < text.size(); ++i) {
      if (symbol != '\1' && symbol != '\2') {
        next[i + 1] = reachable[i] && text[i] == symbol;
        continue;
      }
      const bool fits = symbol == '\1' ? text[i] != '/' : IsDigit(text[i]);
      within = fits && (within || reachable[i]);
      next[i + 1] = within;
    }
    reachable.swap(next);
  }
  return reachable[text.size()];
}

// The name without the digits and the underscore that PartName puts before it.
std::optional<std::string> WithoutPart(std::string_view path) {
  const size_t slash = path.rfind('/');
  const size_t begin = slash == path.npos ? 0 : slash + 1;
  size_t end = begin;
  while (end < path.size() && IsDigit(path[end])) ++end;
  if (end - begin < 3 || end == path.size() || path[end] != '_') return std::nullopt;
  return std::string(path.substr(0, begin)).append(path.substr(end + 1));
}

}  // namespace

arrow::Result<OutputTemplate> OutputTemplate::Parse(std::string text) {
  OutputTemplate made;
  made.text_ = std::move(text);
  const std::string& t = made.text_;
  const auto wrong = [&](std::string_view why) {
    return InvalidInput(fmt::format("the output name {}: {}", Quoted(t, 200), why),
                        "A template is a name like '${rank}_chunk_${chunk_index}.parquet'.");
  };
  if (!t.ends_with(kEnding)) return wrong("it must end in .parquet");
  const auto add = [&](bool is_key, std::string piece) {
    if (!is_key && !made.pieces_.empty() && !made.pieces_.back().is_key) {
      made.pieces_.back().text += piece;
    } else {
      made.pieces_.push_back({is_key, std::move(piece)});
    }
  };
  for (size_t i = 0; i < t.size();) {
    if (t[i] != '$') {
      const size_t end = std::min(t.find('$', i), t.size());
      add(false, t.substr(i, end - i));
      i = end;
      continue;
    }
    if (i + 1 < t.size() && t[i + 1] == '$') {
      add(false, "$");
      i += 2;
      continue;
    }
    const bool braces = i + 1 < t.size() && t[i + 1] == '{';
    const size_t begin = i + (braces ? 2 : 1);
    size_t end = begin;
    while (end < t.size() && IsKeyByte(t[end])) ++end;
    if (end == begin || !IsKeyStart(t[begin]) || (braces && (end == t.size() || t[end] != '}'))) {
      return wrong(
          fmt::format("'$' at byte {} begins no key; expected ${{key}}, or $$ for a dollar sign", i));
    }
    add(true, t.substr(begin, end - begin));
    i = end + (braces ? 1 : 0);
  }
  // With a harmless value for every key: what is wrong then is so for all values.
  std::string sample;
  for (const Piece& piece : made.pieces_) sample += piece.is_key ? "x" : piece.text;
  if (const std::string why = WrongWith(sample); !why.empty()) return wrong(why);
  return made;
}

bool OutputTemplate::Has(std::string_view key) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const Piece& piece) { return piece.is_key && piece.text == key; });
}

arrow::Result<std::string> OutputTemplate::Fill(const TemplateValues& values) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    if (!piece.is_key) {
      name += piece.text;
      continue;
    }
    const auto value = values.find(piece.text);
    if (value == values.end()) {
      return InvalidInput(fmt::format("the output name {} asks for {}, which is not among the row's values",
                                      Quoted(text_, 200), Quoted(piece.text)));
    }
    name += value->second;
  }
  if (const std::string why = WrongWith(name); !why.empty()) {
    return InvalidInput(
        fmt::format("the output name {} (of {}): {}", Quoted(name, 200), Quoted(text_, 200), why));
  }
  return name;
}

std::string OutputTemplate::Partly(const TemplateValues& known) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    const auto value = piece.is_key ? known.find(piece.text) : known.end();
    if (!piece.is_key) {
      text += piece.text;
    } else if (value != known.end()) {
      text += value->second;
    } else {
      text += "{" + piece.text + "}";
    }
  }
  return text;
}

bool OutputTemplate::Matches(std::string_view path, const TemplateValues& known) const {
  std::string pattern;
  for (const Piece& piece : pieces_) {
    const auto value = piece.is_key ? known.find(piece.text) : known.end();
    if (!piece.is_key) {
      pattern += piece.text;
    } else if (value != known.end()) {
      pattern += value->second;
    } else {
      pattern += piece.text == kChunkKey ? '\2' : '\1';
    }
  }
  if (MatchesPattern(path, pattern)) return true;
  const auto whole = WithoutPart(path);
  return whole && MatchesPattern(*whole, pattern);
}

std::string PartName(std::string_view name, int part) {
  const size_t slash = name.rfind('/');
  const size_t begin = slash == name.npos ? 0 : slash + 1;
  return fmt::format("{}{:03}_{}", name.substr(0, begin), part, name.substr(begin));
}

std::string RankText(int rank) { return fmt::format("{:05}", rank); }

}  // namespace marquet::output
