#include "marquet/pipeline/source_files.h"

#include <algorithm>
#include <atomic>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/stdio.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/pipeline/json_file.h"

namespace marquet::pipeline {

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

 private:
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  int64_t position_ = 0;
};

// "day.mbo.dbn", "day.dbn.zst", "part.dbn.frag.zst"; a legacy ".dbz" too, so that it is refused and not
// passed over.
bool IsDbnName(std::string_view name) {
  return !name.starts_with('.') &&
         (name.ends_with(".dbn") || name.find(".dbn.") != std::string_view::npos || name.ends_with(".dbz"));
}

arrow::Result<std::unique_ptr<JsonFile>> ReadJson(file::FileSystem& fs, const std::string& path,
                                                  std::string what) {
  ARROW_ASSIGN_OR_RAISE(std::string text, file::ReadAll(fs, path));
  return JsonFile::Parse(path, std::move(what), std::move(text));
}

int32_t DateOf(const JsonField& json) {
  const auto date = ParseDate(json.String());
  if (date.ok()) return *date;
  json.Fail("a date such as 2024-01-02");
  return 0;
}

// {"result": {"ESH4": [{"d0": "2024-01-02", "d1": "2024-01-03", "s": "17077"}]}}
arrow::Result<std::vector<dbn::SymbolMapping>> ReadSymbology(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, ReadJson(fs, path, "a symbology file"));
  std::vector<dbn::SymbolMapping> mappings;
  file->root().At("result").ForEachMember([&](std::string_view symbol, const JsonField& intervals) {
    dbn::SymbolMapping mapping;
    mapping.raw_symbol = symbol;
    intervals.ForEach([&](const JsonField& interval) {
      mapping.intervals.push_back(
          {DateOf(interval.At("d0")), DateOf(interval.At("d1")), interval.At("s").String()});
    });
    mappings.push_back(std::move(mapping));
  });
  ARROW_RETURN_NOT_OK(file->status());
  return mappings;
}

// [{"date": "2024-01-02", "condition": "available"}]
arrow::Result<std::string> ReadCondition(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, ReadJson(fs, path, "a condition file"));
  std::string note;
  file->root().ForEach([&](const JsonField& day) {
    const std::string condition = day.At("condition").String();
    if (condition == "available") return;
    note += fmt::format("{}{} is {}", note.empty() ? "" : ", ", day.At("date").String(), condition);
  });
  ARROW_RETURN_NOT_OK(file->status());
  return note;
}

// {"files": [{"filename": "day.dbn.zst", "size": 123, "hash": "sha256:..."}]}
struct ManifestEntry {
  std::string name, hash;
  int64_t size = 0;
};

arrow::Result<std::vector<ManifestEntry>> ReadManifest(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, ReadJson(fs, path, "a batch folder's manifest"));
  std::vector<ManifestEntry> entries;
  file->root().At("files").ForEach([&](const JsonField& entry) {
    const std::string name = entry.At("filename").String();
    if (!IsDbnName(name)) return;
    entries.push_back({name, entry.At("hash").String(), entry.At("size").Integer<int64_t>()});
  });
  ARROW_RETURN_NOT_OK(file->status());
  return entries;
}

arrow::Status FindInBatch(file::FileSystem& fs, const std::string& directory,
                          std::vector<SourceFile>* found) {
  const std::string manifest = file::JoinPath(directory, "manifest.json");
  ARROW_ASSIGN_OR_RAISE(const auto entries, ReadManifest(fs, manifest));
  SourceFile common;
  const std::string symbology = file::JoinPath(directory, "symbology.json");
  ARROW_ASSIGN_OR_RAISE(const bool has_symbology, file::Exists(fs, symbology));
  if (has_symbology) {
    ARROW_ASSIGN_OR_RAISE(common.mappings, ReadSymbology(fs, symbology));
  }
  const std::string condition = file::JoinPath(directory, "condition.json");
  ARROW_ASSIGN_OR_RAISE(const bool has_condition, file::Exists(fs, condition));
  if (has_condition) {
    ARROW_ASSIGN_OR_RAISE(common.note, ReadCondition(fs, condition));
  }
  std::vector<SourceFile> files;
  for (const auto& [name, hash, size] : entries) {
    if (name.find('/') != std::string::npos) {
      return CorruptData(
          fmt::format("{}: lists {}, which is no name of a file beside it", manifest, Quoted(name)));
    }
    SourceFile source = common;
    source.path = file::JoinPath(directory, name);
    const auto info = fs.Stat(source.path);
    if (!info.ok()) return WithContext(info.status(), manifest + " lists a file that is not there");
    if (size != info->size) {
      return CorruptData(fmt::format("{}: has {} bytes; {} says {}", source.path, WithCommas(info->size),
                                     manifest, WithCommas(size)),
                         "download the file again");
    }
    constexpr std::string_view kSha256 = "sha256:";
    if (!hash.starts_with(kSha256)) {
      return Unsupported(fmt::format("{}: gives the hash {}; sha256 is known", manifest, Quoted(hash)));
    }
    source.sha256 = hash.substr(kSha256.size());
    files.push_back(std::move(source));
  }
  if (files.empty()) return NotFound(manifest + ": lists no DBN files");
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::move(files.begin(), files.end(), std::back_inserter(*found));
  return arrow::Status::OK();
}

// A table is no source, nor is what begins with '.' or '_'.
arrow::Status FindInDirectory(file::FileSystem& fs, const std::string& directory,
                              std::vector<SourceFile>* found) {
  ARROW_ASSIGN_OR_RAISE(auto entries, fs.List(directory));
  const auto holds = [&](std::string_view name) {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.path == name; });
  };
  if (holds("manifest.json")) return FindInBatch(fs, directory, found);
  if (holds("_delta_log")) return arrow::Status::OK();
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  for (const file::FileInfo& entry : entries) {
    SourceFile source;
    source.path = file::JoinPath(directory, entry.path);
    if (entry.is_directory) {
      if (entry.path.starts_with('.') || entry.path.starts_with('_')) continue;
      ARROW_RETURN_NOT_OK(FindInDirectory(fs, source.path, found));
    } else if (IsDbnName(entry.path)) {
      found->push_back(std::move(source));
    }
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::vector<SourceFile>> FindSourceFiles(file::FileSystem& fs,
                                                       const std::vector<std::string>& sources) {
  std::vector<SourceFile> found;
  for (const std::string& path : sources) {
    if (path != "-") {
      ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs.Stat(path));
      if (info.is_directory) {
        const size_t before = found.size();
        ARROW_RETURN_NOT_OK(FindInDirectory(fs, path, &found));
        if (found.size() == before) {
          return NotFound(path + ": holds no DBN files",
                          "files named *.dbn and *.dbn.zst are looked for, in folders below it too");
        }
        continue;
      }
    }
    SourceFile source;
    source.path = path;
    found.push_back(std::move(source));
  }
  return found;
}

arrow::Result<OpenedSource> OpenSource(file::FileSystem& fs, const SourceFile& source) {
  OpenedSource opened;
  std::shared_ptr<arrow::io::InputStream> input;
  if (source.standard_input()) {
    input = std::make_shared<arrow::io::StdinStream>();
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
  ARROW_ASSIGN_OR_RAISE(const OpenedSource opened, OpenSource(fs, source));
  return FinishDigest(*opened.hashed, source, stop);
}

}  // namespace marquet::pipeline
