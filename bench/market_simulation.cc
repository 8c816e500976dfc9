#include "market_simulation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

namespace marquet::bench {
namespace {

constexpr size_t kOrdersASide = 400;  // what the book tends towards
constexpr int kDeepest = 30;          // ticks behind the best opposite price

uint64_t SplitMix(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(seed);
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

int Random::Geometric(double success, int most) {
  int count = 0;
  while (count < most && Uniform() >= success) ++count;
  return count;
}

double Random::Exponential(double mean) { return -mean * std::log1p(-Uniform()); }

Book::Book(uint64_t seed, int64_t middle) : random_(seed), middle_(middle) {}

// Round lots are common, and most orders are small.
uint32_t Book::OrderSize() {
  const auto lots = static_cast<uint32_t>(1 + random_.Geometric(0.35, 40));
  return random_.Below(12) == 0 ? lots * 10 : lots;
}

void Book::Step(const Emit& emit) {
  if (!opened_) {
    opened_ = true;
    emit({'R', 'N', true});
    return;
  }
  const bool bid = random_.Below(2) == 0;
  const size_t orders = bid ? bid_orders_ : ask_orders_;
  const double fill = static_cast<double>(orders) / kOrdersASide;
  const double draw = random_.Uniform();
  if (orders < 20 || draw < 0.62 - 0.2 * fill) {
    Add(bid, emit);
  } else if (draw < 0.84) {
    bid ? Cancel(bids_, 'B', emit) : Cancel(asks_, 'A', emit);
  } else if (draw < 0.95) {
    bid ? Modify(bids_, 'B', emit) : Modify(asks_, 'A', emit);
  } else {
    bid ? Trade(bids_, 'B', emit) : Trade(asks_, 'A', emit);
  }
}

void Book::Add(bool bid, const Emit& emit) {
  // Behind the best opposite price, so that the book never crosses.
  const int behind = 1 + random_.Geometric(0.22, kDeepest);
  const int64_t best_ask = asks_.empty() ? middle_ + 1 : asks_.begin()->first;
  const int64_t best_bid = bids_.empty() ? middle_ - 1 : bids_.begin()->first;
  const int64_t tick = bid ? best_ask - behind : best_bid + behind;
  const Order order{next_order_++, OrderSize()};
  auto put = [&](auto& side) {
    auto [level, added] = side.try_emplace(tick);
    const auto depth = static_cast<int>(std::distance(side.begin(), level));
    level->second.orders.push_back(order);
    level->second.size += order.size;
    return depth;
  };
  const int depth = bid ? put(bids_) : put(asks_);
  ++(bid ? bid_orders_ : ask_orders_);
  emit({'A', bid ? 'B' : 'A', true, order.id, tick, order.size, depth});
}

template <typename Side>
void Book::Cancel(Side& side, char name, const Emit& emit) {
  const int depth = random_.Geometric(0.25, static_cast<int>(side.size()) - 1);
  auto level = std::next(side.begin(), depth);
  const int64_t tick = level->first;
  const size_t chosen = random_.Below(level->second.orders.size());
  const Order order = level->second.orders[chosen];
  level->second.orders.erase(level->second.orders.begin() + static_cast<std::ptrdiff_t>(chosen));
  level->second.size -= order.size;
  if (level->second.orders.empty()) side.erase(level);
  --(name == 'B' ? bid_orders_ : ask_orders_);
  emit({'C', name, true, order.id, tick, order.size, depth});
}

template <typename Side>
void Book::Modify(Side& side, char name, const Emit& emit) {
  const int depth = random_.Geometric(0.25, static_cast<int>(side.size()) - 1);
  auto level = std::next(side.begin(), depth);
  Order& order = level->second.orders[random_.Below(level->second.orders.size())];
  const uint32_t size = OrderSize();
  level->second.size += int64_t{size} - order.size;
  order.size = size;
  emit({'M', name, true, order.id, level->first, size, depth});
}

template <typename Side>
void Book::Trade(Side& resting, char resting_name, const Emit& emit) {
  auto level = resting.begin();
  const int64_t tick = level->first;
  Order& order = level->second.orders.front();
  const uint32_t size = std::min(order.size, OrderSize());
  const uint64_t id = order.id;
  const char aggressor = resting_name == 'B' ? 'A' : 'B';
  emit({'T', aggressor, false, 0, tick, size, 0});
  emit({'F', resting_name, false, id, tick, size, 0});
  level->second.size -= size;
  if (size < order.size) {
    order.size -= size;
    emit({'M', resting_name, true, id, tick, order.size, 0});
    return;
  }
  level->second.orders.erase(level->second.orders.begin());
  if (level->second.orders.empty()) resting.erase(level);
  --(resting_name == 'B' ? bid_orders_ : ask_orders_);
  emit({'C', resting_name, true, id, tick, size, 0});
}

}  // namespace marquet::bench
