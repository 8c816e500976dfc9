#include "marquet/file/durable_file.h"
#include "marquet/file/file_system.h"
