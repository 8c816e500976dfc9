#include "marquet/depth/tensor.h"
