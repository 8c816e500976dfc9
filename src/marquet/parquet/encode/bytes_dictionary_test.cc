// The dictionary of strings against an ordered map.
#include "marquet/parquet/encode/bytes_dictionary_internal.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace marquet::pq {
namespace {

constexpr uint64_t kBytesSeed = 20240107;

// Asks for a value as part of a larger text, whose other bytes must not matter.
std::optional<uint32_t> IndexWithin(BytesDictionary* dictionary, const std::string& value) {
  const std::string around = "#" + value + "#";
  return dictionary->IndexOf(std::string_view(around).substr(1, value.size()));
}

TEST(BytesDictionaryTest, GivesIndicesInTheOrderOfFirstAppearance) {
  std::mt19937_64 random(kBytesSeed);
  const std::string alphabet("\0ab\xFF", 4);
  BytesDictionary dictionary;
  for (const size_t longest : {size_t{1}, size_t{3}, size_t{7}, size_t{8}, size_t{20}}) {
    dictionary.Clear();
    std::map<std::string, uint32_t> expected;
    for (int i = 0; i < 20'000; ++i) {
      std::string value(random() % (longest + 1), ' ');
      for (char& c : value) c = alphabet[random() % alphabet.size()];
      const auto [known, fresh] = expected.emplace(value, static_cast<uint32_t>(expected.size()));
      ASSERT_EQ(IndexWithin(&dictionary, value), known->second) << "seed " << kBytesSeed << ", value " << i;
      ASSERT_EQ(dictionary.value(known->second), value);
    }
    EXPECT_EQ(dictionary.size(), expected.size());
  }
}

// What is held grows with the values, of either length, and is given back.
TEST(BytesDictionaryTest, ItsMemoryIsCounted) {
  for (const size_t size : {size_t{5}, size_t{12}}) {
    BytesDictionary dictionary;
    const int64_t empty = dictionary.bytes();
    for (int i = 0; i < 40'000; ++i) {
      std::string value = std::to_string(i);
      value.insert(0, size - std::min(size, value.size()), '0');
      ASSERT_TRUE(IndexWithin(&dictionary, value));
    }
    // The values with their lengths, where each ends, and a table that is at most half full.
    EXPECT_GE(dictionary.bytes(), static_cast<int64_t>(40'000 * (size + 4 + sizeof(size_t) + 2 * 16)));
    dictionary.Clear();
    EXPECT_LT(dictionary.bytes(), empty + 4'096);
  }
}

TEST(BytesDictionaryTest, ABytesIndexIsThatOfATextOfOne) {
  std::mt19937_64 random(kBytesSeed);
  BytesDictionary dictionary;
  for (int round = 0; round < 3; ++round) {
    dictionary.Clear();
    for (int i = 0; i < 5'000; ++i) {
      const auto byte = static_cast<char>(random() % 256);
      const std::string text(1, byte);
      const bool as_byte = random() % 2 == 0;
      const auto first = as_byte ? dictionary.IndexOf(byte) : dictionary.IndexOf(std::string_view(text));
      const auto second = as_byte ? dictionary.IndexOf(std::string_view(text)) : dictionary.IndexOf(byte);
      ASSERT_EQ(first, second) << "seed " << kBytesSeed << ", value " << i;
      ASSERT_EQ(dictionary.value(*first), text);
    }
    EXPECT_EQ(dictionary.size(), 256U);
  }
}

TEST(BytesDictionaryTest, ZerosAtTheEndAreTellingValuesApart) {
  BytesDictionary dictionary;
  for (uint32_t size = 0; size < 12; ++size) {
    EXPECT_EQ(IndexWithin(&dictionary, std::string(size, '\0')), size);
  }
  for (uint32_t size = 0; size < 12; ++size) {
    EXPECT_EQ(IndexWithin(&dictionary, std::string(size, '\0')), size);
  }
}

TEST(BytesDictionaryTest, TakesNoMoreThanItMayHold) {
  BytesDictionary dictionary;
  for (size_t i = 0; i < BytesDictionary::kMostValues; ++i) {
    const std::string value{static_cast<char>(i), static_cast<char>(i >> 8), static_cast<char>(i >> 16)};
    ASSERT_EQ(dictionary.IndexOf(value), static_cast<uint32_t>(i));
  }
  EXPECT_FALSE(dictionary.IndexOf("more"));
  EXPECT_EQ(dictionary.IndexOf(std::string(3, '\0')), 0U);  // what it has it still finds
}

TEST(BytesDictionaryTest, RefusesAValueThatIsTooLong) {
  BytesDictionary dictionary;
  EXPECT_FALSE(dictionary.IndexOf(std::string(BytesDictionary::kMostBytes, 'x')));
  EXPECT_EQ(dictionary.size(), 0U);
  EXPECT_EQ(dictionary.IndexOf("x"), 0U);
}

}  // namespace
}  // namespace marquet::pq
