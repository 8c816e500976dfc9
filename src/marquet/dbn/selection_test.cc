#include "marquet/dbn/selection.h"

#include <random>

#include <gtest/gtest.h>

#include "marquet/base/error.h"

namespace marquet::dbn {
namespace {

// The definition, word for word: slow where patterns have many stars.
bool Matches(std::string_view pattern, std::string_view symbol) {
  if (pattern.empty()) return symbol.empty();
  if (pattern.front() == '*') {
    return Matches(pattern.substr(1), symbol) || (!symbol.empty() && Matches(pattern, symbol.substr(1)));
  }
  return !symbol.empty() && (pattern.front() == '?' || pattern.front() == symbol.front()) &&
         Matches(pattern.substr(1), symbol.substr(1));
}

TEST(SelectionTest, PatternsMatchWholeSymbols) {
  EXPECT_TRUE(MatchesPattern("ES*", "ES"));
  EXPECT_TRUE(MatchesPattern("ES*", "ESH4-ESM4"));
  EXPECT_FALSE(MatchesPattern("ES*", "MES"));
  EXPECT_FALSE(MatchesPattern("ES", "ESH4"));
  EXPECT_TRUE(MatchesPattern("ES?4", "ESM4"));
  EXPECT_FALSE(MatchesPattern("ES?4", "ES4"));
  EXPECT_FALSE(MatchesPattern("es*", "ESH4"));
  EXPECT_TRUE(MatchesPattern("UD:1V: GN *", "UD:1V: GN 2437"));
  EXPECT_TRUE(MatchesPattern("[ES]", "[ES]"));
}

TEST(SelectionTest, AQuestionMarkIsACharacter) {
  EXPECT_TRUE(MatchesPattern("?x", "\xC3\x9Cx"));  // two bytes in UTF-8
  EXPECT_FALSE(MatchesPattern("??x", "\xC3\x9Cx"));
  EXPECT_TRUE(MatchesPattern("?", "\xF0\x9F\x93\x88"));  // four bytes
  EXPECT_TRUE(MatchesPattern("?\xFF", "\xFF\xFF"));      // no UTF-8: a byte is a character
}

TEST(SelectionTest, RandomPatternsMatchWhatTheDefinitionSays) {
  std::mt19937 random(5);
  const auto text = [&](const char* letters, size_t count, size_t most) {
    std::string made(random() % (most + 1), ' ');
    for (char& letter : made) letter = letters[random() % count];
    return made;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = text("ab*?", 4, 7), symbol = text("ab", 2, 8);
    ASSERT_EQ(MatchesPattern(pattern, symbol), Matches(pattern, symbol)) << pattern << " on " << symbol;
  }
}

TEST(SelectionTest, ManyStarsTakeNoLongTime) {
  std::string pattern;
  for (int i = 0; i < 1'000; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesPattern(pattern + "b", std::string(10'000, 'a')));
}

TEST(SelectionTest, TimesAreHalfOpen) {
  const Selection selection{{}, 10, 20};
  EXPECT_FALSE(selection.HasTime(9));
  EXPECT_TRUE(selection.HasTime(10));
  EXPECT_TRUE(selection.HasTime(19));
  EXPECT_FALSE(selection.HasTime(20));
  EXPECT_FALSE(selection.HasTime(std::nullopt));
  EXPECT_TRUE((Selection{{"ES*"}, {}, {}}.HasTime(std::nullopt)));
}

TEST(SelectionTest, CoversOnlyWhatItIsSureOf) {
  const Selection all, es{{"ES*"}, {}, {}}, two{{"ES*", "NQ*"}, {}, {}}, one{{"ESH4"}, {}, {}};
  const Selection from{{}, 10, {}}, between{{}, 10, 20}, es_between{{"ES*"}, 12, 20};
  EXPECT_TRUE(all.Covers(all));
  EXPECT_TRUE(all.Covers(es));
  EXPECT_FALSE(es.Covers(all));  // rows without a symbol
  EXPECT_FALSE((Selection{{"*"}, {}, {}}.Covers(all)));
  EXPECT_TRUE(two.Covers(es));
  EXPECT_FALSE(es.Covers(two));
  EXPECT_TRUE(es.Covers(one));
  EXPECT_FALSE((Selection{{"E*"}, {}, {}}.Covers(es)));  // true of them, and not looked into
  EXPECT_TRUE(from.Covers(between));
  EXPECT_FALSE(between.Covers(from));
  EXPECT_TRUE(between.Covers(es_between));
  EXPECT_FALSE(es_between.Covers(between));
  EXPECT_TRUE(all.Covers(es_between));
}

TEST(SelectionTest, WrongOnesAreRefused) {
  EXPECT_TRUE(CheckSelection({}).ok());
  EXPECT_TRUE(CheckSelection({{"ES*"}, 1, 2}).ok());
  EXPECT_TRUE(IsKind(CheckSelection({{"ES*", ""}, {}, {}}), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(CheckSelection({{}, 2, 2}), ErrorKind::kInvalidInput));
}

TEST(SelectionTest, ItsText) {
  EXPECT_EQ(ToText(Selection{}), "everything");
  EXPECT_EQ(ToText(Selection{{"ES*", "ZN"}, {}, {}}), "symbols ES*, ZN");
  EXPECT_EQ(ToText(Selection{{}, 0, 1}),
            "times from 1970-01-01T00:00:00Z before 1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(ToText(Selection{{"ZN"}, {}, 0}), "symbols ZN at times before 1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace marquet::dbn
