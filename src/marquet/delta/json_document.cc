#include "marquet/delta/json_document.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::delta {
namespace {

constexpr int kMaxDepth = 256;
constexpr std::string_view kStringGoesOn = "more of the string, or the quotation mark that ends it";

bool IsAscii(std::string_view text) {
  uint64_t all = 0;
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    all |= word;
  }
  for (; at < text.size(); ++at) all |= static_cast<uint64_t>(static_cast<unsigned char>(text[at]));
  return (all & 0x8080808080808080ULL) == 0;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr size_t kBlock = 16;  // of characters that are looked at together

bool EndsPlainRun(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

#ifdef __SSE2__
__m128i LoadBlock(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

// A bit for each character of a block that ends a plain run.
unsigned RunEnds(__m128i block) {
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
  const __m128i ends =
      _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                   _mm_cmpeq_epi8(_mm_max_epu8(block, control), control));
  return static_cast<unsigned>(_mm_movemask_epi8(ends));
}
#endif

// The end of the characters from `at` on that stand for themselves in a string.
size_t PlainEnd(std::string_view text, size_t at) {
#ifdef __SSE2__
  for (; at + kBlock <= text.size(); at += kBlock) {
    const unsigned ends = RunEnds(LoadBlock(text.data() + at));
    if (ends != 0) return at + static_cast<size_t>(std::countr_zero(ends));
  }
#endif
  while (at < text.size() && !EndsPlainRun(text[at])) ++at;
  return at;
}

}  // namespace

class JsonParser {
 public:
  JsonParser(std::string_view text, JsonDocument* document) : text_(text), document_(document) {}

  arrow::Status Run() {
    if (text_.size() >= UINT32_MAX) return Fail("less than 4 GiB of JSON");
    if (!IsAscii(text_) && !IsUtf8(text_)) {
      while (IsUtf8(text_.substr(at_, CharacterSize()))) at_ += CharacterSize();
      return Fail("UTF-8");
    }
    document_->nodes_.reserve(text_.size() / 12 + 1);
    ARROW_RETURN_NOT_OK(Value(0));
    SkipSpace();
    return at_ == text_.size() ? arrow::Status::OK() : Fail("the end of the text");
  }

  size_t at() const { return at_; }

 private:
  // at_ is where what was expected is not.
  arrow::Status Fail(std::string_view expected) const {
    return CorruptData(fmt::format("found {}; expected {}", Found(), expected));
  }

  std::string Found() const {
    constexpr size_t kMost = 20;
    if (at_ == text_.size()) return "the end of the text";
    const size_t end = text_.find_first_of(" \t\r\n,:[]{}\"", at_);
    return Quoted(text_.substr(at_, end == at_ ? 1 : end - at_), kMost);
  }

  // Of the UTF-8 character at at_, by its first byte.
  size_t CharacterSize() const {
    const auto first = static_cast<unsigned char>(text_[at_]);
    return first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  void Push(JsonKind kind, std::string_view text) {
    document_->nodes_.push_back({text, static_cast<uint32_t>(document_->nodes_.size() + 1), kind});
  }

  arrow::Status Value(int depth) {
    SkipSpace();
    switch (Peek()) {
      case '{':
        return Nested(depth, JsonKind::kObject, '}');
      case '[':
        return Nested(depth, JsonKind::kArray, ']');
      case '"':
        return String();
      case 't':
        return Word("true", JsonKind::kBool);
      case 'f':
        return Word("false", JsonKind::kBool);
      case 'n':
        return Word("null", JsonKind::kNull);
      default:
        return Number();
    }
  }

  arrow::Status Word(std::string_view word, JsonKind kind) {
    if (text_.substr(at_, word.size()) != word) return Fail("true, false or null");
    Push(kind, text_.substr(at_, word.size()));
    at_ += word.size();
    return arrow::Status::OK();
  }

  bool Digits() {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    return at_ > begin;
  }

  arrow::Status Number() {
    const size_t begin = at_;
    if (Peek() == '-') ++at_;
    if (Peek() == '0') {
      ++at_;
    } else if (!Digits()) {
      return Fail("a value");
    }
    if (Peek() == '.') {
      ++at_;
      if (!Digits()) return Fail("a digit behind the point");
    }
    if (Peek() == 'e' || Peek() == 'E') {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      if (!Digits()) return Fail("a digit of the exponent");
    }
    Push(JsonKind::kNumber, text_.substr(begin, at_ - begin));
    return arrow::Status::OK();
  }

  arrow::Status Nested(int depth, JsonKind kind, char close) {
    if (depth >= kMaxDepth) return Fail(fmt::format("at most {} values within each other", kMaxDepth));
    const size_t begin = at_++;
    const size_t node = document_->nodes_.size();
    Push(kind, {});
    SkipSpace();
    if (Peek() == close) {
      ++at_;
    } else {
      for (;;) {
        if (kind == JsonKind::kObject) {
          SkipSpace();
          if (Peek() != '"') return Fail("a member's name");
          ARROW_RETURN_NOT_OK(String());
          SkipSpace();
          if (Peek() != ':') return Fail("':'");
          ++at_;
        }
        ARROW_RETURN_NOT_OK(Value(depth + 1));
        SkipSpace();
        if (Peek() == close) break;
        if (Peek() != ',') return Fail(fmt::format("',' or '{}'", close));
        ++at_;
      }
      ++at_;
    }
    document_->nodes_[node].text = text_.substr(begin, at_ - begin);
    document_->nodes_[node].end = static_cast<uint32_t>(document_->nodes_.size());
    return arrow::Status::OK();
  }

  arrow::Status String() {
    const size_t begin = ++at_;
    at_ = PlainEnd(text_, at_);
    if (Peek() == '"') {
      Push(JsonKind::kString, text_.substr(begin, at_++ - begin));
      return arrow::Status::OK();
    }
    return Peek() == '\\' ? EscapedString(begin) : Fail(kStringGoesOn);
  }

  // The plain characters from at_ on, to `out`, which has room for a block more than the text is long.
  char* CopyPlain(char* out) {
#ifdef __SSE2__
    for (; at_ + kBlock <= text_.size(); at_ += kBlock, out += kBlock) {
      const __m128i block = LoadBlock(text_.data() + at_);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
      if (const unsigned ends = RunEnds(block); ends != 0) {
        const int plain = std::countr_zero(ends);
        at_ += static_cast<size_t>(plain);
        return out + plain;
      }
    }
#endif
    while (at_ < text_.size() && !EndsPlainRun(text_[at_])) *out++ = text_[at_++];
    return out;
  }

  // The rest of a string whose first escape is at at_. What is decoded is never longer than its source, so
  // one buffer of the text's size holds all of it.
  arrow::Status EscapedString(size_t begin) {
    if (document_->unescaped_ == nullptr || document_->unescaped_size_ < text_.size() + kBlock) {
      // No string of this text lies there yet: its first one makes the room for all.
      document_->unescaped_ = std::make_unique_for_overwrite<char[]>(text_.size() + kBlock);
      document_->unescaped_size_ = text_.size() + kBlock;
    }
    char* const content = document_->unescaped_.get() + used_;
    char* out = content;
    std::memcpy(out, text_.data() + begin, at_ - begin);
    out += at_ - begin;
    for (;;) {
      out = CopyPlain(out);
      if (text_.substr(at_, 2) == "\\\"") {  // nearly all of them, in JSON within JSON
        *out++ = '"';
        at_ += 2;
        continue;
      }
      if (at_ == text_.size()) return Fail(kStringGoesOn);
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return Fail(kStringGoesOn);
      ++at_;
      if (c == '"') {
        used_ += static_cast<size_t>(out - content);
        Push(JsonKind::kString, std::string_view(content, static_cast<size_t>(out - content)));
        return arrow::Status::OK();
      }
      const char escape = Peek();
      static constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
      const size_t known = escape == '\0' ? kEscapes.npos : kEscapes.find(escape);
      if (known == kEscapes.npos && escape != 'u') return Fail("one of \"\\/bfnrtu behind a backslash");
      ++at_;
      if (escape == 'u') {
        ARROW_RETURN_NOT_OK(CodePoint(&out));
      } else {
        *out++ = kMeanings[known];
      }
    }
  }

  bool Hex4(uint32_t* value) {
    *value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek();
      const uint32_t digit = IsDigit(c)             ? static_cast<uint32_t>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
                             : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                                                    : 16;
      if (digit == 16) return false;
      *value = *value * 16 + digit;
    }
    return true;
  }

  arrow::Status CodePoint(char** out) {
    uint32_t point = 0, low = 0;
    if (!Hex4(&point)) return Fail("four hexadecimal digits behind \\u");
    if (point >= 0xD800 && point < 0xE000) {
      const bool paired = point < 0xDC00 && text_.substr(at_, 2) == "\\u";
      at_ += paired ? 2 : 0;
      if (!paired || !Hex4(&low) || low < 0xDC00 || low >= 0xE000) {
        return Fail("the other half of a surrogate pair");
      }
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto put = [out](uint32_t byte) { *(*out)++ = static_cast<char>(byte); };
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xC0 | point >> 6);
      put(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
      put(0xE0 | point >> 12);
      put(0x80 | (point >> 6 & 0x3F));
      put(0x80 | (point & 0x3F));
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
      put(0x80 | (point >> 6 & 0x3F));
      put(0x80 | (point & 0x3F));
    }
    return arrow::Status::OK();
  }

  std::string_view text_;
  JsonDocument* document_;
  size_t at_ = 0;
  size_t used_ = 0;  // of the document's unescaped buffer
};

arrow::Result<JsonDocument> JsonDocument::Parse(std::string_view text, size_t* failed_at) {
  JsonDocument document;
  ARROW_RETURN_NOT_OK(Parse(text, &document, failed_at));
  return document;
}

arrow::Status JsonDocument::Parse(std::string_view text, JsonDocument* into, size_t* failed_at) {
  into->nodes_.clear();
  JsonParser parser(text, into);
  const arrow::Status status = parser.Run();
  if (status.ok()) return status;
  if (failed_at == nullptr) return WithContext(status, fmt::format("byte {}", parser.at()));
  *failed_at = parser.at();
  return status;
}

JsonKind JsonValue::kind() const { return document_->nodes_[at_].kind; }

std::string_view JsonValue::Text() const { return document_->nodes_[at_].text; }

std::optional<std::string_view> JsonValue::String() const {
  return kind() == JsonKind::kString ? std::optional(Text()) : std::nullopt;
}

std::optional<bool> JsonValue::Bool() const {
  return kind() == JsonKind::kBool ? std::optional(Text() == "true") : std::nullopt;
}

std::optional<int64_t> JsonValue::Integer() const {
  if (kind() != JsonKind::kNumber) return std::nullopt;
  const std::string_view text = Text();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<JsonValue> JsonValue::Find(std::string_view key) const {
  const auto& nodes = document_->nodes_;
  if (nodes[at_].kind != JsonKind::kObject) return std::nullopt;
  for (uint32_t member = at_ + 1; member < nodes[at_].end; member = nodes[member + 1].end) {
    if (nodes[member].text != key) continue;
    const JsonValue value(document_, member + 1);
    return value.is_null() ? std::nullopt : std::optional(value);
  }
  return std::nullopt;
}

}  // namespace marquet::delta
