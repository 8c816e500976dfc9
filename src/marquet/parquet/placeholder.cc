#include "marquet/parquet/options.h"
#include "marquet/parquet/reader.h"
#include "marquet/parquet/verify.h"
#include "marquet/parquet/writer.h"
