// The uncompressed bytes of a source, in blocks, whether the source is compressed or not.
//
// The first four bytes tell zstd (a frame or a skippable frame) from everything else. Several zstd frames in
// a row are one stream; checksums are verified; windows above 128 MiB are refused. Decompression runs in a
// thread of its own, a few blocks ahead of the caller. Not thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"

namespace marquet::dbn {

class ByteStream {
 public:
  struct Block {
    const uint8_t* data = nullptr;
    int64_t size = 0;  // 0 only at the end
  };

  // Errors of the input are passed on. `abandon_input`, which may be empty, is called when the stream goes
  // before its thread has come to the end: it must make a read of the input end that would wait.
  static arrow::Result<std::unique_ptr<ByteStream>> Open(std::shared_ptr<arrow::io::InputStream> input,
                                                         std::string name,
                                                         std::function<void()> abandon_input = {});
  ~ByteStream();

  // The next bytes, valid until the next call, or an empty block at the end. kCorruptData, with the position
  // in the compressed file, for a damaged frame or one that is followed by something else; a frame cut short
  // ends the stream and is told by truncated_frame().
  arrow::Result<Block> Next();

  bool compressed() const;
  // After the end: what is to be said of a last frame cut short; empty when there was none.
  const std::string& truncated_frame() const;
  // A legacy DBZ file is one zstd frame behind a skippable frame that carries its header.
  bool legacy_dbz() const;

 private:
  struct Impl;
  explicit ByteStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::dbn
