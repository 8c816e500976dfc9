// SQL's predicate grammar, read by recursive descent.
//
//   or         = and { OR and }
//   and        = not { AND not }
//   not        = NOT not | primary
//   primary    = "(" or ")" | TRUE | FALSE | operand [ test ]
//   test       = ( = | == | != | <> | < | <= | > | >= ) operand
//              | [ NOT ] IN "(" literal { "," literal } ")"
//              | [ NOT ] BETWEEN literal AND literal
//              | [ NOT ] LIKE string [ ESCAPE string ]
//              | IS [ NOT ] ( NULL | NAN )
//   operand    = column | literal
//   literal    = number | 'string' | TRUE | FALSE | NULL | ( TIMESTAMP | DATE ) 'string'
//
// Key words in any case; column names as they are, or in double quotes ("" for a quote inside).

#include <charconv>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/predicate/predicate_node.h"

namespace marquet::predicate {
namespace {

using Kind = PredicateNode::Kind;

constexpr size_t kMaxText = 1 << 20;
constexpr int kMaxDepth = 200;

constexpr const char* kGrammarHint =
    "a filter compares columns with values (= != < <= > >=, in, between, like, is null) and joins that by "
    "and, "
    "or, not and parentheses; there is no arithmetic. Text and times go into single quotes. The grammar: "
    "docs/cli.md";
constexpr const char* kTimeHint = "a time goes into single quotes: '2024-01-02T14:30'";

enum class TokenKind { kEnd, kName, kQuotedName, kString, kNumber, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t at = 0;
  std::string text;   // names as written, strings without quotes and doubled quotes
  std::string lower;  // of a name that is not quoted: key words are compared with it
};

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsDecimalDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(std::make_shared<const std::string>(text)) {}

  arrow::Result<NodePtr> Parse() {
    ARROW_RETURN_NOT_OK(Advance());
    if (token_.kind == TokenKind::kEnd) {
      return InvalidInput("filter: the text is empty; expected a predicate such as price > '4750.25'",
                          "Leave the filter out to take all rows.");
    }
    ARROW_ASSIGN_OR_RAISE(NodePtr node, ParseOr());
    if (token_.kind != TokenKind::kEnd) return Unexpected("'and', 'or' or the end");
    return node;
  }

 private:
  struct Operand {
    bool is_column = false;
    std::string column;
    Value value;
    size_t at = 0;
  };

  Place PlaceAt(size_t at) const { return {text_, at}; }

  // `text`: whether text in single quotes may stand here.
  arrow::Status Unexpected(std::string_view expected, bool text = false) const {
    const std::string found =
        token_.kind == TokenKind::kEnd
            ? "the end"
            : Quoted(std::string_view(*text_).substr(token_.at, std::max<size_t>(at_ - token_.at, 1)), 40);
    std::string hint = kGrammarHint;
    if (text && token_.kind == TokenKind::kQuotedName) {
      hint = TextHint(token_.text) + "; double quotes are for names of columns";
    } else if (text && token_.kind == TokenKind::kName && !IsReserved()) {
      hint = TextHint(token_.text);
    }
    return ErrorAt(PlaceAt(token_.at), fmt::format("expected {}, found {}", expected, found),
                   std::move(hint));
  }

  // Reads the next token into token_.
  arrow::Status Advance() {
    const std::string& text = *text_;
    while (at_ < text.size() && IsSpace(text[at_])) ++at_;
    token_ = Token{};
    token_.at = at_;
    if (at_ == text.size()) return arrow::Status::OK();
    const char c = text[at_];
    if (c == '\'' || c == '"') return AdvanceQuoted(c);
    if (IsDecimalDigit(c) || (c == '.' && at_ + 1 < text.size() && IsDecimalDigit(text[at_ + 1]))) {
      if (IsDateAt(at_)) return ErrorAt(PlaceAt(at_), "a time without quotes", kTimeHint);
      AdvanceNumber();
      return arrow::Status::OK();
    }
    if (IsNameStart(c)) {
      while (at_ < text.size() && (IsNameStart(text[at_]) || IsDecimalDigit(text[at_]))) ++at_;
      token_.kind = TokenKind::kName;
      token_.text = text.substr(token_.at, at_ - token_.at);
      token_.lower = token_.text;
      for (char& l : token_.lower) {
        if (l >= 'A' && l <= 'Z') l = static_cast<char>(l - 'A' + 'a');
      }
      return arrow::Status::OK();
    }
    for (const std::string_view symbol :
         {"<=", ">=", "<>", "!=", "==", "=", "<", ">", "(", ")", ",", "-", "+"}) {
      if (std::string_view(text).substr(at_).starts_with(symbol)) {
        token_.kind = TokenKind::kSymbol;
        token_.text = symbol;
        at_ += symbol.size();
        return arrow::Status::OK();
      }
    }
    return ErrorAt(PlaceAt(at_), fmt::format("{} has no meaning here", Quoted(text.substr(at_, 1))),
                   kGrammarHint);
  }

  arrow::Status AdvanceQuoted(char quote) {
    const std::string& text = *text_;
    token_.kind = quote == '"' ? TokenKind::kQuotedName : TokenKind::kString;
    for (++at_; at_ < text.size(); ++at_) {
      if (text[at_] == quote) {
        if (at_ + 1 == text.size() || text[at_ + 1] != quote) {
          ++at_;
          return arrow::Status::OK();
        }
        ++at_;
      }
      token_.text.push_back(text[at_]);
    }
    return ErrorAt(PlaceAt(token_.at), fmt::format("the {} that begins here does not end",
                                                   quote == '"' ? "quoted name" : "string"));
  }

  // "2024-01-02" and so on.
  bool IsDateAt(size_t at) const {
    constexpr std::string_view kForm = "0000-00-00";
    if (text_->size() - at < kForm.size()) return false;
    for (size_t i = 0; i < kForm.size(); ++i) {
      const char c = (*text_)[at + i];
      if (kForm[i] == '0' ? !IsDecimalDigit(c) : c != '-') return false;
    }
    return true;
  }

  void AdvanceNumber() {
    const std::string& text = *text_;
    while (at_ < text.size() && (IsDecimalDigit(text[at_]) || text[at_] == '.')) ++at_;
    if (at_ < text.size() && (text[at_] == 'e' || text[at_] == 'E')) {
      ++at_;
      if (at_ < text.size() && (text[at_] == '-' || text[at_] == '+')) ++at_;
    }
    // Letters, too: "12abc" is one wrong number and not a number and a name.
    while (at_ < text.size() && (IsDecimalDigit(text[at_]) || IsNameStart(text[at_]))) ++at_;
    token_.kind = TokenKind::kNumber;
    token_.text = text.substr(token_.at, at_ - token_.at);
  }

  bool IsWord(std::string_view word) const { return token_.kind == TokenKind::kName && token_.lower == word; }
  bool IsSymbol(std::string_view symbol) const {
    return token_.kind == TokenKind::kSymbol && token_.text == symbol;
  }
  arrow::Result<bool> TakeWord(std::string_view word) {
    if (!IsWord(word)) return false;
    ARROW_RETURN_NOT_OK(Advance());
    return true;
  }
  arrow::Status Expect(bool is, std::string_view what) { return is ? Advance() : Unexpected(what); }

  bool IsReserved() const {
    for (const std::string_view word :
         {"and", "or", "not", "in", "between", "like", "escape", "is", "null"}) {
      if (IsWord(word)) return true;
    }
    return false;
  }

  arrow::Result<NodePtr> ParseOr() { return ParseChain(Kind::kOr, "or", &Parser::ParseAnd); }
  arrow::Result<NodePtr> ParseAnd() { return ParseChain(Kind::kAnd, "and", &Parser::ParseNot); }

  arrow::Result<NodePtr> ParseChain(Kind kind, std::string_view word,
                                    arrow::Result<NodePtr> (Parser::*next)()) {
    ARROW_ASSIGN_OR_RAISE(NodePtr node, (this->*next)());
    if (!IsWord(word)) return node;
    std::vector<NodePtr> nodes = {std::move(node)};
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool more, TakeWord(word));
      if (!more) break;
      ARROW_ASSIGN_OR_RAISE(node, (this->*next)());
      nodes.push_back(std::move(node));
    }
    return MakeJunction(kind, std::move(nodes));
  }

  arrow::Result<NodePtr> ParseNot() {
    if (depth_ == kMaxDepth) {
      return ErrorAt(PlaceAt(token_.at), fmt::format("nested more than {} levels deep", kMaxDepth));
    }
    ++depth_;
    arrow::Result<NodePtr> result = ParseNested();
    --depth_;
    return result;
  }

  arrow::Result<NodePtr> ParseNested() {
    ARROW_ASSIGN_OR_RAISE(const bool negated, TakeWord("not"));
    if (negated) {
      ARROW_ASSIGN_OR_RAISE(NodePtr node, ParseNot());
      return MakeNot(std::move(node));
    }
    if (IsSymbol("(")) {
      ARROW_RETURN_NOT_OK(Advance());
      ARROW_ASSIGN_OR_RAISE(NodePtr node, ParseOr());
      ARROW_RETURN_NOT_OK(Expect(IsSymbol(")"), "')'"));
      return node;
    }
    return ParseTest();
  }

  arrow::Result<Operand> ParseOperand() {
    Operand operand;
    operand.at = token_.at;
    if (token_.kind == TokenKind::kQuotedName || (token_.kind == TokenKind::kName && !IsReserved() &&
                                                  token_.lower != "true" && token_.lower != "false")) {
      operand.is_column = true;
      const std::string lower = token_.lower;
      operand.column = token_.text;
      ARROW_RETURN_NOT_OK(Advance());
      if ((lower == "timestamp" || lower == "date") && token_.kind == TokenKind::kString) {
        operand.is_column = false;
        operand.at = token_.at;
        operand.value = token_.text;
        ARROW_RETURN_NOT_OK(Advance());
      }
      return operand;
    }
    ARROW_ASSIGN_OR_RAISE(operand.value, ParseLiteral("a column or a value"));
    return operand;
  }

  arrow::Result<Value> ParseLiteral(std::string_view expected) {
    Value value;
    const size_t begin = token_.at;
    if (token_.kind == TokenKind::kString) {
      value = token_.text;
    } else if (IsWord("true") || IsWord("false")) {
      value = IsWord("true");
    } else if (IsWord("null")) {
      value = Null{};
    } else if (IsWord("timestamp") || IsWord("date")) {
      ARROW_RETURN_NOT_OK(Advance());
      if (token_.kind != TokenKind::kString) return Unexpected("a time in quotes", true);
      value = token_.text;
    } else if (IsSymbol("-") || IsSymbol("+") || token_.kind == TokenKind::kNumber) {
      std::string number;
      if (token_.kind == TokenKind::kSymbol) {
        number = token_.text;
        ARROW_RETURN_NOT_OK(Advance());
        if (token_.kind != TokenKind::kNumber) return Unexpected("a number");
      }
      number += token_.text;
      int64_t integer = 0;
      const size_t skip = number[0] == '+' ? 1 : 0;
      const auto [end, error] = std::from_chars(number.data() + skip, number.data() + number.size(), integer);
      if (error == std::errc() && end == number.data() + number.size()) {
        value = integer;
      } else {
        const auto decimal = ParseDecimal(number);
        if (!decimal.ok()) return ErrorAt(PlaceAt(begin), decimal.status().message());
        value = NumberLiteral{std::move(number), *decimal};
      }
    } else {
      return Unexpected(expected, true);
    }
    ARROW_RETURN_NOT_OK(Advance());
    return value;
  }

  std::shared_ptr<PredicateNode> ColumnNode(Kind kind, const Operand& operand) const {
    auto node = std::make_shared<PredicateNode>();
    node->kind = kind;
    node->column = operand.column;
    node->column_place = PlaceAt(operand.at);
    return node;
  }

  NodePtr CompareNode(const Operand& column, CompareOp op, const Operand& literal) const {
    auto node = ColumnNode(Kind::kCompare, column);
    node->op = op;
    node->values.push_back(literal.value);
    node->value_places.push_back(PlaceAt(literal.at));
    return node;
  }

  arrow::Result<NodePtr> ParseTest() {
    ARROW_ASSIGN_OR_RAISE(const Operand left, ParseOperand());
    if (token_.kind == TokenKind::kSymbol) {
      static constexpr std::pair<std::string_view, CompareOp> kOperators[] = {
          {"=", CompareOp::kEq}, {"==", CompareOp::kEq}, {"!=", CompareOp::kNe}, {"<>", CompareOp::kNe},
          {"<", CompareOp::kLt}, {"<=", CompareOp::kLe}, {">", CompareOp::kGt},  {">=", CompareOp::kGe}};
      for (const auto& [symbol, op] : kOperators) {
        if (IsSymbol(symbol)) {
          ARROW_RETURN_NOT_OK(Advance());
          return ParseComparison(left, op);
        }
      }
    }
    if (!left.is_column) {
      if (const bool* constant = std::get_if<bool>(&left.value)) return MakeConstant(*constant);
      return ErrorAt(PlaceAt(left.at), "a value alone is no condition");
    }
    if (IsWord("is")) return ParseIs(left);
    ARROW_ASSIGN_OR_RAISE(const bool negated, TakeWord("not"));
    NodePtr node;
    if (IsWord("in")) {
      ARROW_ASSIGN_OR_RAISE(node, ParseIn(left));
    } else if (IsWord("between")) {
      ARROW_ASSIGN_OR_RAISE(node, ParseBetween(left));
    } else if (IsWord("like")) {
      ARROW_ASSIGN_OR_RAISE(node, ParseLike(left));
    } else if (negated) {
      return Unexpected("'in', 'between' or 'like'");
    } else {
      return NodePtr(ColumnNode(Kind::kColumn, left));
    }
    return negated ? MakeNot(std::move(node)) : node;
  }

  arrow::Result<NodePtr> ParseComparison(const Operand& left, CompareOp op) {
    ARROW_ASSIGN_OR_RAISE(const Operand right, ParseOperand());
    if (left.is_column && right.is_column) {
      auto node = ColumnNode(Kind::kCompareColumns, left);
      node->op = op;
      node->other_column = right.column;
      node->other_place = PlaceAt(right.at);
      return NodePtr(node);
    }
    if (left.is_column) return CompareNode(left, op, right);
    if (right.is_column) return CompareNode(right, Mirrored(op), left);
    return ErrorAt(PlaceAt(left.at), "a comparison needs a column on one side");
  }

  arrow::Result<NodePtr> ParseIs(const Operand& column) {
    ARROW_RETURN_NOT_OK(Advance());
    ARROW_ASSIGN_OR_RAISE(const bool negated, TakeWord("not"));
    Kind kind = Kind::kIsNull;
    if (IsWord("nan")) {
      kind = Kind::kIsNan;
    } else if (!IsWord("null")) {
      return Unexpected("'null' or 'nan'");
    }
    ARROW_RETURN_NOT_OK(Advance());
    NodePtr node = ColumnNode(kind, column);
    return negated ? MakeNot(std::move(node)) : node;
  }

  arrow::Result<NodePtr> ParseIn(const Operand& column) {
    ARROW_RETURN_NOT_OK(Advance());
    ARROW_RETURN_NOT_OK(Expect(IsSymbol("("), "'('"));
    auto node = ColumnNode(Kind::kIn, column);
    while (true) {
      node->value_places.push_back(PlaceAt(token_.at));
      ARROW_ASSIGN_OR_RAISE(Value value, ParseLiteral("a value"));
      node->values.push_back(std::move(value));
      if (!IsSymbol(",")) break;
      ARROW_RETURN_NOT_OK(Advance());
    }
    ARROW_RETURN_NOT_OK(Expect(IsSymbol(")"), "',' or ')'"));
    return NodePtr(node);
  }

  arrow::Result<NodePtr> ParseBetween(const Operand& column) {
    ARROW_RETURN_NOT_OK(Advance());
    Operand low, high;
    low.at = token_.at;
    ARROW_ASSIGN_OR_RAISE(low.value, ParseLiteral("a value"));
    ARROW_RETURN_NOT_OK(Expect(IsWord("and"), "'and' and the upper bound"));
    high.at = token_.at;
    ARROW_ASSIGN_OR_RAISE(high.value, ParseLiteral("a value"));
    return MakeJunction(
        Kind::kAnd, {CompareNode(column, CompareOp::kGe, low), CompareNode(column, CompareOp::kLe, high)});
  }

  arrow::Result<NodePtr> ParseLike(const Operand& column) {
    ARROW_RETURN_NOT_OK(Advance());
    if (token_.kind != TokenKind::kString) return Unexpected("a pattern in quotes", true);
    const Token pattern = token_;
    ARROW_RETURN_NOT_OK(Advance());
    std::string escape;
    ARROW_ASSIGN_OR_RAISE(const bool escaped, TakeWord("escape"));
    if (escaped) {
      if (token_.kind != TokenKind::kString || token_.text.empty())
        return Unexpected("one character in quotes", true);
      escape = token_.text;
      ARROW_RETURN_NOT_OK(Advance());
    }
    auto node = ColumnNode(Kind::kLike, column);
    auto like = LikePattern::Make(pattern.text, escape);
    if (!like.ok()) return ErrorAt(PlaceAt(pattern.at), like.status().message());
    node->like = *std::move(like);
    return NodePtr(node);
  }

  std::shared_ptr<const std::string> text_;
  size_t at_ = 0;
  Token token_;
  int depth_ = 0;
};

}  // namespace

std::string TextHint(std::string_view text) {
  constexpr size_t kLongest = 40;
  if (text.size() > kLongest || !IsUtf8(text)) return "text goes into single quotes";
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  return "text goes into single quotes: " + quoted + "'";
}

arrow::Status ErrorAt(const Place& place, std::string message, std::string hint) {
  if (place.text == nullptr) return InvalidInput("filter: " + message, std::move(hint));
  // A window of the text around the place, one character a column, with the caret below it.
  constexpr size_t kBefore = 50;
  constexpr size_t kAfter = 30;
  const std::string& text = *place.text;
  const auto continues = [&](size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  size_t begin = place.at > kBefore ? place.at - kBefore : 0;
  while (begin > 0 && begin < place.at && continues(begin)) ++begin;
  size_t end = std::min(text.size(), place.at + kAfter);
  while (continues(end)) ++end;
  const bool readable = IsUtf8(std::string_view(text).substr(begin, end - begin));
  std::string line;
  size_t column = 0;
  for (size_t at = begin; at < end; ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    line += c < 0x20 || c == 0x7F || (c >= 0x80 && !readable) ? (c < 0x20 ? ' ' : '?') : text[at];
    if (at < place.at && !(readable && continues(at))) ++column;
  }
  return InvalidInput(
      fmt::format("filter: {} at byte {}\n  {}\n  {}^", message, place.at, line, std::string(column, ' ')),
      std::move(hint));
}

arrow::Result<NodePtr> ParseNode(std::string_view text) {
  if (text.size() > kMaxText) {
    return InvalidInput(
        fmt::format("filter: the text has {} bytes; at most {} are read", text.size(), kMaxText),
        "Give long value lists as a list of terms.");
  }
  return Parser(text).Parse();
}

}  // namespace marquet::predicate
