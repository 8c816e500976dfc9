#include "marquet/parquet/write/rescue_journal_internal.h"

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "marquet/base/error.h"
#include "marquet/file/temporary_name.h"
#include "marquet/parquet/format/footer_internal.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {

std::shared_ptr<::parquet::FileMetaData> EmptyFooter(const FormatParts& format) {
  const auto builder = ::parquet::FileMetaDataBuilder::Make(format.descriptor.get(), format.properties);
  auto* const group = builder->AppendRowGroup();
  group->set_num_rows(0);
  for (int leaf = 0; leaf < format.descriptor->num_columns(); ++leaf) {
    const auto encoding = format.properties->encoding(format.descriptor->Column(leaf)->path());
    group->NextColumnChunk()->Finish(0, -1, -1, kMagicBytes, 0, 0, /*has_dictionary=*/false,
                                     /*dictionary_fallback=*/false, {}, {{encoding, 1}});
  }
  group->Finish(0);
  return builder->Finish(format.metadata);
}

RescueJournal::RescueJournal(std::shared_ptr<file::FileSystem> fs, const std::string& temporary)
    : fs_(std::move(fs)), path_(file::JournalPath(temporary)) {}

arrow::Status RescueJournal::Write(const FormatParts& format) {
  if (there_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto out, arrow::io::BufferOutputStream::Create());
  ARROW_RETURN_NOT_OK(out->Write("PAR1"));
  ::parquet::WriteFileMetaData(*EmptyFooter(format), out.get());
  ARROW_ASSIGN_OR_RAISE(const auto bytes, out->Finish());
  there_ = true;  // also when creating it throws
  const auto file = fs_->CreateNew(path_);
  there_ = file.ok();
  ARROW_RETURN_NOT_OK(file.status());
  ARROW_RETURN_NOT_OK((*file)->Append(bytes->data(), bytes->size()));
  return (*file)->Close();
}

arrow::Status RescueJournal::Remove() {
  if (!there_ || !home_.IsThis()) return arrow::Status::OK();
  const arrow::Status removed = fs_->Remove(path_);
  if (!removed.ok() && !IsKind(removed, ErrorKind::kNotFound)) return removed;
  there_ = false;
  return arrow::Status::OK();
}

}  // namespace marquet::pq
