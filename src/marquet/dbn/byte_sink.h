// Where encoded bytes go: straight to an output, or through one zstd frame with a checksum. Not thread safe.
#pragma once

#include <memory>
#include <string_view>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"

namespace marquet::dbn {

class ByteSink {
 public:
  // `level` is zstd's, and ignored without compression. Errors: kInvalidInput for a level that zstd has not.
  static arrow::Result<std::unique_ptr<ByteSink>> Open(std::shared_ptr<arrow::io::OutputStream> output,
                                                       bool compress, int level);
  ~ByteSink();

  arrow::Status Write(std::string_view bytes);
  // Ends the frame; the output stays open.
  arrow::Status Close();

 private:
  struct Impl;
  explicit ByteSink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::dbn
