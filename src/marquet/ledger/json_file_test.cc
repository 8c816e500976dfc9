#include "marquet/ledger/json_file.h"

#include <gtest/gtest.h>

#include "marquet/base/error.h"

namespace marquet::ledger {
namespace {

constexpr const char* kCalendar = R"({
  "name": "a\tb",
  "days": [3, 255, {"closed": true}],
  "none": null
})";

std::unique_ptr<JsonFile> Calendar() {
  return JsonFile::Parse("c.json", "a calendar", kCalendar).ValueOrDie();
}

TEST(JsonFileTest, FieldsAreRead) {
  const auto file = Calendar();
  const JsonField root = file->root();
  EXPECT_TRUE(root.is_object());
  EXPECT_EQ(root.At("name").String(), "a\tb");
  EXPECT_EQ(root.At("days").At(0).Integer<int64_t>(), 3);
  EXPECT_EQ(root.At("days").At(1).Integer<uint8_t>(), 255);
  EXPECT_TRUE(root.At("days").At(2).At("closed").Bool());
  EXPECT_TRUE(root.At("none").is_null());
  std::string names;
  root.ForEachMember([&](std::string_view name, const JsonField&) { names += std::string(name) + " "; });
  EXPECT_EQ(names, "name days none ");
  int days = 0;
  root.At("days").ForEach([&](const JsonField&) { ++days; });
  EXPECT_EQ(days, 3);
  EXPECT_TRUE(file->status().ok()) << file->status();
}

TEST(JsonFileTest, TheFirstMisfitIsToldAndWhatFollowsGivesNothing) {
  const auto file = Calendar();
  const JsonField days = file->root().At("days");
  EXPECT_EQ(days.At(1).Integer<int8_t>(), 0);
  EXPECT_EQ(file->root().At("holidays").At(3).At("x").String(), "");
  EXPECT_FALSE(file->root().At("name").Bool());
  days.ForEach([](const JsonField&) { ADD_FAILURE() << "read on"; });
  EXPECT_TRUE(IsKind(file->status(), ErrorKind::kCorruptData));
  EXPECT_EQ(
      file->status().message(),
      "c.json: is not a calendar: line 3, column 15: found 255; expected a whole number from -128 to 127");
}

TEST(JsonFileTest, MisfitsSayWhatWasFoundAndExpected) {
  const auto told = [](const auto& read) {
    const auto file = Calendar();
    read(file->root());
    EXPECT_TRUE(IsKind(file->status(), ErrorKind::kCorruptData));
    return file->status().message().substr(std::string("c.json: is not a calendar: ").size());
  };
  EXPECT_EQ(told([](JsonField root) { root.At("x"); }),
            "line 1, column 1: found an object; expected \"x\" in it");
  EXPECT_EQ(told([](JsonField root) { root.At("days").At(3); }),
            "line 3, column 11: found a list; expected a list of 4 values or more");
  EXPECT_EQ(told([](JsonField root) { root.At("none").String(); }),
            "line 4, column 11: found null; expected a string");
  EXPECT_EQ(told([](JsonField root) { root.At("days").At(0).ForEach([](const JsonField&) {}); }),
            "line 3, column 12: found 3; expected a list");
  EXPECT_EQ(
      told([](JsonField root) { root.At("days").ForEachMember([](std::string_view, const JsonField&) {}); }),
      "line 3, column 11: found a list; expected an object");
}

TEST(JsonFileTest, TextThatIsNoJsonIsToldWithItsLine) {
  const auto message = [](std::string text) {
    const auto status = JsonFile::Parse("c.json", "a calendar", std::move(text)).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData));
    return status.message();
  };
  EXPECT_EQ(message("{\n \"a\": 1,\n \"b\" 2}"),
            "c.json: is not a calendar: line 3, column 6: found '2'; expected ':'");
  EXPECT_EQ(message("[1,\n\n"),
            "c.json: is not a calendar: line 3, column 1: found the end of the text; expected a value");
  EXPECT_EQ(message("[\"\xC3\xA4\", \"\xFFz\"]"),
            "c.json: is not a calendar: line 1, column 9: found '\\xffz'; expected UTF-8");
}

}  // namespace
}  // namespace marquet::ledger
