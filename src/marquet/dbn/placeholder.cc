#include "marquet/dbn/metadata.h"
#include "marquet/dbn/reader.h"
#include "marquet/dbn/writer.h"
