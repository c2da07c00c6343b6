// Precompiled: what most of core and of the layers above includes.
#pragma once
#include "standard.h"

#include "base/align.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"
#include "core/aio_context.h"
#include "core/log.h"
#include "core/scope.h"
#include "core/sync.h"
#include "core/task.h"
