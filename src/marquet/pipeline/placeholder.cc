#include "marquet/pipeline/export.h"
#include "marquet/pipeline/ingest.h"
