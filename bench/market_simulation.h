// A limit order book that lives: orders are added, changed, cancelled and traded at random, and prices move
// because levels run empty. Seeded, so that the same arguments give the same day on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace marquet::bench {

// xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2018).
class Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t Next();
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  double Uniform();                         // [0, 1)
  int Geometric(double success, int most);  // 0, 1, 2 ... `most`
  double Exponential(double mean);

 private:
  uint64_t state_[4];
};

struct Order {
  uint64_t id;
  uint32_t size;
};

struct Level {
  std::vector<Order> orders;
  int64_t size = 0;  // of all orders
};

// One message of an order-by-order feed, given after the book has changed.
struct Message {
  char action;  // A add, C cancel, M modify, T trade, F fill, R clear
  char side;    // B, A, or N
  bool last;    // of its event
  uint64_t order_id = 0;
  int64_t tick = 0;  // price in ticks
  uint32_t size = 0;
  int depth = 0;  // level of the price on its side, before the change
};

class Book {
 public:
  // `middle` is the price to start at, in ticks.
  Book(uint64_t seed, int64_t middle);

  // Makes one event of one or more messages.
  void Step(const std::function<void(const Message&)>& emit);

  // Best first: bids by falling, asks by rising tick.
  const std::map<int64_t, Level, std::greater<int64_t>>& bids() const { return bids_; }
  const std::map<int64_t, Level>& asks() const { return asks_; }

 private:
  using Emit = std::function<void(const Message&)>;
  void Add(bool bid, const Emit& emit);
  template <typename Side>
  void Cancel(Side& side, char name, const Emit& emit);
  template <typename Side>
  void Modify(Side& side, char name, const Emit& emit);
  template <typename Side>
  void Trade(Side& resting, char resting_name, const Emit& emit);
  uint32_t OrderSize();

  Random random_;
  int64_t middle_;
  uint64_t next_order_ = 1;
  bool opened_ = false;
  size_t bid_orders_ = 0, ask_orders_ = 0;
  std::map<int64_t, Level, std::greater<int64_t>> bids_;
  std::map<int64_t, Level> asks_;
};

}  // namespace marquet::bench
