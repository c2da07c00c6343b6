// Precompiled: what most of export includes.
#pragma once
#include "block.h"
#include "fuse.h"

#include "export/fuse_export.h"
