#include "marquet/file/temporary_name.h"

#include <unistd.h>

#include <set>

#include "gtest/gtest.h"
#include "marquet/file/file_system.h"

namespace marquet::file {
namespace {

TEST(TemporaryNameTest, IsTakenApartAgain) {
  for (const char* name : {"day.parquet", "a.b-c.d", "x", "\xC3\xA9.json"}) {
    const std::string path = MakeTemporaryPath(JoinPath("table", name));
    EXPECT_TRUE(path.starts_with(std::string("table/.") + name + ".")) << path;
    for (const bool journal : {false, true}) {
      const auto found = ParseTemporaryName(FileName(journal ? JournalPath(path) : path));
      ASSERT_TRUE(found.has_value()) << path;
      EXPECT_EQ(found->final_name, name);
      EXPECT_EQ(found->pid, ::getpid());
      EXPECT_EQ(found->journal, journal);
    }
  }
}

TEST(TemporaryNameTest, DoesNotComeTwiceAndIsNotTooLong) {
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(made.insert(MakeTemporaryPath("day.parquet")).second);
  std::string long_name;
  for (int i = 0; i < 125; ++i) long_name += "\xC3\xA9";
  const std::string path = MakeTemporaryPath(long_name);
  EXPECT_LE(JournalPath(path).size(), 255u);
  ASSERT_TRUE(ParseTemporaryName(path).has_value());
  EXPECT_TRUE(long_name.starts_with(ParseTemporaryName(path)->final_name));
  EXPECT_TRUE(IsTemporaryOf(*ParseTemporaryName(path), long_name));
  EXPECT_TRUE(IsTemporaryOf(*ParseTemporaryName(MakeTemporaryPath("day.parquet")), "day.parquet"));
  EXPECT_FALSE(IsTemporaryOf(*ParseTemporaryName(MakeTemporaryPath("day.parquet")), "day.parquet2"));
}

TEST(TemporaryNameTest, NamesOfOthersAreNotTakenForOurs) {
  EXPECT_TRUE(ParseTemporaryName(".day.parquet.1a2b-0-0123456789abcdef.tmp").has_value());
  for (const char* name : {
           "",
           ".",
           ".tmp",
           ".day.parquet.tmp",
           "day.parquet.1a2b-0-0123456789abcdef.tmp",  // does not begin with a dot
           ".day.parquet.1a2b-0-0123456789abcdef",     // nor end as it should
           ".day.parquet.1a2b-0-0123456789abcdef.tmp2",
           ".1a2b-0-0123456789abcdef.tmp",  // the name of no file
           "..1a2b-0-0123456789abcdef.tmp",
           ".day.1a2b-0-0123456789abcde.tmp",   // 15 digits
           ".day.1A2B-0-0123456789abcdef.tmp",  // capitals
           ".day.1a2b-0-0123456789abcdeg.tmp",
           ".day.1a2b--0123456789abcdef.tmp",
           ".day.01a2b-0-0123456789abcdef.tmp",  // a leading zero
           ".day.0-0-0123456789abcdef.tmp",      // no process
           ".day.ffffffff-0-0123456789abcdef.tmp",
           ".day.1a2b-0-1-0123456789abcdef.tmp",
           ".day.36d26ccd-93e4-4bc3-9d41-4be3ab77bc5c.tmp",
       }) {
    EXPECT_FALSE(ParseTemporaryName(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace marquet::file
