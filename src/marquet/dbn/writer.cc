#include "marquet/dbn/writer.h"

#include <string>

#include "arrow/api.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/dbn/byte_sink.h"
#include "marquet/dbn/layout.h"
#include "marquet/dbn/metadata_codec.h"
#include "marquet/dbn/record_encoder.h"

namespace marquet::dbn {
namespace {

constexpr int64_t kRowsAtOnce = 1024;

}  // namespace

struct Writer::Impl {
  Metadata metadata;
  std::unique_ptr<ByteSink> sink;
  std::string scratch;
};

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::~Writer() = default;

arrow::Result<std::unique_ptr<Writer>> Writer::Open(std::shared_ptr<arrow::io::OutputStream> output,
                                                    Metadata metadata, WriteOptions options) {
  auto impl = std::make_unique<Impl>();
  ARROW_ASSIGN_OR_RAISE(std::string header, EncodeMetadata(metadata));
  impl->metadata = std::move(metadata);
  ARROW_ASSIGN_OR_RAISE(impl->sink,
                        ByteSink::Open(std::move(output), options.compress, options.compression_level));
  if (options.write_metadata) ARROW_RETURN_NOT_OK(impl->sink->Write(header));
  return std::unique_ptr<Writer>(new Writer(std::move(impl)));
}

arrow::Status Writer::Write(RecordKind kind, const arrow::RecordBatch& rows) {
  ARROW_ASSIGN_OR_RAISE(auto encoder,
                        RecordEncoder::Make(kind, impl_->metadata.version, impl_->metadata.ts_out, rows));
  for (int64_t begin = 0; begin < rows.num_rows(); begin += kRowsAtOnce) {
    impl_->scratch.clear();
    ARROW_RETURN_NOT_OK(
        encoder.Append(begin, std::min(begin + kRowsAtOnce, rows.num_rows()), impl_->scratch));
    ARROW_RETURN_NOT_OK(impl_->sink->Write(impl_->scratch));
  }
  return arrow::Status::OK();
}

arrow::Status Writer::WriteRaw(std::string_view record) {
  if (record.size() < kHeaderBytes || record.size() != static_cast<uint8_t>(record[0]) * size_t{4}) {
    return InvalidInput(
        fmt::format("a record of {} bytes whose first byte is {} is none: its length in units of 4 bytes",
                    record.size(), record.empty() ? 0 : static_cast<uint8_t>(record[0])));
  }
  return impl_->sink->Write(record);
}

arrow::Status Writer::Close() { return impl_->sink->Close(); }

}  // namespace marquet::dbn
