#include "marquet/delta/shared_list.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "marquet/delta/transaction_map.h"

namespace marquet::delta {
namespace {

std::vector<int> Values(const SharedList<int>& list) {
  std::vector<int> values;
  for (const auto& each : list) values.push_back(*each);
  return values;
}

// Against plain vectors; every list ever made keeps what it had.
TEST(SharedListTest, CopiesKeepWhatTheyHad) {
  std::mt19937 random(7);
  SharedList<int> list;
  std::vector<int> plain;
  std::map<int, size_t> chunk_of;
  std::vector<std::pair<SharedList<int>, std::vector<int>>> kept;
  int next = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::shared_ptr<const int>> added;
    for (int i = random() % 30; i > 0; --i) {
      plain.push_back(next);
      added.push_back(std::make_shared<const int>(next++));
    }
    list.Append(std::move(added), [&](int value, size_t chunk) { chunk_of[value] = chunk; });
    for (int i = random() % 10; i > 0 && !plain.empty(); --i) {
      const size_t at = random() % plain.size();
      const int victim = plain[at];
      list.Erase(chunk_of[victim], [victim](int value) { return value == victim; });
      plain.erase(plain.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (round % 20 == 0) kept.emplace_back(list, plain);
  }
  kept.emplace_back(list, plain);
  for (const auto& [then, values] : kept) {
    EXPECT_EQ(then.size(), values.size());
    EXPECT_EQ(Values(then), values);
  }
  for (size_t i = 0; i < plain.size(); i += 97) EXPECT_EQ(*list[i], plain[i]);
}

TEST(SharedListTest, AnAppendCopiesOneChunkAtMost) {
  SharedList<int> list;
  for (int i = 0; i < 10'000; ++i) list.Append({std::make_shared<const int>(i)}, [](int, size_t) {});
  SharedList<int> longer = list;
  longer.Append({std::make_shared<const int>(0)}, [](int, size_t) {});
  size_t shared = 0;
  for (size_t i = 0; i < list.chunks(); ++i) shared += &list.chunk(i) == &longer.chunk(i);
  EXPECT_GE(shared + 1, list.chunks());
  EXPECT_EQ(list.size(), 10'000u);
  EXPECT_EQ(longer.size(), 10'001u);
}

TEST(TransactionMapTest, CopiesKeepWhatTheyHad) {
  TransactionMap map;
  std::map<std::string, int64_t> plain;
  for (int i = 0; i < 2000; ++i) {
    const std::string id = "app " + std::to_string(i % 700);
    map.Set({id, i, std::nullopt});
    plain[id] = i;
  }
  const TransactionMap before = map;
  map.Set({"app 3", 99'999, std::nullopt});
  map.Set({"another", 1, std::nullopt});
  EXPECT_EQ(map.size(), 701u);
  EXPECT_EQ(map.Find("app 3")->version, 99'999);
  EXPECT_EQ(map.Find("nobody"), nullptr);
  const auto sorted = before.Sorted();
  ASSERT_EQ(sorted.size(), plain.size());
  auto expected = plain.begin();
  for (const auto& each : sorted) {
    EXPECT_EQ(each->app_id, expected->first);
    EXPECT_EQ(each->version, (expected++)->second);
  }
  EXPECT_EQ(TransactionMap().Find("x"), nullptr);
}

}  // namespace
}  // namespace marquet::delta
