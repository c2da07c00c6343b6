// Precompiled: what most tests of the transports include.
#pragma once
#include "fuse.h"

#include "mount_fixture.h"
#include "raw_fixture.h"
