// Precompiled: what most of fuse includes.
#pragma once
#include "core.h"

#include "fuse/abi.h"
#include "fuse/filesystem.h"
#include "fuse/loopback.h"
#include "fuse/server.h"
#include "fuse/transport.h"
