#include "marquet/output/output_template.h"

#include <string>

#include "gtest/gtest.h"
#include "marquet/base/error.h"

namespace marquet::output {
namespace {

OutputTemplate Parsed(const std::string& text) { return OutputTemplate::Parse(text).ValueOrDie(); }

TEST(OutputTemplateTest, FillsKeysInBothSpellings) {
  const TemplateValues values = {{"rank", "00007"}, {"chunk_index", "12"}, {"lang", "de"}};
  EXPECT_EQ(Parsed("${rank}_chunk_${chunk_index}.parquet").Fill(values).ValueOrDie(),
            "00007_chunk_12.parquet");
  EXPECT_EQ(Parsed("$lang/$rank.parquet").Fill(values).ValueOrDie(), "de/00007.parquet");
  EXPECT_EQ(Parsed("$$${lang}$$.parquet").Fill(values).ValueOrDie(), "$de$.parquet");
  EXPECT_EQ(Parsed("all.parquet").Fill({}).ValueOrDie(), "all.parquet");
}

TEST(OutputTemplateTest, RefusesWhatIsNoTemplate) {
  for (const std::string text :
       {"", "a.json", "${rank.parquet", "$.parquet", "${}.parquet", "$1.parquet", "${a-b}.parquet",
        "/etc/a.parquet", "../a.parquet", "a/../b.parquet", "a//b.parquet", ".hidden.parquet", "a/.b.parquet",
        "./a.parquet", "_marquet/a.parquet"}) {
    EXPECT_TRUE(IsKind(OutputTemplate::Parse(text).status(), ErrorKind::kInvalidInput)) << text;
  }
}

TEST(OutputTemplateTest, NoValueLeadsOutOfTheFolder) {
  const OutputTemplate name = Parsed("${key}.parquet");
  for (const std::string value : {"../x", "a/../../x", "/x", ".x", "..", "\xff"}) {
    EXPECT_TRUE(IsKind(name.Fill({{"key", value}}).status(), ErrorKind::kInvalidInput)) << value;
  }
  EXPECT_TRUE(IsKind(name.Fill({{"key", std::string("a\0b", 3)}}).status(), ErrorKind::kInvalidInput));
  EXPECT_EQ(name.Fill({{"key", "a/b"}}).ValueOrDie(), "a/b.parquet");
}

TEST(OutputTemplateTest, NamesTheKeyThatIsMissing) {
  const auto filled = Parsed("${rank}_${lang}.parquet").Fill({{"rank", "00000"}});
  EXPECT_NE(filled.status().message().find("'lang'"), std::string::npos) << filled.status();
}

TEST(OutputTemplateTest, MatchesItsOwnNamesAndTheirParts) {
  const OutputTemplate name = Parsed("${lang}/${rank}_${chunk_index}.parquet");
  const TemplateValues known = {{"rank", "00001"}};
  for (const char* text : {"de/00001_0.parquet", "x y/00001_123.parquet", "de/002_00001_7.parquet"}) {
    EXPECT_TRUE(name.Matches(text, known)) << text;
  }
  for (const char* text :
       {"de/00002_0.parquet", "00001_0.parquet", "/00001_0.parquet", "de/00001_x.parquet",
        "de/00001_.parquet", "a/b/00001_0.parquet", "de/00001_0.parquet.tmp", "de/02_00001_7.parquet"}) {
    EXPECT_FALSE(name.Matches(text, known)) << text;
  }
}

TEST(OutputTemplateTest, NamesParts) {
  EXPECT_EQ(PartName("a/b.parquet", 0), "a/000_b.parquet");
  EXPECT_EQ(PartName("b.parquet", 1234), "1234_b.parquet");
  EXPECT_EQ(RankText(7), "00007");
  EXPECT_EQ(RankText(123456), "123456");
}

}  // namespace
}  // namespace marquet::output
