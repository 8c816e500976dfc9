#include "marquet/jobs/ingest/source_stream.h"

#include <atomic>
#include <optional>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/log.h"
#include "marquet/file/standard_input.h"
#include "spdlog/logger.h"

namespace marquet::jobs {

class SourceStream final : public arrow::io::InputStream {
 public:
  SourceStream(std::shared_ptr<arrow::io::InputStream> input, bool sha256)
      : input_(std::move(input)), sha256_(sha256 ? std::make_optional<Sha256Digest>() : std::nullopt) {}

  arrow::Result<int64_t> Read(int64_t nbytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t read, input_->Read(nbytes, out));
    digest_.Update(out, read);
    if (sha256_) sha256_->Update(out, read);
    position_.fetch_add(read, std::memory_order_relaxed);
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    ARROW_ASSIGN_OR_RAISE(const int64_t read, Read(nbytes, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(read));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Tell() const override { return position(); }
  arrow::Status Close() override { return input_->Close(); }
  bool closed() const override { return input_->closed(); }
  arrow::Status Abort() override { return input_->Abort(); }

  int64_t position() const { return position_.load(std::memory_order_relaxed); }
  std::string digest() const { return digest_.Hex(); }
  std::string sha256() { return sha256_->Hex(); }

 private:
  std::shared_ptr<arrow::io::InputStream> input_;
  Xxh3Digest digest_;
  std::optional<Sha256Digest> sha256_;
  std::atomic<int64_t> position_{0};
};

namespace {

constexpr int64_t kReadBytes = 1 << 20;

// A file read from its start to its end.
class FileStream final : public arrow::io::InputStream {
 public:
  explicit FileStream(std::shared_ptr<arrow::io::RandomAccessFile> file) : file_(std::move(file)) {}
  arrow::Result<int64_t> Read(int64_t nbytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t read, file_->ReadAt(position_, nbytes, out));
    position_ += read;
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, file_->ReadAt(position_, nbytes));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override { return file_->Close(); }
  bool closed() const override { return file_->closed(); }
  arrow::Status Abort() override { return arrow::Status::OK(); }  // no read of a file waits for long

 private:
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  int64_t position_ = 0;
};

}  // namespace

arrow::Result<OpenedSource> OpenSource(file::FileSystem& fs, const SourceFile& source, const StopFlag* stop) {
  OpenedSource opened;
  std::shared_ptr<arrow::io::InputStream> input;
  if (source.standard_input()) {
    input = file::StandardInput(stop);
  } else {
    ARROW_ASSIGN_OR_RAISE(auto file, fs.OpenForReading(source.path));
    ARROW_ASSIGN_OR_RAISE(opened.size, file->GetSize());
    input = std::make_shared<FileStream>(std::move(file));
  }
  opened.hashed = std::make_shared<SourceStream>(std::move(input), source.sha256.has_value());
  opened.stream = opened.hashed;
  return opened;
}

int64_t PositionOf(const SourceStream& stream) { return stream.position(); }

void Abandon(SourceStream& stream) {
  const arrow::Status aborted = stream.Abort();
  if (!aborted.ok()) Log().warn("{}", aborted.message());
}

arrow::Result<std::string> FinishDigest(SourceStream& stream, const SourceFile& source,
                                        const StopFlag* stop) {
  std::string rest(kReadBytes, '\0');
  while (true) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    ARROW_ASSIGN_OR_RAISE(const int64_t read, stream.Read(kReadBytes, rest.data()));
    if (read == 0) break;
  }
  if (source.sha256) {
    const std::string found = stream.sha256();
    if (found != *source.sha256) {
      return CorruptData(
          fmt::format("{}: has the SHA-256 {}; the manifest says {}", source.path, found, *source.sha256),
          "download the file again");
    }
  }
  return stream.digest();
}

arrow::Result<std::string> DigestOfFile(file::FileSystem& fs, const std::string& path, const StopFlag* stop) {
  SourceFile source;
  source.path = path;
  ARROW_ASSIGN_OR_RAISE(const OpenedSource opened, OpenSource(fs, source, stop));
  return FinishDigest(*opened.hashed, source, stop);
}

}  // namespace marquet::jobs
