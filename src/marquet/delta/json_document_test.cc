#include "marquet/delta/json_document.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "marquet/base/error.h"
#include "marquet/delta/json_text.h"

namespace marquet::delta {
namespace {

TEST(JsonDocumentTest, ValuesAreFoundAsTheyAreSpelt) {
  const std::string text =
      R"( {"a": -12, "b" : [true, false, null, "x"], "c": {"d": 1.50, "d": 2}, "e": "", "n": null} )";
  const auto document = JsonDocument::Parse(text);
  ASSERT_TRUE(document.ok()) << document.status();
  const JsonValue root = document->root();
  EXPECT_TRUE(root.IsObject());
  EXPECT_EQ(root.Find("a")->Integer(), -12);
  EXPECT_EQ(root.Find("c")->Find("d")->Text(), "1.50") << "the first of two";
  EXPECT_EQ(root.Find("c")->Find("d")->Integer(), std::nullopt);
  EXPECT_EQ(root.Find("c")->Text(), R"({"d": 1.50, "d": 2})");
  EXPECT_EQ(root.Find("e")->String(), "");
  EXPECT_FALSE(root.Find("n").has_value());
  EXPECT_FALSE(root.Find("absent").has_value());
  EXPECT_FALSE(root.Find("a")->Find("x").has_value());
  std::vector<JsonKind> kinds;
  root.Find("b")->ForEachElement([&](JsonValue each) { kinds.push_back(each.kind()); });
  EXPECT_EQ(kinds, (std::vector{JsonKind::kBool, JsonKind::kBool, JsonKind::kNull, JsonKind::kString}));
  std::string keys;
  root.ForEachMember([&](std::string_view key, JsonValue) { keys += key; });
  EXPECT_EQ(keys, "abcen");
}

TEST(JsonDocumentTest, EscapesAreDecoded) {
  const std::string text =
      R"(["a\"\\\/\b\f\n\r\tz", "\u0041\u00fc\u20ac\ud83d\ude00", "\u0000", "plain ü", "x\u0031"])";
  const auto document = JsonDocument::Parse(text);
  ASSERT_TRUE(document.ok()) << document.status();
  std::vector<std::string> strings;
  document->root().ForEachElement([&](JsonValue each) { strings.emplace_back(*each.String()); });
  EXPECT_EQ(strings,
            (std::vector<std::string>{"a\"\\/\b\f\n\r\tz", "Aü€😀", std::string(1, '\0'), "plain ü", "x1"}));
}

// Strings are looked at sixteen characters at a time: what ends such a run stands in each place of one.
TEST(JsonDocumentTest, StringsOfEveryLengthAndPlace) {
  std::mt19937 random(3);
  const std::vector<std::string> parts = {"a", "\"", "\\", "\n", "\x01", "ü", "€", "/", "b", "c"};
  for (int round = 0; round < 4'000; ++round) {
    std::vector<std::string> strings;
    std::string text = "[";
    for (size_t n = 0; n < 3; ++n) {
      std::string& string = strings.emplace_back();
      const size_t length = random() % 40, plain = random() % 3 == 0 ? 0 : 7;
      for (size_t i = 0; i < length; ++i)
        string += random() % 10 < plain ? "x" : parts[random() % parts.size()];
      if (n > 0) text += ',';
      AppendJsonString(string, &text);
    }
    text += ']';
    const auto document = JsonDocument::Parse(text);
    ASSERT_TRUE(document.ok()) << document.status() << text;
    std::vector<std::string> read;
    document->root().ForEachElement([&](JsonValue each) { read.emplace_back(*each.String()); });
    ASSERT_EQ(read, strings) << text;
    for (size_t cut = 0; cut < text.size(); cut += 1 + random() % 20) {
      ASSERT_FALSE(JsonDocument::Parse(std::string_view(text).substr(0, cut)).ok()) << text << " " << cut;
    }
  }
}

TEST(JsonDocumentTest, ADocumentIsUsedAgain) {
  const std::vector<std::string> texts = {R"({"a":"x\"y"})", R"(["\u0041, and a longer one than before \n"])",
                                          "[1", R"({"b":"\t"})"};
  JsonDocument document;
  for (const std::string& text : texts) {
    const auto status = JsonDocument::Parse(text, &document);
    EXPECT_EQ(status.ok(), text != "[1") << text;
    if (status.ok()) {
      EXPECT_EQ(document.root().Text(), text);
    }
  }
  EXPECT_EQ(document.root().Find("b")->String(), "\t");
}

TEST(JsonDocumentTest, IntegersAreExact) {
  const auto integer = [](const char* text) { return JsonDocument::Parse(text)->root().Integer(); };
  EXPECT_EQ(integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(integer("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(integer("9223372036854775808"), std::nullopt);
  EXPECT_EQ(integer("-0"), 0);
  EXPECT_EQ(integer("1e2"), std::nullopt);
}

TEST(JsonDocumentTest, WhatIsNoJsonIsRefusedWithItsPlace) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "[1,]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{1:1}",
                           "\"x",
                           "\"\\",
                           "\"\\u12\"",
                           "\"\\q\"",
                           "\"\\ud800\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\udc00\"",
                           "\"\n\"",
                           "\"\xff\"",
                           "tru",
                           "nul",
                           "+1",
                           "-",
                           "01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "NaN",
                           "Infinity",
                           "1 2",
                           "{} x",
                           "[1]]",
                           "'a'"}) {
    const auto document = JsonDocument::Parse(text);
    EXPECT_TRUE(IsKind(document.status(), ErrorKind::kCorruptData)) << text;
    EXPECT_NE(document.status().message().find("byte "), std::string::npos) << text;
  }
  const auto message = [](std::string_view text) { return JsonDocument::Parse(text).status().message(); };
  EXPECT_EQ(message("[1 2]"), "byte 3: found '2'; expected ',' or ']'");
  EXPECT_EQ(message("{\"a\":maybe}"), "byte 5: found 'maybe'; expected a value");
  EXPECT_EQ(message("[\"a\\qb\"]"), "byte 4: found 'qb'; expected one of \"\\/bfnrtu behind a backslash");
  EXPECT_EQ(message("\"\\u12g4\""), "byte 5: found 'g4'; expected four hexadecimal digits behind \\u");
  EXPECT_EQ(
      message("\"ab"),
      "byte 3: found the end of the text; expected more of the string, or the quotation mark that ends it");
  size_t failed_at = 0;
  EXPECT_EQ(JsonDocument::Parse("1 x", &failed_at).status().message(),
            "found 'x'; expected the end of the text");
  EXPECT_EQ(failed_at, 2u);
  EXPECT_TRUE(JsonDocument::Parse(std::string(200, '[') + std::string(200, ']')).ok());
  EXPECT_FALSE(JsonDocument::Parse(std::string(100'000, '[')).ok()) << "must not exhaust the stack";
  EXPECT_FALSE(JsonDocument::Parse(std::string_view("1\0", 2)).ok());
  EXPECT_FALSE(JsonDocument::Parse(std::string_view("\"\\\0\"", 4)).ok());
}

}  // namespace
}  // namespace marquet::delta
