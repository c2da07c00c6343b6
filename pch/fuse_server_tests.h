// Precompiled: what most tests of the server include.
#pragma once
#include "fuse.h"

#include "fake_kernel.h"
