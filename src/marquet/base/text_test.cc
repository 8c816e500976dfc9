#include "marquet/base/text.h"

#include <gtest/gtest.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/readable.h"

namespace marquet {
namespace {

TEST(TextTest, SeparatesThousands) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1'000), "1,000");
  EXPECT_EQ(WithCommas(-1'234'567), "-1,234,567");
  EXPECT_EQ(Counted(0, "row"), "0 rows");
  EXPECT_EQ(Counted(1, "row"), "1 row");
  EXPECT_EQ(Counted(1'000, "row"), "1,000 rows");
}

TEST(TextTest, ReadsSizes) {
  EXPECT_EQ(ParseBytes("4096").ValueOrDie(), 4096);
  EXPECT_EQ(ParseBytes("2GB").ValueOrDie(), 2'000'000'000);
  EXPECT_EQ(ParseBytes("1.5 MiB").ValueOrDie(), 1'572'864);
  for (const char* text : {"", "GB", "-1", "0", "2 parsecs", "1e400", "nan"}) {
    EXPECT_TRUE(IsKind(ParseBytes(text).status(), ErrorKind::kInvalidInput)) << text;
  }
}

TEST(TextTest, ReadsDurations) {
  EXPECT_EQ(ParseDuration("0s").ValueOrDie(), 0);
  EXPECT_EQ(ParseDuration("90s").ValueOrDie(), 90'000);
  EXPECT_EQ(ParseDuration("30m").ValueOrDie(), 1'800'000);
  EXPECT_EQ(ParseDuration("1.5h").ValueOrDie(), 5'400'000);
  EXPECT_EQ(ParseDuration("2d").ValueOrDie(), 172'800'000);
  for (const char* text : {"", "h", "60", "-1s", "2 h", "1w", "1hh", "nans", "1e300d"}) {
    EXPECT_TRUE(IsKind(ParseDuration(text).status(), ErrorKind::kInvalidInput)) << text;
  }
}

TEST(TextTest, EscapesForUrisAndBack) {
  const std::string odd = "symbol=UD:1V: GN 2437%/\xC3\xA9";
  EXPECT_EQ(UriEncode("a b/c%"), "a%20b/c%25");
  EXPECT_EQ(UriDecode(UriEncode(odd)).ValueOrDie(), odd);
  EXPECT_TRUE(IsKind(UriDecode("a%4").status(), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(UriDecode("%zz").status(), ErrorKind::kInvalidInput));
  EXPECT_EQ(UriDecode("%41").ValueOrDie(), "A");
}

TEST(TextTest, TellsUtf8FromOtherBytes) {
  EXPECT_TRUE(IsUtf8("ESH4 \xE2\x82\xAC"));
  EXPECT_FALSE(IsUtf8("\xED\xA0\x80"));  // a surrogate
  EXPECT_FALSE(IsUtf8("\xC0\x80"));      // an overlong NUL
  EXPECT_FALSE(IsUtf8("\xE2\x82"));      // cut short
}

TEST(TextTest, QuotesHostileBytes) {
  EXPECT_EQ(Quoted("a\nb\xFF"), "'a\\x0ab\\xff'");
  EXPECT_EQ(Quoted("abcdef", 3), "'abc...'");
}

TEST(HashTest, AgreesWithPublishedVectors) {
  Sha256Digest sha;
  sha.Update("abc", 3);
  EXPECT_EQ(sha.Hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Xxh3Hex(""), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing, seed 0
  Xxh3Digest parts;
  parts.Update("hello ", 6);
  parts.Update("world", 5);
  EXPECT_EQ(parts.Hex(), Xxh3Hex("hello world"));
}

TEST(TextTest, NearNamesAreWithinTwoEdits) {
  const std::vector<std::string> columns = {"symbol", "price", "bid_px_00", "ask_px_00", "ts", "side"};
  EXPECT_EQ(NearNames("simbol", columns), std::vector<std::string>{"symbol"});
  EXPECT_EQ(NearNames("Pirce", columns), std::vector<std::string>{"price"});
  EXPECT_EQ(NearNames("bid_px_0", columns), std::vector<std::string>{"bid_px_00"});
  EXPECT_EQ(NearNames("st", columns), std::vector<std::string>{"ts"});
  EXPECT_TRUE(NearNames("volume", columns).empty());
  EXPECT_TRUE(NearNames("q", {"a", "s"}).empty());                        // one edit, and nothing in common
  EXPECT_EQ(NearNames("q", {"q1", "Q"}), std::vector<std::string>{"Q"});  // only the nearest
  EXPECT_EQ(NearNames("jbs", {"jobs", "jibs", "json"}), (std::vector<std::string>{"jobs", "jibs"}));
  EXPECT_EQ(DidYouMean("simbol", columns), "did you mean 'symbol'?");
  EXPECT_EQ(DidYouMean("volume", columns), "");
}

TEST(TextTest, ShowsWhatIsNotUtf8) {
  EXPECT_EQ(Readable(""), "");
  EXPECT_EQ(Readable("caf\u00e9\tday\n"), "caf\u00e9\tday\n");
  EXPECT_EQ(Readable("good\nca\tf\xe9 \u00e9\n\n"), "good\nca\\x09f\\xe9 \u00e9\n\n");
  EXPECT_EQ(Readable("\xff"), "\\xff");
}

}  // namespace
}  // namespace marquet
