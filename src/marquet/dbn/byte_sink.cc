#include "marquet/dbn/byte_sink.h"

#include <zstd.h>

#include <string>

#include "arrow/io/interfaces.h"
#include "fmt/format.h"
#include "marquet/base/error.h"

namespace marquet::dbn {

struct ByteSink::Impl {
  std::shared_ptr<arrow::io::OutputStream> output;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{nullptr, ZSTD_freeCCtx};
  std::string compressed;

  arrow::Status Compress(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (true) {
      ZSTD_outBuffer out{compressed.data(), compressed.size(), 0};
      const size_t left = ZSTD_compressStream2(context.get(), &out, &in, directive);
      if (ZSTD_isError(left)) {
        return arrow::Status::IOError("zstd cannot compress: ", ZSTD_getErrorName(left));
      }
      if (out.pos > 0) ARROW_RETURN_NOT_OK(output->Write(compressed.data(), static_cast<int64_t>(out.pos)));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return arrow::Status::OK();
    }
  }
};

ByteSink::ByteSink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ByteSink::~ByteSink() = default;

arrow::Result<std::unique_ptr<ByteSink>> ByteSink::Open(std::shared_ptr<arrow::io::OutputStream> output,
                                                        bool compress, int level) {
  auto impl = std::make_unique<Impl>();
  impl->output = std::move(output);
  if (compress) {
    if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel()) {
      return InvalidInput(fmt::format("zstd has no level {}; levels are {} to {}", level, ZSTD_minCLevel(),
                                      ZSTD_maxCLevel()));
    }
    impl->context.reset(ZSTD_createCCtx());
    if (!impl->context) return arrow::Status::OutOfMemory("no memory for a zstd context");
    ZSTD_CCtx_setParameter(impl->context.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(impl->context.get(), ZSTD_c_checksumFlag, 1);
    impl->compressed.resize(ZSTD_CStreamOutSize());
  }
  return std::unique_ptr<ByteSink>(new ByteSink(std::move(impl)));
}

arrow::Status ByteSink::Write(std::string_view bytes) {
  if (impl_->context) return impl_->Compress(bytes, ZSTD_e_continue);
  return impl_->output->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
}

arrow::Status ByteSink::Close() {
  return impl_->context ? impl_->Compress({}, ZSTD_e_end) : arrow::Status::OK();
}

}  // namespace marquet::dbn
