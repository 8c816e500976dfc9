// Consecutive order-book rows out of Arrow batches, as the plain int64 columns that tensors are computed
// from.
//
// Takes the columns by Databento's names ({bid,ask}_{px,sz,ct}_00..09); only those that the features need are
// looked at. Prices may be int64 (units of 1e-9, null or INT64_MAX for none), float64 (NaN or null for none)
// or decimal with up to nine places; sizes and counts any integer type. Owned by one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {

// The names of the columns that a tensor of these features needs.
std::vector<std::string> BookColumnNames(unsigned features);

// The values of one column, appended to `out`: an undefined price is kUndefinedPrice. kSchema for a type that
// cannot be a price, or no integer; kInvalidInput for a value that does not fit, naming the row.
arrow::Status AppendPrices(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out);
arrow::Status AppendIntegers(const arrow::Array& column, const std::string& name, int64_t null_value,
                             std::vector<int64_t>* out);
// Times in nanoseconds; a row without one stands where the row before it stands.
arrow::Status AppendTimes(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out);

class BookBuffer {
 public:
  explicit BookBuffer(unsigned features);

  // Adds rows at the end. kSchema when a column is missing. After an error the buffer must not be used.
  arrow::Status Append(const arrow::RecordBatch& batch);

  // Forgets the first rows.
  void DropFront(int64_t rows);

  int64_t rows() const { return static_cast<int64_t>(columns_[0].size()); }
  BookRows View() const;  // until the next Append or DropFront

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<int64_t>> columns_;  // of names_, in their order
};

}  // namespace marquet::depth
