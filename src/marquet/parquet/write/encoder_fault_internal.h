// For tests: an encoder that makes other rows of those that it is given.
#pragma once

#include <functional>
#include <memory>

#include "arrow/type_fwd.h"

namespace marquet::pq {

using EncoderFault =
    std::function<std::shared_ptr<arrow::RecordBatch>(std::shared_ptr<arrow::RecordBatch> rows)>;

// Until its end every file writer of the process encodes what `fault` makes of its decoded rows. One at a
// time; called from the threads that write.
class ScopedEncoderFault {
 public:
  explicit ScopedEncoderFault(EncoderFault fault);
  ~ScopedEncoderFault();
  ScopedEncoderFault(const ScopedEncoderFault&) = delete;
  ScopedEncoderFault& operator=(const ScopedEncoderFault&) = delete;

 private:
  const EncoderFault fault_;
};

// The rows themselves where no fault was asked for.
std::shared_ptr<arrow::RecordBatch> AfterFault(std::shared_ptr<arrow::RecordBatch> rows);

}  // namespace marquet::pq
