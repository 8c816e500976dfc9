// Price moves r: sliding exact sums of bid + ask over the two windows of a row.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/labels.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {
namespace {

// The sum of bid + ask of the valid rows of a window, and how many they are.
struct Window {
  __int128 sum = 0;
  int64_t valid = 0;
  void Move(__int128 value, bool is_valid, int sign) {
    if (!is_valid) return;
    sum += sign * value;
    valid += sign;
  }
};

}  // namespace

arrow::Status CheckSpec(const LabelSpec& spec) {
  constexpr int64_t kMost = int64_t{1} << 40;
  if (spec.lookback < 1 || spec.lookforward < 1 || spec.offset < 0 || spec.lookback > kMost ||
      spec.lookforward > kMost || spec.offset > kMost) {
    return InvalidInput(
        fmt::format("lookback {}, lookforward {} and offset {}; expected two positive numbers "
                    "of rows and one that is not negative",
                    spec.lookback, spec.lookforward, spec.offset));
  }
  for (const int classes : {3, 5, 7, 9, 13}) {
    if (spec.classes == classes) return arrow::Status::OK();
  }
  return InvalidInput(fmt::format("{} classes; expected 3, 5, 7, 9 or 13", spec.classes));
}

arrow::Result<InvalidRows> ParseInvalidRows(std::string_view name) {
  if (name == "null") return InvalidRows::kNull;
  if (name == "skip") return InvalidRows::kSkip;
  if (name == "error") return InvalidRows::kError;
  return InvalidInput(
      fmt::format("{} is no policy for invalid rows; expected null, skip or error", Quoted(name)));
}

std::string NameOf(InvalidRows policy) {
  return policy == InvalidRows::kNull ? "null" : policy == InvalidRows::kSkip ? "skip" : "error";
}

arrow::Result<Moves> ComputeMoves(std::span<const int64_t> bid, std::span<const int64_t> ask,
                                  std::span<const int64_t> begins, const LabelSpec& spec) {
  ARROW_RETURN_NOT_OK(CheckSpec(spec));
  const auto rows = static_cast<int64_t>(bid.size());
  if (ask.size() != bid.size()) return InvalidInput("there are not as many asks as bids");
  Moves moves;
  moves.r.assign(rows, std::numeric_limits<double>::quiet_NaN());
  const auto valid = [&](int64_t i) {
    return bid[i] != kUndefinedPrice && ask[i] != kUndefinedPrice && bid[i] <= ask[i];
  };
  for (int64_t i = 0; i < rows; ++i) {
    if (valid(i)) continue;
    ++moves.invalid_rows;
    if (spec.invalid == InvalidRows::kError) {
      const bool crossed = bid[i] != kUndefinedPrice && ask[i] != kUndefinedPrice;
      return InvalidInput(
          fmt::format("row {} has {}", WithCommas(i),
                      crossed ? fmt::format("a bid of {} above its ask of {}", bid[i], ask[i])
                              : std::string("no price on a side of the book")),
          "With the policy null or skip such rows are counted and kept out of the mid prices.");
    }
  }
  for (size_t run = 0; run < begins.size(); ++run) {
    const int64_t begin = begins[run];
    const int64_t n = (run + 1 < begins.size() ? begins[run + 1] : rows) - begin;
    const int64_t ahead = 1 + spec.offset;                    // from s to the first row of its forward window
    const int64_t last = n - spec.lookforward - spec.offset;  // one past the last s
    if (last <= spec.lookback) {
      moves.out_of_range += n;
      continue;
    }
    moves.out_of_range += n - (last - spec.lookback);
    const auto value = [&](int64_t i) { return static_cast<__int128>(bid[begin + i]) + ask[begin + i]; };
    const auto move = [&](Window& window, int64_t i, int sign) {
      window.Move(value(i), valid(begin + i), sign);
    };
    Window back, forward;
    for (int64_t i = 0; i < spec.lookback; ++i) move(back, i, 1);
    for (int64_t i = 0; i < spec.lookforward; ++i) move(forward, spec.lookback + ahead + i, 1);
    for (int64_t s = spec.lookback; s < last; ++s) {
      const bool whole = back.valid == spec.lookback && forward.valid == spec.lookforward;
      if (spec.invalid == InvalidRows::kSkip ? back.valid == 0 || forward.valid == 0 : !whole) {
        ++moves.invalid_windows;
      } else if (back.sum <= 0) {
        ++moves.no_base;
      } else {
        const double b = static_cast<double>(back.sum) / static_cast<double>(2 * back.valid);
        const double f = static_cast<double>(forward.sum) / static_cast<double>(2 * forward.valid);
        moves.r[begin + s] = (f - b) / b;
      }
      if (s + 1 == last) break;
      move(back, s, 1);
      move(back, s - spec.lookback, -1);
      move(forward, s + ahead + spec.lookforward, 1);
      move(forward, s + ahead, -1);
    }
  }
  return moves;
}

}  // namespace marquet::depth
