#include <atomic>

#include "arrow/record_batch.h"
#include "marquet/parquet/write/encoder_fault_internal.h"

namespace marquet::pq {
namespace {

std::atomic<const EncoderFault*> current_fault{nullptr};

}  // namespace

ScopedEncoderFault::ScopedEncoderFault(EncoderFault fault) : fault_(std::move(fault)) {
  current_fault.store(&fault_);
}

ScopedEncoderFault::~ScopedEncoderFault() { current_fault.store(nullptr); }

std::shared_ptr<arrow::RecordBatch> AfterFault(std::shared_ptr<arrow::RecordBatch> rows) {
  const EncoderFault* const fault = current_fault.load(std::memory_order_acquire);
  return fault == nullptr ? std::move(rows) : (*fault)(std::move(rows));
}

}  // namespace marquet::pq
