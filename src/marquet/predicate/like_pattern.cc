#include "marquet/predicate/like_pattern.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::predicate {
namespace {

// Bytes of the code point that begins here; one for a byte that begins none, so that any bytes can be walked.
size_t CodePointLength(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  size_t end = at + 1;
  while (end < text.size() && end < at + length && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    ++end;
  return end - at;
}

}  // namespace

arrow::Result<LikePattern> LikePattern::Make(std::string pattern, std::string_view escape) {
  if (!escape.empty() && CodePointLength(escape, 0) != escape.size()) {
    return InvalidInput(fmt::format("the escape of like must be one character, not {}", Quoted(escape)));
  }
  LikePattern like;
  for (size_t at = 0; at < pattern.size();) {
    if (!escape.empty() && std::string_view(pattern).substr(at).starts_with(escape)) {
      at += escape.size();
      if (at == pattern.size()) {
        return InvalidInput(fmt::format("the pattern {} ends in its escape character", Quoted(pattern)));
      }
      like.pieces_.push_back({Step::kByte, pattern[at++]});
    } else if (pattern[at] == '%') {
      if (like.pieces_.empty() || like.pieces_.back().step != Step::kAny) {
        like.pieces_.push_back({Step::kAny, 0});
      }
      ++at;
    } else if (pattern[at] == '_') {
      like.pieces_.push_back({Step::kOne, 0});
      ++at;
    } else {
      like.pieces_.push_back({Step::kByte, pattern[at++]});
    }
  }
  size_t fixed = 0;
  while (fixed < like.pieces_.size() && like.pieces_[fixed].step == Step::kByte) {
    like.prefix_.push_back(like.pieces_[fixed++].byte);
  }
  like.literal_ = fixed == like.pieces_.size();
  like.prefix_decides_ = fixed + 1 == like.pieces_.size() && like.pieces_[fixed].step == Step::kAny;
  like.pattern_ = std::move(pattern);
  like.escape_ = escape;
  return like;
}

bool LikePattern::Matches(std::string_view text) const {
  if (!text.starts_with(prefix_)) return false;
  if (literal_) return text.size() == prefix_.size();
  if (prefix_decides_) return true;
  // On a mismatch, go back to the last % and let it take one character more: only the last one ever needs to
  // be reconsidered, so that the work is bounded by pattern times text.
  size_t at = prefix_.size();
  size_t piece = prefix_.size();
  size_t any_piece = pieces_.size();
  size_t any_at = 0;
  while (at < text.size()) {
    if (piece < pieces_.size() && pieces_[piece].step == Step::kAny) {
      any_piece = piece++;
      any_at = at;
    } else if (piece < pieces_.size() && pieces_[piece].step == Step::kOne) {
      at += CodePointLength(text, at);
      ++piece;
    } else if (piece < pieces_.size() && pieces_[piece].byte == text[at]) {
      ++at;
      ++piece;
    } else if (any_piece < pieces_.size()) {
      any_at += CodePointLength(text, any_at);
      at = any_at;
      piece = any_piece + 1;
    } else {
      return false;
    }
  }
  while (piece < pieces_.size() && pieces_[piece].step == Step::kAny) ++piece;
  return piece == pieces_.size();
}

}  // namespace marquet::predicate
