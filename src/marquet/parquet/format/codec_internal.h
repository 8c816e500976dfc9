// Codecs in Parquet's own terms.
#pragma once

#include "marquet/parquet/format/options.h"
#include "parquet/types.h"

namespace marquet::pq {

::parquet::Compression::type ParquetCodec(Codec codec);

}  // namespace marquet::pq
