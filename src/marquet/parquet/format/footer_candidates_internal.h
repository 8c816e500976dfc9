// Places inside of a file where a footer may lie: what ends in a length and "PAR1".
//
// Such bytes cost nothing to make, and the lengths may all be long: so the first bytes of what would be the
// footer are looked at before it is read, and what is read is bounded by the size of the file.
#pragma once

#include <cstdint>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "marquet/base/progress.h"

namespace marquet::pq {

// Belongs to one thread at a time.
class FooterCandidates {
 public:
  // `size`: of the file.
  FooterCandidates(arrow::io::RandomAccessFile& file, int64_t size, const StopFlag* stop);

  // Whether the `length` bytes from `begin` on, which lie in the file, begin as a footer does, and may be
  // read. False once all that may be read was; gave_up() tells.
  arrow::Result<bool> IsWorthReading(int64_t begin, int64_t length);

  // A place was passed over because too much had been read for others.
  bool gave_up() const { return gave_up_; }

 private:
  bool Spend(int64_t bytes);

  arrow::io::RandomAccessFile& file_;
  const StopFlag* const stop_;
  int64_t left_;  // bytes that may still be read
  bool gave_up_ = false;
};

}  // namespace marquet::pq
