// Precompiled: what most of the block layer includes.
#pragma once
#include "core.h"

#include "block/block_graph.h"
#include "block/open_image.h"
