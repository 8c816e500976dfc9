// Whether the prices of order-book rows mean what their types say: integers are units of 1e-9, floats are
// prices.
//
// pandas and NumPy make floats of integers beside a null. As prices these are other ones, a billion times as
// large, and of small ones nothing tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/status.h"
#include "arrow/type_fwd.h"

namespace marquet::depth {

// "bid_px_00" to "ask_px_09".
bool IsBookPrice(std::string_view column);

// Looks at rows that come batch by batch until it is known what their floats are. Owned by one thread at a
// time.
class PriceUnits {
 public:
  // `micro_pip`: in units of 1e-9, the largest that the rows may have; 0 when none is known.
  explicit PriceUnits(int64_t micro_pip) : micro_pip_(micro_pip) {}

  // kInvalidInput, with a hint, for columns of floats that can only be units of 1e-9: they are of the size of
  // integers beside them; or they are whole numbers beyond all prices, or so far apart that a tensor would
  // show none but the last.
  arrow::Status Look(const arrow::RecordBatch& rows);

  // That floats were looked at, and are prices: further rows need not be.
  bool known() const { return known_; }

 private:
  arrow::Status LookAt(const std::string& column, std::vector<double> floats, std::vector<double> integers);

  const int64_t micro_pip_;
  bool known_ = false;
};

}  // namespace marquet::depth
